package pairs

// learnedBy is Learned for g nil, else Back. line sets what each pair of a line gives to its pixels.
func (b *Box) learnedBy(line lineOf, add addOf, out, ext, g []float64, moments [][]float64, l *Layer) {
	image := ext
	if g != nil {
		image = g
	}
	n, last := b.Length, len(b.Strides)-1
	part := func(i int) []float64 { return b.sums[i*(n+1):][:n+1] }
	plus, minus, more := part(0), part(1), part(2)
	p := b.pairs(last, l, ext, g, moments)
	for i, own := range b.Own {
		// The first pair begins before the box; the last one may not exist.
		to := n + 1
		if l.Last[last] {
			to = n
		}
		line(p, plus, minus, b.Ext[i]-1, 1, to)
		if l.First[last] {
			plus[0] = 0
		}
		if l.Last[last] {
			minus[n] = 0
		}
		add(out[own:own+n], image[b.Ext[i]:], plus, minus[1:])
	}
	for k := range last {
		p := b.pairs(k, l, ext, g, moments)
		b.columns(k, func(first, step, count int) {
			if clear(plus); !l.First[k] {
				line(p, plus[:n], minus[:n], b.Ext[first]-b.Strides[k], 0, 0)
			}
			for i := range count {
				at := first + i*step
				if i == count-1 && l.Last[k] {
					clear(minus)
				} else {
					line(p, more[:n], minus[:n], b.Ext[at], 0, n)
				}
				row := out[b.Own[at]:][:n]
				add(row, row, plus, minus)
				plus, more = more, plus
			}
		})
	}
}

// columns calls use for every column of lines along an axis but the last one: the first line, the
// distance of one line to the next, and their number.
func (b *Box) columns(k int, use func(first, step, count int)) {
	step := 1
	for _, n := range b.Shape[k+1 : len(b.Shape)-1] {
		step *= n
	}
	n := b.Shape[k]
	for outer := 0; outer < len(b.Own); outer += step * n {
		for first := range step {
			use(outer+first, step, n)
		}
	}
}

// pairsOf are the pairs along one axis.
type pairsOf struct {
	averages, differences *Spline
	sums, changes         []float64 // moments; nil = none
	ext, g                []float64
	stride                int
	scale                 float64
}

// pairs are those along axis k; the next call overwrites them.
func (b *Box) pairs(k int, l *Layer, ext, g []float64, moments [][]float64) *pairsOf {
	p := &b.along
	*p = pairsOf{averages: l.Splines[2*k], differences: l.Splines[2*k+1], ext: ext, g: g, stride: b.Strides[k], scale: b.scale()}
	if moments != nil {
		p.sums, p.changes = moments[2*k], moments[2*k+1]
	}
	return p
}

// lineOf sets plus, what the second pixel of each pair gets, and minus, what the first gets. The pairs
// begin at ext[at]; those of from ... to - 1 are added to the moments.
type lineOf func(p *pairsOf, plus, minus []float64, at, from, to int)

// addOf sets out = a + (plus + minus).
type addOf func(out, a, plus, minus []float64)

func linePlain(p *pairsOf, plus, minus []float64, at, from, to int) {
	n := len(plus)
	here, next := p.ext[at:][:n], p.ext[at+p.stride:][:n]
	for j, v := range here {
		a, da, ma, fa := p.averages.at(p.scale * (v + next[j]))
		d, dd, md, fd := p.differences.at(p.scale * (next[j] - v))
		if p.g != nil {
			x, y := p.g[at+j], p.g[at+j+p.stride]
			va, vd := p.scale*(x+y), p.scale*(y-x)
			if from <= j && j < to {
				moment(p.sums[4*ma:][:4], va, fa)
				moment(p.changes[4*md:][:4], vd, fd)
			}
			a, d = da*va, dd*vd
		}
		plus[j], minus[j] = p.scale*(a+d), p.scale*(a-d)
	}
}

func moment(m []float64, v, f float64) {
	m[0] += v
	v *= f
	m[1] += v
	v *= f
	m[2] += v
	m[3] += v * f
}

func addPlain(out, a, plus, minus []float64) {
	a, plus, minus = a[:len(out)], plus[:len(out)], minus[:len(out)]
	for j, v := range a {
		out[j] = v + (plus[j] + minus[j])
	}
}
