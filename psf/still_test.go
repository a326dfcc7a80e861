package psf

import (
	"math"
	"testing"
)

// The change of an iteration is what two runs tell that differ by one iteration; a run ends,
// and says that it has converged, when it is small enough, and never says so before.
func TestStill(t *testing.T) {
	s, _ := survey(8, 3, 2, 11)
	for _, mode := range []Mode{Sparse, LowRank} {
		o := Options{Mode: mode, Precision: Double, Threshold: Soft, MaxIterations: 20, CheckEvery: 20}
		r := solve(t, 2, s, o)
		o.MaxIterations, o.CheckEvery = 19, 19
		before := solve(t, 1, s, o)
		change, size := 0.0, 0.0
		for i, v := range r.Data {
			change += (v - before.Data[i]) * (v - before.Data[i])
			size += v * v
		}
		if got, want := r.Checks[0].Change, math.Sqrt(change/size); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: the last iteration has changed the stack by %.9g, want %.9g", mode, got, want)
		}
		for _, n := range []int{1, 3} {
			o = Options{Mode: mode, Threshold: Soft, MaxIterations: 400, CheckEvery: 5, Still: 1e-2}
			r = solve(t, n, s, o)
			last := len(r.Checks) - 1
			if !r.Converged || r.Iterations >= 400 || r.Checks[last].Change > 1e-2 || r.Checks[last-1].Change <= 1e-2 {
				t.Errorf("%s on %d ranks: converged %v after %d iterations, the last changes are %g and %g", mode, n, r.Converged, r.Iterations, r.Checks[last-1].Change, r.Checks[last].Change)
			}
			o.MaxIterations = r.Iterations - 5
			if r = solve(t, n, s, o); r.Converged {
				t.Errorf("%s on %d ranks: has converged after %d iterations", mode, n, r.Iterations)
			}
		}
	}
}

// A round Gaussian of standard deviation 2 pixels at (10.5, 9) has its flux, place and size, and
// a stretched one the ellipticity of its axes.
func TestMeasure(t *testing.T) {
	const side = 21
	gaussian := func(rows, cols float64) []float64 {
		x := make([]float64, side*side)
		for i := range x {
			k, l := float64(i/side)-10.5, float64(i%side)-9
			x[i] = 3 * math.Exp(-k*k/(2*rows*rows)-l*l/(2*cols*cols)) / (2 * math.Pi * rows * cols)
		}
		return x
	}
	m := Measure(side, gaussian(2, 2), 0)
	for name, v := range map[string][2]float64{
		"flux": {m.Flux, 3}, "row": {m.Row, 10.5}, "col": {m.Col, 9}, "size": {m.Size, 2}, "e1": {m.E[0], 0}, "e2": {m.E[1], 0},
		"e1 of a stretched one": {Measure(side, gaussian(2, 1.5), 0).E[0], (4 - 2.25) / (4 + 2.25)},
	} {
		if math.Abs(v[0]-v[1]) > 1e-3 {
			t.Errorf("%s: %g, want %g", name, v[0], v[1])
		}
	}
	if m := Measure(side, make([]float64, side*side), 0); m.Flux != 0 || !math.IsNaN(m.Size) {
		t.Errorf("of nothing: %+v", m)
	}
}
