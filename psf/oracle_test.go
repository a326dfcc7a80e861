package psf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// naive is the iteration of the package comment by its definition: sums over the pixels
// of the PSF and of the wavelet filters, and a full singular value decomposition.
type naive struct {
	s                     *Stack
	o                     Options
	tau, sigma            float64
	x, u                  [][]float64 // by stamp
	limits                [][]float64 // sparse: by stamp, scales x n
	lambda                float64
	lambdas, singularOf   []float64
	singular              []float64 // of Z
	filters               [][]float64
	filterSide, iteration int
}

func (v *naive) convolve(x, h []float64, hs int, transpose bool) []float64 {
	n := v.s.Side
	y := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for a := range hs {
				for b := range hs {
					p, q := i-a+hs/2, j-b+hs/2
					if v.o.Border == Wrap {
						p, q = (p%n+n)%n, (q%n+n)%n
					}
					if p < 0 || q < 0 || p >= n || q >= n {
						continue
					}
					if transpose {
						y[p*n+q] += h[a*hs+b] * x[i*n+j]
					} else {
						y[i*n+j] += h[a*hs+b] * x[p*n+q]
					}
				}
			}
		}
	}
	return y
}

func (v *naive) psf(i int) []float64 {
	m := v.s.PSFSide * v.s.PSFSide
	k := v.s.psfOf(i)
	return v.s.PSFs[k*m : (k+1)*m]
}

// phi are the bands of x.
func (v *naive) phi(x []float64) []float64 {
	var d []float64
	for _, f := range v.filters {
		d = append(d, v.convolve(x, f, v.filterSide, false)...)
	}
	return d
}

func (v *naive) phiT(u []float64) []float64 {
	n := v.s.Side * v.s.Side
	t := make([]float64, n)
	for b, f := range v.filters {
		for i, w := range v.convolve(u[b*n:(b+1)*n], f, v.filterSide, true) {
			t[i] += w
		}
	}
	return t
}

// bandFilters are the differences of repeated convolutions with the dilated filter.
func bandFilters(f Wavelet, scales int) ([][]float64, int) {
	h, radius := []float64{0.5, 0.25}, 1
	if f == B3 {
		h, radius = []float64{0.375, 0.25, 0.0625}, 2
	}
	side := 2*radius*(1<<scales-1) + 1
	c := make([]float64, side*side)
	c[side/2*side+side/2] = 1
	var bands [][]float64
	for s := range scales {
		next := make([]float64, side*side)
		for i := range side {
			for j := range side {
				for a := -radius; a <= radius; a++ {
					for b := -radius; b <= radius; b++ {
						if p, q := i-a<<s, j-b<<s; p >= 0 && q >= 0 && p < side && q < side {
							next[i*side+j] += h[max(a, -a)] * h[max(b, -b)] * c[p*side+q]
						}
					}
				}
			}
		}
		band := make([]float64, side*side)
		for i := range band {
			band[i] = c[i] - next[i]
		}
		bands, c = append(bands, band), next
	}
	return bands, side
}

func newNaive(s *Stack, o Options, noise, beta float64) *naive {
	v := &naive{s: s, o: o.withDefaults()}
	tau, sigma, err := v.o.steps(beta)
	if err != nil {
		panic(err)
	}
	v.tau, v.sigma = tau, sigma
	v.filters, v.filterSide = bandFilters(v.o.Wavelet, v.o.Scales)
	n := s.Side * s.Side
	for i := range s.Count() {
		v.x = append(v.x, make([]float64, n))
		if v.o.Mode == LowRank {
			v.u = append(v.u, make([]float64, n))
			continue
		}
		v.u = append(v.u, make([]float64, v.o.Scales*n))
		// |h * phi|: the bands of the PSF, zero beyond its edge, cropped to its size.
		cut := &naive{s: &Stack{Side: s.PSFSide}, filters: v.filters, filterSide: v.filterSide}
		if s.PSFSide == s.Side {
			cut.o.Border = v.o.Border
		}
		m := s.PSFSide * s.PSFSide
		bands := cut.phi(v.psf(i))
		limits := make([]float64, v.o.Scales*n)
		for b := range v.o.Scales {
			sum := 0.0
			for _, c := range bands[b*m : (b+1)*m] {
				sum += c * c
			}
			for j := range n {
				limits[b*n+j] = noise * v.o.Thresholds[b] * math.Sqrt(sum)
			}
		}
		v.limits = append(v.limits, limits)
	}
	v.lambda = v.o.Factor * noise * math.Sqrt(float64(max(s.Total+1, n))) * beta
	return v
}

func (v *naive) gradient(i int) []float64 {
	n := v.s.Side * v.s.Side
	r := v.convolve(v.x[i], v.psf(i), v.s.PSFSide, false)
	for j := range r {
		w := 1.0
		if v.s.Weights != nil {
			w = v.s.Weights[i*n+j]
		}
		if w == 0 {
			r[j] = 0
		} else {
			r[j] = w * (r[j] - v.s.Data[i*n+j])
		}
	}
	return v.convolve(r, v.psf(i), v.s.PSFSide, true)
}

func (v *naive) step() {
	n := v.s.Side * v.s.Side
	v.iteration++
	rho := v.o.Rho
	var stack [][]float64 // v of each stamp
	for i, x := range v.x {
		g := v.gradient(i)
		t := v.u[i]
		if v.o.Mode == Sparse {
			t = v.phiT(v.u[i])
		}
		bar := make([]float64, n)
		for j := range x {
			p := x[j] - v.tau*(g[j]+t[j])
			if !v.o.AnySign {
				p = max(p, 0)
			}
			bar[j] = 2*p - x[j]
			x[j] += rho * (p - x[j])
		}
		d := bar
		if v.o.Mode == Sparse {
			d = v.phi(bar)
		}
		up := make([]float64, len(d))
		for j := range d {
			up[j] = v.u[i][j] + v.sigma*d[j]
		}
		stack = append(stack, up)
	}
	kept := make([][]float64, len(stack))
	for i := range kept {
		kept[i] = make([]float64, len(stack[i]))
		for j, w := range stack[i] {
			if v.o.Mode == Sparse {
				limit := v.limits[i][j]
				kept[i][j] = w - max(-limit, min(limit, w))
			}
		}
	}
	if v.o.Mode == LowRank {
		v.threshold(stack, kept)
	}
	for i := range stack {
		for j, w := range stack[i] {
			v.u[i][j] += rho * (w - kept[i][j] - v.u[i][j])
		}
	}
}

// threshold is the proximal operator of the singular values, from a full decomposition.
func (v *naive) threshold(stack, kept [][]float64) {
	m := mat.NewDense(len(stack), len(stack[0]), nil)
	for i, row := range stack {
		m.SetRow(i, row)
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThin) {
		panic("no singular values")
	}
	values := svd.Values(nil)
	if v.o.Threshold == Reweighted && v.lambdas == nil && v.iteration > v.o.Settle {
		v.lambdas = []float64{}
		for _, z := range v.singular {
			v.lambdas = append(v.lambdas, v.lambda/(1+z/v.lambda))
		}
	}
	var a, b mat.Dense
	svd.UTo(&a)
	svd.VTo(&b)
	v.singular = nil
	for k, s := range values {
		lambda := v.lambda
		if k < len(v.lambdas) {
			lambda = v.lambdas[k]
		}
		if s <= lambda {
			continue
		}
		left := s - lambda
		if v.o.Threshold == Hard {
			left = s
		}
		v.singular = append(v.singular, left/v.sigma)
		for i := range kept {
			for j := range kept[i] {
				kept[i][j] += left * a.At(i, k) * b.At(j, k)
			}
		}
	}
}

func (v *naive) reweight() {
	for i := range v.x {
		d := v.phi(v.x[i])
		first := append([]float64(nil), v.limits[i]...)
		for j := range d {
			v.limits[i][j] /= 1 + math.Abs(d[j])/first[j]
		}
	}
}

// smallStack has point-like objects and random PSFs, another one for each stamp.
func smallStack(seed uint64, count, side, psfSide int, masked bool) *Stack {
	r := rand.New(rand.NewPCG(seed, 9))
	s := &Stack{Side: side, Total: count, PSFSide: psfSide}
	for range count {
		for range psfSide * psfSide {
			s.PSFs = append(s.PSFs, r.Float64())
		}
		for range side * side {
			v := 0.05 * r.NormFloat64()
			if r.IntN(9) == 0 {
				v += 1
			}
			s.Data = append(s.Data, v)
			if masked {
				s.Weights = append(s.Weights, float64(min(1, r.IntN(8))))
			}
		}
	}
	for i, w := range s.Weights {
		if w == 0 {
			s.Data[i] = math.NaN()
		}
	}
	if _, err := Normalise(psfSide, s.PSFs, 0); err != nil {
		panic(err)
	}
	return s
}

func TestAgainstNaive(t *testing.T) {
	notShort(t)
	for _, mode := range []Mode{Sparse, LowRank} {
		for _, border := range []Border{Zero, Wrap} {
			for _, masked := range []bool{false, true} {
				for _, c := range []Options{
					{Wavelet: Linear, Threshold: Soft},
					{Wavelet: B3, Threshold: Hard, Scales: 2, AnySign: true},
					{Reweightings: 1, Threshold: Reweighted, Settle: 4},
					{Tau: 0.5, SigmaDual: 0.7, Rho: 1, Threshold: Soft, Block: 2},
				} {
					o := c
					o.Mode, o.Border, o.Precision, o.MaxIterations, o.CheckEvery = mode, border, Double, 9, 3
					o.Noise, o.Sigma, o.accuracy = Given, 0.05, exact
					if mode == LowRank {
						o.Reweightings = 0
					}
					name := fmt.Sprintf("%s %s masked %v %+v", mode, border, masked, c)
					s := smallStack(3, 7, 9, 5, masked)
					r := solve(t, 2, s, o)
					v := newNaive(s, o, 0.05, r.Beta)
					for range o.MaxIterations {
						v.step()
					}
					if o.Reweightings == 1 {
						v.reweight()
						for range o.MaxIterations {
							v.step()
						}
					}
					n := s.Side * s.Side
					for i, x := range v.x {
						for j, want := range x {
							if d := math.Abs(r.Data[i*n+j] - want); d > 1e-9 {
								t.Fatalf("%s: stamp %d pixel %d off by %.2e", name, i, j, d)
							}
						}
					}
					checkLastCost(t, name, v, r)
				}
			}
		}
	}
}

// checkLastCost compares the last cost that the solver reports with its definition.
func checkLastCost(t *testing.T, name string, v *naive, r *Result) {
	t.Helper()
	misfit, penalty := 0.0, 0.0
	n := v.s.Side * v.s.Side
	for i, x := range v.x {
		for j, h := range v.convolve(x, v.psf(i), v.s.PSFSide, false) {
			w := 1.0
			if v.s.Weights != nil {
				w = v.s.Weights[i*n+j]
			}
			if w > 0 {
				misfit += w * (h - v.s.Data[i*n+j]) * (h - v.s.Data[i*n+j]) / 2
			}
		}
		if v.o.Mode == Sparse {
			for j, d := range v.phi(x) {
				penalty += v.limits[i][j] * math.Abs(d)
			}
		}
	}
	for k, z := range v.singular {
		lambda := v.lambda
		if k < len(v.lambdas) {
			lambda = v.lambdas[k]
		}
		penalty += lambda * z
	}
	last := r.Checks[len(r.Checks)-1]
	if math.Abs(last.Misfit-misfit) > 1e-9*misfit || math.Abs(last.Penalty-penalty) > 1e-8*(penalty+1e-3) {
		t.Errorf("%s: misfit %g, penalty %g; want %g, %g", name, last.Misfit, last.Penalty, misfit, penalty)
	}
	if v.o.Mode == LowRank && last.Rank != len(v.singular) {
		t.Errorf("%s: rank %d, want %d", name, last.Rank, len(v.singular))
	}
}
