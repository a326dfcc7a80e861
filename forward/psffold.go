package forward

import "tessera/halo"

// Fold is a PSF of a limited size that blurs frames of rows x cols pixels with this border
// exactly as p does. With a zero border pixels more than n-1 away, on an axis of n pixels,
// meet nothing but zeros, and the PSF is cut to 2n-1 pixels; the light beyond is lost at
// the border, as it is with p. A periodic frame repeats after n pixels and a reflected one
// after 2n: values one period apart are added, which leaves at most n+1 or 2n+1 pixels and
// the whole sum. Along an axis on which p has no more than 2n pixels (2n+1 if reflected),
// it stays as it is. Cost: one pass over p.
func (p PSF) Fold(rows, cols int, border halo.Border) PSF {
	if p.Values == nil {
		return p
	}
	down, radiusDown := foldAxis(p.Rows/2, rows, border)
	across, radiusAcross := foldAxis(p.Cols/2, cols, border)
	if down == nil && across == nil {
		return p
	}
	out := PSF{Rows: 2*radiusDown + 1, Cols: 2*radiusAcross + 1}
	out.Values = make([]float64, out.Rows*out.Cols)
	for i, v := range p.Values {
		for _, r := range places(down, i/p.Cols) {
			for _, c := range places(across, i%p.Cols) {
				out.Values[r.at*out.Cols+c.at] += r.part * c.part * v
			}
		}
	}
	return out
}

// place is where a line of a PSF goes when it is folded, and which part of it.
type place struct {
	at   int
	part float64
}

// places are those of line i; a table of nil leaves lines where they are.
func places(table [][]place, i int) []place {
	if table == nil {
		return []place{{i, 1}}
	}
	return table[i]
}

// foldAxis is the table of the lines of a PSF of this radius on an axis of n pixels, and
// the radius after folding. The table is nil if the lines stay.
func foldAxis(radius, n int, border halo.Border) (table [][]place, folded int) {
	period := 0
	switch border {
	case halo.Reflect:
		period, folded = 2*n, n
	case halo.Periodic:
		period, folded = n, n/2
	default:
		folded = n - 1
	}
	if radius < n || radius <= folded {
		return nil, radius
	}
	table = make([][]place, 2*radius+1)
	for i := range table {
		at := i - radius
		if period == 0 {
			if at >= -folded && at <= folded {
				table[i] = []place{{at + folded, 1}}
			}
			continue
		}
		if at %= period; at < 0 {
			at += period
		}
		switch {
		case 2*at == period: // half a period up and down is the same; a symmetric PSF stays one
			table[i] = []place{{0, 0.5}, {2 * folded, 0.5}}
		case 2*at > period:
			table[i] = []place{{at - period + folded, 1}}
		default:
			table[i] = []place{{at + folded, 1}}
		}
	}
	return table, folded
}
