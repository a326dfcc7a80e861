package forward

import (
	"cmp"
	"slices"

	"tessera/halo"
	"tessera/internal/fourier"
)

// varyingTile is a part of the extended box in which the same terms have weight.
type varyingTile struct {
	in      [2]span               // rows and columns of the extended box
	out     [2]span               // rows and columns of the owned box that its light reaches
	columns [][]float64           // different factors of the columns, in.len() numbers each
	terms   []fourier.MixtureTerm // those that have weight in the tile
	grid    *varyingGrid
}

// span is a half-open range along an axis.
type span struct{ lo, hi int }

func (s span) len() int { return s.hi - s.lo }

// varyingGrid has the transforms of tiles of about one size, and the spectra of terms.
type varyingGrid struct {
	*fourier.Mixture
	spectrum map[int][]complex128
}

// Tiles. Longer ones are divided: beyond longestTile transforms leave the cache, and the margins of the PSF's size matter
// little.
const (
	longestTile = 512  // pixels, or twelve times the radius
	sharedGrid  = 0.06 // a tile takes a grid that is longer than it needs by at most this share, if another tile has it
)

// cut divides the extended box into tiles. Those whose light reaches no owned pixel, or in which no term has weight, are left out.
func (b *VaryingBlur) cut() []varyingTile {
	shape, domain, box := b.plan.ExtendedShape(), b.frame.Domain().Shape(), b.plan.Extended()
	factors := [2][][]float64{} // of every term along the extended box
	var pieces [2][]span
	for axis := range 2 {
		source := make([]int, shape[axis])
		for i := range source {
			source[i] = b.border.Source(box.Lo[axis]+i, domain[axis])
		}
		for _, t := range b.psf.Terms {
			of := [2][]float64{t.Rows, t.Cols}[axis]
			f := make([]float64, len(source))
			for i, s := range source {
				if s >= 0 {
					f[i] = of[s]
				}
			}
			factors[axis] = append(factors[axis], f)
		}
		pieces[axis] = cutAxis(factors[axis], shape[axis], b.radius[axis])
	}
	owned := [2]int{b.rows, b.cols}
	var tiles []varyingTile
	var needed [2][]int // length of the grid of each piece
	for axis := range 2 {
		for _, p := range pieces[axis] {
			needed[axis] = append(needed[axis], gridLength(p, b.reached(p, axis, owned[axis]), b.radius[axis]))
		}
		needed[axis] = shareGrids(needed[axis])
	}
	grids, space := map[[2]int]*varyingGrid{}, new(fourier.MixtureSpace)
	for i, rows := range pieces[0] {
		for j, cols := range pieces[1] {
			t := varyingTile{in: [2]span{rows, cols}}
			t.out = [2]span{b.reached(rows, 0, b.rows), b.reached(cols, 1, b.cols)}
			key := [2]int{needed[0][i], needed[1][j]}
			if t.grid = grids[key]; t.grid == nil {
				t.grid = &varyingGrid{fourier.NewMixture(key[0], key[1], space), map[int][]complex128{}}
				grids[key] = t.grid
			}
			for k, term := range b.psf.Terms {
				r, c := factors[0][k][rows.lo:rows.hi], factors[1][k][cols.lo:cols.hi]
				if allZero(r) || allZero(c) || t.out[0].len() < 1 || t.out[1].len() < 1 {
					continue
				}
				t.terms = append(t.terms, fourier.MixtureTerm{Column: t.column(c), Rows: r, Spectrum: t.grid.of(k, term.PSF)})
			}
			if len(t.terms) > 0 {
				tiles = append(tiles, t)
			}
		}
	}
	return tiles
}

// reached is the range of the owned box, of n pixels along the axis, that the light of a
// range of the extended box reaches.
func (b *VaryingBlur) reached(s span, axis, n int) span {
	return span{max(0, s.lo-2*b.radius[axis]), min(n, s.hi)}
}

// cutAxis cuts n pixels where terms begin or end, at those places at which the sum over the pieces of terms x length of
// their transforms is least.
func cutAxis(factors [][]float64, n, radius int) []span {
	longest := max(longestTile, 12*radius)
	cuts := []int{0}
	for i := 1; i < n; i++ {
		for _, f := range factors {
			if (f[i] == 0) != (f[i-1] == 0) {
				cuts = append(cuts, i)
				break
			}
		}
	}
	cuts = append(cuts, n)
	work, from := make([]int, len(cuts)), make([]int, len(cuts)) // of the pixels up to each cut; where its last piece begins
	for j := 1; j < len(cuts); j++ {
		active, count := make([]bool, len(factors)), 0
		for i := j - 1; i >= 0 && (i == j-1 || cuts[j]-cuts[i] <= 2*longest); i-- {
			for k, f := range factors {
				if !active[k] && f[cuts[i]] != 0 {
					active[k] = true
					count++
				}
			}
			n := cuts[j] - cuts[i]
			p := parts(n, longest)
			if w := work[i] + count*p*fourier.NextFast((n+p-1)/p+2*radius); i == j-1 || w <= work[j] {
				work[j], from[j] = w, i
			}
		}
	}
	var joined []span
	for j := len(cuts) - 1; j > 0; j = from[j] {
		joined = append(joined, span{cuts[from[j]], cuts[j]})
	}
	slices.Reverse(joined)
	var pieces []span
	for _, s := range joined {
		count := parts(s.len(), longest)
		for p := range count {
			lo, hi := halo.Split(s.len(), count, p)
			pieces = append(pieces, span{s.lo + lo, s.lo + hi})
		}
	}
	return pieces
}

// parts is how many pieces of at most longest pixels n pixels need.
func parts(n, longest int) int { return (n + longest - 1) / longest }

// gridLength is the least period along an axis at which what wraps around does not reach out.
func gridLength(in, out span, radius int) int {
	o := span{out.lo + radius, out.hi + radius} // in pixels of the extended box
	return fourier.NextFast(max(in.len(), o.len(), in.hi+radius-o.lo, o.hi+radius-in.lo))
}

// shareGrids lets pieces of nearly the same length use one grid, so that spectra of PSFs are shared.
func shareGrids(lengths []int) []int {
	sizes := slices.Clone(lengths)
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Compare(b, a) })
	out := make([]int, len(lengths))
	for i, n := range lengths {
		for _, s := range sizes { // from the largest
			if float64(s) <= (1+sharedGrid)*float64(n) {
				out[i] = s
				break
			}
		}
	}
	return out
}

func allZero(list []float64) bool {
	return !slices.ContainsFunc(list, func(x float64) bool { return x != 0 })
}

// column is where these factors are in the list of the tile's.
func (t *varyingTile) column(factors []float64) int {
	for i, c := range t.columns {
		if slices.Equal(c, factors) {
			return i
		}
	}
	t.columns = append(t.columns, factors)
	return len(t.columns) - 1
}

// of is the spectrum of the PSF of term k.
func (g *varyingGrid) of(k int, p PSF) []complex128 {
	s := g.spectrum[k]
	if s == nil {
		s = g.Spectrum(p.Rows, p.Cols, p.Values)
		g.spectrum[k] = s
	}
	return s
}

// windows are the parts of the owned and of the extended box, in the grid, whose origin is that of in.
func (t *varyingTile) windows(b *VaryingBlur, own, ext []float64) (out, in fourier.Window) {
	stride := b.plan.ExtendedShape()[1]
	in = fourier.Window{Data: ext, Origin: t.in[0].lo*stride + t.in[1].lo, Stride: stride, Rows: t.in[0].len(), Cols: t.in[1].len()}
	out = fourier.Window{Data: own, Origin: t.out[0].lo*b.cols + t.out[1].lo, Stride: b.cols, Rows: t.out[0].len(), Cols: t.out[1].len()}
	out.Row = wrapped(t.out[0].lo+b.radius[0]-t.in[0].lo, t.grid.Rows())
	out.Col = wrapped(t.out[1].lo+b.radius[1]-t.in[1].lo, t.grid.Cols())
	return out, in
}

func wrapped(i, period int) int { return ((i % period) + period) % period }

// spread adds to dst, the owned box, the light of the tile of ext, the extended box.
func (t *varyingTile) spread(b *VaryingBlur, dst, ext []float64) {
	out, in := t.windows(b, dst, ext)
	t.grid.Spread(out, in, t.columns, t.terms)
}

// collect adds to ext, the extended box, what the tile gets of src, the owned box.
func (t *varyingTile) collect(b *VaryingBlur, ext, src []float64) {
	out, in := t.windows(b, src, ext)
	t.grid.Collect(in, out, t.columns, t.terms)
}
