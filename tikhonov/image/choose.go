package image

import (
	"math"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/stencil"
	"tessera/krylov"
	"tessera/tikhonov/image/internal/tiles"
)

// forecast is what is known of a problem at one lambda before it is solved. All but box
// is the same on all ranks.
type forecast struct {
	moments
	tail      []float64 // for every distance d the part of the inverse of M that lies farther than d pixels
	wide      []float64 // likewise with the widest PSF where it varies; else nil
	condition float64   // about that of M
	smallest  float64   // about its smallest eigenvalue
	inverse   float64   // root mean square of the eigenvalues of its inverse
	strips    bool      // boxes have strips beside a reflecting border, and the PSF is wide
	weak      bool      // it is much smaller than what the data alone give a smooth image
}

// forecastSide is the side of the grid on which the inverse of M is looked at.
const forecastSide = 256

// outlook is what a forecast needs of the PSF, whatever lambda is.
type outlook struct {
	filter      *fourier.Spectral[float64]
	rows, cols  []float64 // axisSymbol
	power, wide []float64 // powerOf the PSF, and of the widest one where it varies
}

// outlook transforms the PSF on the grid of forecasts.
func (m *operator) outlook() *outlook {
	k := m.kernel
	side := fourier.NextFast(max(forecastSide, 8*k.RowRadius, 8*k.ColRadius))
	o := &outlook{filter: fourier.NewSpectral[float64](side, side), rows: axisSymbol(side), cols: axisSymbol(side)}
	o.power = powerOf(o.filter, k)
	if v := m.p.Varying; v != nil {
		o.wide = powerOf(o.filter, tiles.Kernel(widest(v, m.frame.Domain().Shape()), m.frame, m.border))
	}
	return o
}

// each calls f with w |h|^2 and lambda |q|^2, whose sum is the symbol of M for the weight w, all over the grid, |q|^2 not
// less than of the negative Laplacian's eigenvalue least.
func (o *outlook) each(q stencil.Regulariser, lambda, weight, least float64, f func(data, penalty float64)) {
	half := len(o.power) / len(o.rows)
	for i, row := range o.rows {
		for j, power := range o.power[i*half : (i+1)*half] {
			f(weight*power, lambda*penaltySymbol(q, max(row+o.cols[j], least)))
		}
	}
}

// forecast looks at M at one lambda. Collective.
func (m *operator) forecast(o *outlook, lambda float64) (*forecast, error) {
	w, err := m.weightMoments()
	f := &forecast{moments: w}
	if err != nil || f.mean == 0 {
		return f, err
	}
	var largest, smooth float64
	f.smallest, largest, smooth = m.ends(o, lambda, f.mean)
	if f.observed < 1 {
		f.smallest = min(f.smallest, m.smallestOfHole(o, lambda, f.mean), m.smallestOfGap(lambda))
	}
	f.inverse = math.Sqrt(m.inverseSquare(o, lambda, f.mean))
	f.condition = largest / f.smallest
	f.strips = m.local != nil && m.p.Varying == nil && len(m.kernel.Dense) > smallPSF
	f.weak = f.smallest < weakest*smooth
	f.tail = tailOf(o.filter, inverseSymbol(o.filter, m, o.power, lambda, f.mean))
	if o.wide != nil {
		f.wide = tailOf(o.filter, inverseSymbol(o.filter, m, o.wide, lambda, f.mean))
	}
	return f, nil
}

// tailOf is, for every distance d, the part of the values of the image with this spectrum that lies farther than d pixels.
func tailOf(filter *fourier.Spectral[float64], symbol []float64) []float64 {
	side := filter.Rows()
	g := make([]float64, side*side)
	filter.Multiply(fourier.Window{Data: g, Stride: side, Rows: side, Cols: side}, symbol,
		fourier.Window{Data: []float64{1}, Stride: 1, Rows: 1, Cols: 1})
	tail := make([]float64, side/2+1)
	total := 0.0
	for i := range side {
		for j := range side {
			v := math.Abs(g[i*side+j])
			tail[max(min(i, side-i), min(j, side-j))] += v
			total += v
		}
	}
	beyond := 0.0
	for d := side / 2; d >= 0; d-- {
		tail[d], beyond = beyond/total, beyond+tail[d]
	}
	return tail
}

// weakest is the smallest eigenvalue, in units of that of a smooth image, below which a
// Krylov method may have missed it: estimates are then not from Ritz values alone.
const weakest = 1e-6

// ends are about the smallest and the largest eigenvalue of M for one weight, and what the
// data alone make of that of a constant image. With a zero border Q'Q has no eigenvalue
// below that of the first sine of the frame.
func (m *operator) ends(o *outlook, lambda, weight float64) (smallest, largest, smooth float64) {
	smallest = math.Inf(1)
	o.each(m.q, lambda, weight, m.leastLaplacian(), func(data, penalty float64) {
		smallest, largest = min(smallest, data+penalty), max(largest, data+penalty)
	})
	return smallest, largest, weight * o.power[0]
}

// leastLaplacian is the smallest eigenvalue of the negative Laplacian of the frame: with a
// zero border that of its first sine.
func (m *operator) leastLaplacian() float64 {
	least := 0.0
	if m.border == halo.Zero {
		for _, n := range m.frame.Domain().Shape() {
			least += 2 - 2*math.Cos(math.Pi/float64(n+1))
		}
	}
	return least
}

// smallestOfHole is an upper bound of the smallest eigenvalue of M where one pixel of an
// otherwise even frame is missing. With s = w |h|^2 + lambda |q|^2 the symbol of the full
// frame, M is s - w h h', h the PSF about the pixel; M^-1 is then s^-1 and a term of rank one
// (Sherman and Morrison) with the eigenvalue
//
//	mean(w |h|^2 / s^2) / mean(lambda |q|^2 / s).
func (m *operator) smallestOfHole(o *outlook, lambda, weight float64) float64 {
	var top, bottom float64
	o.each(m.q, lambda, weight, m.leastLaplacian(), func(data, penalty float64) {
		s := data + penalty
		top += penalty / s
		bottom += data / (s * s)
	})
	return top / bottom
}

// smallestOfGap is about the smallest eigenvalue of M where few pixels are observed: that of
// a wave which is zero at all of them, of the wavelength of twice their mean distance.
func (m *operator) smallestOfGap(lambda float64) float64 {
	l := 2 - 2*math.Cos(math.Pi*math.Sqrt(m.moments.observed))
	return lambda * penaltySymbol(m.q, 2*l)
}

// inverseSquare is the mean square of the eigenvalues of M^-1 for one weight.
func (m *operator) inverseSquare(o *outlook, lambda, weight float64) float64 {
	sum := 0.0
	o.each(m.q, lambda, weight, m.leastLaplacian(), func(data, penalty float64) {
		if s := data + penalty; s > 0 {
			sum += 1 / (s * s)
		}
	})
	return sum / float64(len(o.power))
}

// Overlap by default. A box reaches as far as all but farTail of the inverse of M, within
// two bounds: with less than that the iterations grow with the number of ranks. Where the PSF varies the part is
// wideTail by the root of the condition number, for the widest PSF: more than that and the iterations do not converge
// at small lambda.
const (
	farTail      = 0.03
	wideTail     = 1.5
	leastOverlap = 8
	mostOverlap  = 64
	tileOverlap  = 4
)

// overlap is the default overlap of boxes.
func (f *forecast) overlap() int {
	d := leastOverlap
	tail, far := f.tail, farTail
	if f.wide != nil {
		tail, far = f.wide, wideTail/math.Sqrt(f.condition)
	}
	for d < mostOverlap && d < len(tail)-1 && tail[d] > far {
		d++
	}
	return d
}

// The rules below are drawn from timings of every method on every kind of problem; see
// BenchmarkLocal. TestAutoOnGrid tests them on many problems.
const (
	smallPSF      = 49   // values of a PSF whose tiles are cheap to factor
	nearTail      = 0.1  // of the inverse beyond tileOverlap, where tiles see enough
	mostlyHere    = 0.95 // observed fraction from which a shared factor serves nearly all tiles
	lostTail      = 0.2  // of the inverse beyond mostOverlap, where no box is wide enough
	sparse        = 0.5  // observed fraction below which the coarse space is needed where Q reaches far
	zeroCondition = 1e4  // from which boxes converge slowly beside a zero border
)

// tiles tells whether tiles with shared factors are better than boxes.
func (f *forecast) tiles(taps int) bool {
	return taps <= smallPSF && f.observed >= mostlyHere && f.tail[tileOverlap] <= nearTail
}

// boxes tells whether boxes converge in few iterations.
func (f *forecast) boxes(taps int, zero bool) bool {
	if zero && f.condition > zeroCondition {
		return false
	}
	return taps == 1 || f.tail[mostOverlap] <= lostTail
}

// method chooses the method for Auto: GMRES with tiles or boxes, conjugate gradients
// without local solves where M is well conditioned and boxes would take many iterations,
// or conjugate gradients with tiles where no box is wide enough.
func (f *forecast) method(taps int, zero bool) krylov.Method {
	plain := conjugateIterations(f.condition)
	switch {
	case f.mean == 0:
		return krylov.RASGMRES
	case f.tiles(taps):
		if plain > tileIterations {
			return krylov.RASGMRES
		}
		return krylov.CG
	case taps == 1 && f.observed < sparse && f.tailWithin() < 0.5:
		return krylov.TwoLevel
	case f.boxIterations(zero)*f.boxCost() > plain*(1+float64(min(taps, 100))/200):
		return krylov.CG
	case f.boxes(taps, zero):
		return krylov.RASGMRES
	}
	return krylov.ASCG
}

// tileIterations is how many iterations of conjugate gradients take as long as tiles with
// their factors.
const tileIterations = 40

// What an iteration of GMRES with boxes costs in those of conjugate gradients with a small PSF,
// and with a wide one, which is applied by transforms, too.
const (
	boxCost     = 6
	wideBoxCost = 2
)

func (f *forecast) boxCost() float64 {
	if f.strips {
		return wideBoxCost
	}
	return boxCost
}

// boxIterations is about how many iterations boxes need to 1e-8: few for even weights,
// more the more the weights vary about the mean of a box, unless the inverse reaches so
// far that it averages over them.
func (f *forecast) boxIterations(zero bool) float64 {
	n := 9 + 60*f.spread*f.tailWithin()
	if zero {
		n *= 2
	}
	return n
}

// tailWithin is 1 where the inverse of M reaches a few pixels and falls to 0 where it
// reaches far.
func (f *forecast) tailWithin() float64 { return 1 - f.tail[min(leastOverlap, len(f.tail)-1)] }

// conjugateIterations is the bound of the iterations of conjugate gradients to 1e-8.
func conjugateIterations(condition float64) float64 {
	return math.Sqrt(condition) / 2 * math.Log(2e8)
}

// local resolves the local solves and their overlap.
func (f *forecast) local(o *Options, md mode, taps int, zero bool) (Local, int) {
	local := o.Local
	switch {
	case md != restricted || f.mean == 0:
		local = LocalTile
	case local != LocalAuto:
	case o.Method == krylov.RAS || o.tileGiven || f.tiles(taps) || taps <= smallPSF && !f.boxes(taps, zero):
		local = LocalTile
	default:
		local = LocalBox
	}
	switch {
	case o.Overlap > 0:
		return local, o.Overlap
	case o.Overlap < 0:
		return local, 0
	case local == LocalTile:
		return local, tileOverlap
	}
	return local, f.overlap()
}
