package deep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/tikhonov/kernel"
)

// 1 and 4 ranks agree after 40 steps of 300 points.
func TestRanksAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	obs, test := ridgeTruth(300, 9), ridgeTruth(400, 10)
	o := Options{Inner: gaussian(.5), InnerLambda: 1e-4, OuterLambda: 1e-3, Outer: gaussian(.1), Starts: 8, Steps: 40}
	one, err := train(t.Context(), 1, obs, o, test.X)
	if err != nil {
		t.Fatal(err)
	}
	four, err := train(t.Context(), 4, obs, o, test.X)
	if err != nil {
		t.Fatal(err)
	}
	a, b := one.model, four.model
	t.Logf("J %.10g and %.10g, predictions differ by %.2g of %.2g", a.Objective, b.Objective, rmse(one.at, four.at), rmse(test.Y, make([]float64, 400)))
	if len(a.Steps) != 40 || len(b.Steps) != 40 || math.Abs(a.Objective-b.Objective) > 1e-6*a.Objective {
		t.Errorf("%d and %d steps end at J = %.12g and %.12g", len(a.Steps), len(b.Steps), a.Objective, b.Objective)
	}
	for i, v := range one.at {
		if math.Abs(v-four.at[i]) > 1e-6*max(1, math.Abs(v)) {
			t.Errorf("point %d: %.10g and %.10g", i, v, four.at[i])
		}
	}
}

// The same run gives the same bits.
func TestRepeats(t *testing.T) {
	t.Parallel()
	obs := ridgeTruth(60, 11)
	o := Options{Steps: 5, Starts: 3}
	one, err := train(t.Context(), 3, obs, o, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	again, err := train(t.Context(), 3, obs, o, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	if one.model.Objective != again.model.Objective || fmt.Sprint(one.at) != fmt.Sprint(again.at) {
		t.Errorf("J = %v, then %v", one.model.Objective, again.model.Objective)
	}
}

// A run of more steps goes on where one of fewer ends, and J is the sum of its
// terms as the predictions give them.
func TestStepsContinue(t *testing.T) {
	t.Parallel()
	obs := ridgeTruth(60, 12)
	short, err := train(t.Context(), 2, obs, Options{Steps: 3, Starts: 2}, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	long, err := train(t.Context(), 2, obs, Options{Steps: 6, Starts: 2}, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range short.model.Steps {
		if l := long.model.Steps[i]; l.Objective != s.Objective || l.Damping != s.Damping {
			t.Errorf("step %d: J %v with damping %v, in the longer run %v with %v", i+1, s.Objective, s.Damping, l.Objective, l.Damping)
		}
	}
	if long.model.Objective > short.model.Objective {
		t.Errorf("more steps end higher: %g after %g", long.model.Objective, short.model.Objective)
	}
	m := long.model
	sum := m.Misfit + 1e-3*m.InnerNorm + 1e-2*m.OuterNorm
	if math.Abs(sum-m.Objective) > 1e-12*sum {
		t.Errorf("J = %.15g, its terms add up to %.15g", m.Objective, sum)
	}
	misfit := 0.0
	for i, v := range long.at {
		misfit += (v - obs.Y[i]) * (v - obs.Y[i])
	}
	if math.Abs(misfit-m.Misfit) > 1e-6*misfit {
		t.Errorf("misfit %.10g, that of the predictions %.10g", m.Misfit, misfit)
	}
}

// Drop ends a run at a step that gains too little.
func TestDrop(t *testing.T) {
	t.Parallel()
	obs := ridgeTruth(60, 13)
	full, err := train(t.Context(), 1, obs, Options{Starts: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := train(t.Context(), 1, obs, Options{Starts: 8, Drop: .05}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := cut.model
	if n := len(m.Steps); n == 0 || n >= len(full.model.Steps) || !m.Steps[n-1].Accepted {
		t.Fatalf("%d steps with a drop of 5 %%, %d without", n, len(full.model.Steps))
	}
	if m.Status != krylov.Converged || full.model.Status == krylov.Converged {
		t.Errorf("with a drop %v, without %v", m.Status, full.model.Status)
	}
	before := m.Starts[m.Start]
	for i, s := range m.Steps {
		if last := i == len(m.Steps)-1; s.Accepted && (before-s.Objective < .05*before) != last {
			t.Errorf("step %d of %d goes from %g to %g", i+1, len(m.Steps), before, s.Objective)
		}
		before = s.Objective
	}
}

// With Mean an offset of y moves the predictions and nothing else.
func TestMean(t *testing.T) {
	t.Parallel()
	obs := noisy(ridgeTruth(60, 14))
	up := &kernel.Observations{Dim: 2, X: obs.X, Sigma: obs.Sigma}
	for _, y := range obs.Y {
		up.Y = append(up.Y, y+1000)
	}
	o := Options{Mean: true, Starts: 2, Steps: 4}
	low, err := train(t.Context(), 2, obs, o, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	high, err := train(t.Context(), 2, up, o, obs.X)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(high.model.Objective-low.model.Objective) > 1e-6*low.model.Objective {
		t.Errorf("J = %.10g, with the offset %.10g", low.model.Objective, high.model.Objective)
	}
	for i, v := range low.at {
		if math.Abs(high.at[i]-v-1000) > 1e-6 {
			t.Errorf("point %d: %.9g, with the offset %.9g", i, v, high.at[i])
		}
	}
}

// Unusual but valid input trains, also on more ranks than there are points.
func TestOddInput(t *testing.T) {
	t.Parallel()
	twice := ridgeTruth(20, 15)
	twice.X, twice.Y = append(twice.X, twice.X...), append(twice.Y, twice.Y...)
	heap := &kernel.Observations{Dim: 2}
	line := &kernel.Observations{Dim: 3}
	for i := range 12 {
		heap.X, heap.Y = append(heap.X, .3, .4), append(heap.Y, float64(i%3))
		line.X, line.Y = append(line.X, float64(i), 2, -1), append(line.Y, float64(i%5))
	}
	for name, obs := range map[string]*kernel.Observations{
		"every point twice": twice, "all in one place": heap, "on a line": line,
		"three points": ridgeTruth(3, 16), "one point": ridgeTruth(1, 17),
	} {
		o := Options{Steps: 3, Starts: 2}
		one, err := train(t.Context(), 1, obs, o, obs.X)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range []int{2, 7} {
			got, err := train(t.Context(), p, obs, o, obs.X)
			if err != nil {
				t.Errorf("%s, %d ranks: %v", name, p, err)
				continue
			}
			if e := rmse(one.at, got.at); !(e < 1e-6) {
				t.Errorf("%s, %d ranks: predictions differ by %.2g", name, p, e)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	nan := ridgeTruth(10, 18)
	nan.X[7] = math.NaN()
	for _, c := range []struct {
		obs  *kernel.Observations
		o    Options
		want string
	}{
		{ridgeTruth(10, 18), Options{Features: 4}, "4 features"},
		{ridgeTruth(10, 18), Options{InnerLambda: -1}, "inner lambda -1"},
		{ridgeTruth(10, 18), Options{OuterLambda: math.Inf(1)}, "outer lambda +Inf"},
		{ridgeTruth(10, 18), Options{Damping: math.NaN()}, "damping NaN"},
		{ridgeTruth(10, 18), Options{Drop: 1}, "drop 1"},
		{ridgeTruth(10, 18), Options{Steps: -1}, "-1 steps"},
		{ridgeTruth(10, 18), Options{Starts: -1}, "-1 starts"},
		{ridgeTruth(10, 18), Options{Inner: kernel.Kernel{Family: "cubic", Width: 1}}, `unknown family "cubic"`},
		{ridgeTruth(10, 18), Options{Outer: kernel.Kernel{Family: kernel.Gaussian}}, "width 0"},
		{nan, Options{}, "observation 3: coordinate 1 is NaN"},
		{&kernel.Observations{Dim: 2}, Options{}, "no observations"},
	} {
		for _, p := range []int{1, 3} {
			_, err := train(t.Context(), p, c.obs, c.o, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d ranks: error %v, want %q", p, err, c.want)
			}
		}
	}
	_, err := train(t.Context(), 2, ridgeTruth(10, 18), Options{Steps: 1, Starts: 1}, []float64{0, 0, 1, math.NaN()})
	if err == nil || !strings.Contains(err.Error(), "coordinate 1 is NaN") {
		t.Errorf("predicting at NaN: %v", err)
	}
}

// Cancelled in a start or in a step, all ranks stop; rank 0 alone reports progress,
// J never rising.
func TestCancelled(t *testing.T) {
	t.Parallel()
	obs := ridgeTruth(60, 19)
	for _, at := range []string{"start 2 of 4", "step 3 of 40"} {
		for _, p := range []int{1, 4} {
			ctx, cancel := context.WithCancel(t.Context())
			var after atomic.Int32
			last := math.Inf(1)
			o := Options{Starts: 4, Progress: func(n Progress) {
				if n.Objective > last {
					t.Errorf("%s: J rises from %g to %g", n.Phase, last, n.Objective)
				}
				last = n.Objective
				if after.Load() > 0 || fmt.Sprintf("%s %d of %d", n.Phase, n.Iteration, n.Of) == at {
					after.Add(1)
					cancel()
				}
			}}
			_, err := train(ctx, p, obs, o, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d ranks: %v, want a cancelled run", at, p, err)
			}
			if n := after.Load(); n != 1 {
				t.Errorf("%s, %d ranks: %d calls of Progress from the one that cancelled on", at, p, n)
			}
			cancel()
		}
	}
}

func TestFalls(t *testing.T) {
	for _, c := range []struct {
		before, after, energy float64
		want                  bool
	}{
		{5, 4, 1, true}, {5, 5, 1, true}, {5, 5 + 1e-9, 0, true}, {5, 5.0001, 1e4, false},
		{0, 1e-9, 1e4, true}, {5, math.NaN(), 1, false}, {5, 5 + 1e-7, 1, false},
	} {
		if err := falls(c.before, c.after, c.energy); (err == nil) != c.want {
			t.Errorf("from %g to %g of %g: %v", c.before, c.after, c.energy, err)
		}
	}
}

// Directions on the half sphere: orthonormal frames, no two starts close or opposite.
func TestFrames(t *testing.T) {
	const count = 8
	for j := range count {
		e := frame(j, count)
		for a := range 3 {
			for b := range 3 {
				dot, want := 0.0, 0.0
				if a == b {
					want = 1
				}
				for k := range 3 {
					dot += e[a][k] * e[b][k]
				}
				if math.Abs(dot-want) > 1e-14 {
					t.Errorf("frame %d: axes %d and %d have product %g", j, a, b, dot)
				}
			}
		}
		for i := range j {
			o := frame(i, count)[0]
			if dot := math.Abs(o[0]*e[0][0] + o[1]*e[0][1] + o[2]*e[0][2]); dot > math.Cos(.35) {
				t.Errorf("directions %d and %d are %.2g apart", i, j, math.Acos(dot))
			}
		}
	}
}

// The starts in more than three dimensions are orthonormal frames, each of its own.
func TestRandomFrames(t *testing.T) {
	for dim := 4; dim <= 6; dim++ {
		for j := range 20 {
			e := randomFrame(j, dim)
			for a := range e {
				for b := range e {
					want := 0.0
					if a == b {
						want = 1
					}
					if d := linalg.Dot(e[a], e[b]); math.Abs(d-want) > 1e-12 {
						t.Errorf("%d dimensions, start %d: directions %d and %d have the product %g", dim, j, a, b, d)
					}
				}
			}
			if d := linalg.Dot(e[0], randomFrame(j+1, dim)[0]); math.Abs(d) > 0.999 {
				t.Errorf("%d dimensions: starts %d and %d are the same", dim, j, j+1)
			}
		}
	}
}
