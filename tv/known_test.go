package tv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
)

// stacked repeats a line along the other axes of a shape, whose axis along is the line's.
func stacked(line []float64, shape []int, along int) []float64 {
	n, inner := 1, 1
	for k, m := range shape {
		n *= m
		if k > along {
			inner *= m
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = line[i/inner%len(line)]
	}
	return x
}

// Denoising of a step and of a ramp in closed form, along every axis of 1, 2 and 3, by both
// forms of TV. A step of n and m pixels: both plateaus move by lambda / n and lambda / m. A
// ramp: its ends become flat at the levels at which the pixels that were cut off add up to lambda.
func TestClosedForms(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const lambda, n = 0.3, 12
	step, flat := make([]float64, n), make([]float64, n)
	ramp, cutOff := make([]float64, n), make([]float64, n)
	const level = 0.2 // (0.2 - 0) + (0.2 - 0.1) = lambda
	for i := range n {
		if i < 4 {
			step[i], flat[i] = 0, lambda/4
		} else {
			step[i], flat[i] = 1, 1-lambda/8
		}
		ramp[i] = 0.1 * float64(i)
		cutOff[i] = min(max(ramp[i], level), 0.1*(n-1)-level)
	}
	for name, c := range map[string][2][]float64{"step": {step, flat}, "ramp": {ramp, cutOff}} {
		for _, shape := range [][]int{{n}, {n, 5}, {3, n}, {n, 3, 2}, {2, n, 3}, {2, 3, n}} {
			along := 0
			for shape[along] != n {
				along++
			}
			for _, o := range []Options{
				{Method: PrimalDual}, {Method: PrimalDual, Penalty: Isotropic}, {Decreasing: true}, {Method: ADMM}, {Method: ADMM, Penalty: Isotropic},
			} {
				if o.Method == ADMM && len(shape) != 2 {
					continue
				}
				o.Lambda, o.Tolerance = lambda, 1e-6
				want := 1e-3
				if o.Method == "" {
					o.Tolerance, want = 2e-2, 0.05
				}
				onRanks(t, 2, func(comm ranks.Comm) error {
					frame, err := halo.Decompose(shape, comm.Size())
					if err != nil {
						return err
					}
					y := cut(frame, comm, stacked(c[0], shape, along), 1)
					r, err := Solve(context.Background(), comm, &Problem{Frame: frame, Channels: 1, Data: y}, o)
					if err != nil {
						return fmt.Errorf("%s of %v, %s: %w", name, shape, o.Method, err)
					}
					for i, v := range cut(frame, comm, stacked(c[1], shape, along), 1) {
						if math.Abs(r.Solution[i]-v) > want {
							return fmt.Errorf("%s of %v, %s: %.6f, want %.6f", name, shape, o.Method, r.Solution[i], v)
						}
					}
					return nil
				})
			}
		}
	}
}

// The exact methods against alternating directions with dense matrices, written out, which find
// the parts on which the minimiser is flat; the levels of these solve a small linear system.
func TestAgainstADMM(t *testing.T) {
	const side, lambda = 32, 0.1
	s := scene{shape: []int{side, side}, channels: 1, blur: true, noise: 0.02}
	y, _ := s.whole(t)
	want, cost, parts := admm(side, y, s, lambda)
	for method, iterations := range map[Method]int{PrimalDual: 40000, ADMM: 4000} {
		s.options = Options{Method: method, Lambda: lambda, Tolerance: 1e-13, MaxIterations: iterations, Balance: 0.5}
		got, r, err := s.solve(t, 1)
		if r == nil {
			t.Fatal(err)
		}
		t.Logf("%s: differs by %.3g after %d iterations, gap %.3g", method, farthest(got, want), r.Iterations, r.RelativeGap)
		if d := farthest(got, want); d > 1e-8 || math.Abs(r.Cost-cost) > 1e-10*cost {
			t.Errorf("%s differs by %.3g, cost %.12g and %.12g; gap %.3g; %d flat parts", method, d, r.Cost, cost, r.RelativeGap, parts)
		}
	}
}

// admm minimises 1/2 ||H x - y||^2 + lambda ||D x||_1 by splitting u = D x; H is made column
// by column. parts is the number of flat parts.
func admm(side int, y []float64, s scene, lambda float64) (x []float64, cost float64, parts int) {
	n := side * side
	h := make([][]float64, n) // columns of H
	ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
		frame, _ := halo.Decompose(s.shape, 1)
		op := s.operator(comm, frame)
		for j := range h {
			e := make([]float64, n)
			e[j] = 1
			h[j] = make([]float64, n)
			op.Apply(h[j], e)
		}
		return nil
	})
	var pairs [][2]int
	for i := range n {
		if i%side < side-1 {
			pairs = append(pairs, [2]int{i, i + 1})
		}
		if i/side < side-1 {
			pairs = append(pairs, [2]int{i, i + side})
		}
	}
	const rho = 0.3
	m := make([][]float64, n) // H'H + rho D'D, lower triangle, whose Cholesky factor replaces it
	hth := make([][]float64, n)
	for i := range m {
		hth[i] = make([]float64, i+1)
		for j := range i + 1 {
			hth[i][j] = dot(h[i], h[j])
		}
		m[i] = append([]float64(nil), hth[i]...)
	}
	for _, p := range pairs {
		m[p[0]][p[0]] += rho
		m[p[1]][p[1]] += rho
		m[max(p[0], p[1])][min(p[0], p[1])] -= rho
	}
	for i := range n {
		for j := range i {
			m[i][j] = (m[i][j] - dot(m[i][:j], m[j][:j])) / m[j][j]
		}
		m[i][i] = math.Sqrt(m[i][i] - dot(m[i][:i], m[i][:i]))
	}
	hty := make([]float64, n)
	for j := range n {
		hty[j] = dot(h[j], y)
	}
	u, b := make([]float64, len(pairs)), make([]float64, len(pairs))
	x = make([]float64, n)
	for range 250 {
		copy(x, hty)
		for k, p := range pairs {
			x[p[1]] += rho * (u[k] - b[k])
			x[p[0]] -= rho * (u[k] - b[k])
		}
		for i := range n {
			x[i] = (x[i] - dot(m[i][:i], x[:i])) / m[i][i]
		}
		for i := n - 1; i >= 0; i-- {
			x[i] /= m[i][i]
			for j, l := range m[i][:i] {
				x[j] -= l * x[i]
			}
		}
		for k, p := range pairs {
			d := x[p[1]] - x[p[0]]
			u[k] = d + b[k] - min(max(d+b[k], -lambda/rho), lambda/rho)
			b[k] += d - u[k]
		}
	}
	// Pixels of a pair with u = 0 belong to one part; 0 = H'(H x - y) + lambda D' sign(u) on the parts.
	part := make([]int, n)
	for i := range part {
		part[i] = i
	}
	find := func(i int) int {
		for part[i] != i {
			i = part[i]
		}
		return i
	}
	for k, p := range pairs {
		if u[k] == 0 {
			part[find(p[1])] = find(p[0])
		}
	}
	number := map[int]int{}
	for i := range n {
		if _, known := number[find(i)]; !known {
			number[find(i)] = len(number)
		}
	}
	parts = len(number)
	of := func(i int) int { return number[find(i)] }
	small, right := make([]float64, parts*parts), make([]float64, parts)
	for i := range n {
		right[of(i)] += hty[i]
		for j := range i + 1 {
			small[of(i)*parts+of(j)] += hth[i][j]
			if j < i {
				small[of(j)*parts+of(i)] += hth[i][j]
			}
		}
	}
	for k, p := range pairs {
		if u[k] != 0 {
			right[of(p[1])] -= math.Copysign(lambda, u[k])
			right[of(p[0])] += math.Copysign(lambda, u[k])
		}
	}
	levels, _ := solveSmall(small, right)
	for i := range x {
		x[i] = levels[of(i)]
	}
	res := append([]float64(nil), y...)
	for j, v := range x {
		for k, a := range h[j] {
			res[k] -= a * v
		}
	}
	cost = dot(res, res) / 2
	for _, p := range pairs {
		cost += lambda * math.Abs(x[p[1]]-x[p[0]])
	}
	return x, cost, parts
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// At seven steps the limit of FPPA lies above the minimum by about half as much for half
// the step, and by less than the certificate.
func TestBiasHalvesWithTheStep(t *testing.T) {
	s := scene{shape: []int{32, 32}, channels: 1, blur: true, noise: 0.02, options: Options{Method: PrimalDual, Lambda: 0.003, Tolerance: 1e-6, MaxIterations: 50000}}
	_, least, err := s.solve(t, 1)
	if err != nil {
		t.Fatal(err)
	}
	before := 0.0
	for i := range 7 {
		s.options = Options{Lambda: 0.003, Step: math.Ldexp(1, -i), Tolerance: 1e-5, MaxIterations: 5000}
		_, r, err := s.solve(t, 1)
		if err != nil {
			t.Fatal(err)
		}
		over := r.Cost - least.Cost
		t.Logf("step 1/%d: %d iterations, the cost is %.3g above the minimum, excess %.3g, certificate %.3g", 1<<i, r.Iterations, over, r.Excess, r.Certificate)
		if over > r.Excess+1e-5*r.Cost || over > r.Certificate {
			t.Errorf("step 1/%d: %.3g above the minimum, excess %.3g, certificate %.3g", 1<<i, over, r.Excess, r.Certificate)
		}
		if i > 0 && (over < 0.4*before || over > 0.65*before) {
			t.Errorf("step 1/%d: %.3g above the minimum, twice the step %.3g", 1<<i, over, before)
		}
		before = over
	}
}

// The rules for lambda: what they aim at holds at the lambda that they find.
func TestRules(t *testing.T) {
	for _, method := range []Method{FPPA, PrimalDual, ADMM} {
		s := scene{shape: []int{40, 36}, channels: 1, blur: true, masked: true, noise: 0.03}
		_, w := s.whole(t)
		// The noise of weight 1, as the scene's noise is the same everywhere.
		values, sum := 0.0, 0.0
		for _, v := range w {
			if v > 0 {
				values++
				sum += v
			}
		}
		noise := s.noise * math.Sqrt(sum/values)
		var errorOf = map[Rule]float64{}
		for _, rule := range []Rule{Discrepancy, SURE, Oracle} {
			s.options = Options{Method: method, Rule: rule, Noise: noise, Tolerance: 1e-3}
			if method == ADMM { // an iterate that is not the minimum yet may be closer to the truth than it
				s.options.Tolerance = 1e-4
			}
			one, r, err := s.solve(t, 1)
			if err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
			for i, v := range s.truth() {
				errorOf[rule] += (one[i] - v) * (one[i] - v)
			}
			t.Logf("%s, %s: lambda %.4g after %d trials, %+v", method, rule, r.Lambda, len(r.Search.Trials), r.Search.Trials[len(r.Search.Trials)-1])
			if ratio := r.Misfit / (noise * noise * values); rule == Discrepancy && math.Abs(ratio-1) > 0.02 {
				t.Errorf("misfit by noise is %g", ratio)
			}
			if r.Search.Values != int(values) || r.Search.Inferred {
				t.Errorf("%s: %+v", rule, r.Search)
			}
			if last := r.Search.Trials[0]; rule == SURE && !(last.Error > 0) {
				t.Errorf("SURE has no error bar: %+v", last)
			}
			if method != PrimalDual {
				three, other, err := s.solve(t, 3)
				if err != nil {
					t.Fatal(err)
				}
				if d := farthest(three, one); d > 1e-7 || math.Abs(other.Lambda/r.Lambda-1) > 1e-6 {
					t.Errorf("%s: on 3 ranks lambda is %v, on 1 %v; the solutions differ by %.2g", rule, other.Lambda, r.Lambda, d)
				}
			}
		}
		for _, rule := range []Rule{Discrepancy, SURE} {
			if errorOf[rule] > 1.5*errorOf[Oracle] || errorOf[rule] < 0.98*errorOf[Oracle] {
				t.Errorf("%s: squared error %g, that of the oracle %g", rule, errorOf[rule], errorOf[Oracle])
			}
		}
	}
}

// Where the noise is said to be far from that of the data, no lambda meets the rule; the closest that
// was tried is used, and the result says so.
func TestUnmetRules(t *testing.T) {
	for _, c := range []struct {
		rule  Rule
		noise float64
	}{{Discrepancy, 1e-9}, {Discrepancy, 10}, {SURE, 1e-9}} {
		for _, method := range []Method{FPPA, PrimalDual, ADMM} {
			if c.rule == SURE && method == ADMM { // has a minimum there, at 2.6e-13
				continue
			}
			s := scene{shape: []int{16, 12}, channels: 1, blur: true, noise: 0.03}
			s.options = Options{Method: method, Rule: c.rule, Noise: c.noise, Tolerance: 1e-2, MaxIterations: 60}
			x, r, err := s.solve(t, 2)
			if err != nil && !errors.As(err, new(*NotConvergedError)) {
				t.Errorf("%s, %s, noise %g: %v", method, c.rule, c.noise, err)
				continue
			}
			if r.Search.Unmet == "" || len(x) == 0 || !(r.Lambda > 0) {
				t.Errorf("%s, %s, noise %g: lambda %g, unmet %q", method, c.rule, c.noise, r.Lambda, r.Search.Unmet)
			}
			if c.rule != Discrepancy {
				continue
			}
			for _, tried := range r.Search.Trials {
				if math.Abs(math.Log(tried.Criterion)) < math.Abs(math.Log(r.Misfit/(c.noise*c.noise*16*12)))-0.1 {
					t.Errorf("%s, noise %g: lambda %g is used, %+v is closer", method, c.noise, r.Lambda, tried)
				}
			}
		}
	}
}

// SURE against the error that it estimates, at three lambdas.
func TestSURE(t *testing.T) {
	s := scene{shape: []int{64, 64}, channels: 1, blur: true, noise: 0.03, options: Options{Lambda: 0.01, Rule: SURE, Noise: 0.03, Probes: 4}}
	_, r, err := s.solve(t, 1)
	if err != nil {
		t.Fatal(err)
	}
	onRanks(t, 1, func(comm ranks.Comm) error {
		frame, err := halo.Decompose(s.shape, 1)
		if err != nil {
			return err
		}
		h := s.operator(comm, frame)
		n := float64(64 * 64)
		for _, trial := range r.Search.Trials[:3] {
			f := s
			f.options = Options{Lambda: trial.Lambda}
			x, _, err := f.solve(t, 1)
			if err != nil {
				return err
			}
			d := s.truth()
			for i, v := range d {
				d[i] = x[i] - v
			}
			if err := h.Apply(d, append([]float64(nil), d...)); err != nil {
				return err
			}
			risk := 0.0
			for _, v := range d {
				risk += v * v / (0.03 * 0.03)
			}
			// The estimate scatters by sqrt(2 n) for the noise, and by its own error bar.
			if allowed := 3 * (math.Sqrt(2*n) + trial.Error); math.Abs(trial.Criterion-risk) > allowed {
				t.Errorf("lambda %g: SURE %g +- %g, error %g", trial.Lambda, trial.Criterion, trial.Error, risk)
			}
		}
		return nil
	})
}

// What is wrong on one rank is an error on all.
func TestErrors(t *testing.T) {
	for name, spoil := range map[string]func(comm ranks.Comm, p *Problem, o *Options){
		"lambda":           func(_ ranks.Comm, _ *Problem, o *Options) { o.Lambda = 0 },
		"isotropic":        func(_ ranks.Comm, _ *Problem, o *Options) { o.Penalty = Isotropic },
		"method":           func(_ ranks.Comm, _ *Problem, o *Options) { o.Method = "?" },
		"axes":             func(_ ranks.Comm, _ *Problem, o *Options) { o.Method = ADMM },
		"bounds":           func(_ ranks.Comm, _ *Problem, o *Options) { o.Bounds = &Bounds{1, 0} },
		"another lambda":   func(c ranks.Comm, _ *Problem, o *Options) { o.Lambda += float64(c.Rank()) },
		"one has no data":  func(c ranks.Comm, p *Problem, _ *Options) { p.Data = p.Data[:c.Rank()*len(p.Data)] },
		"one has NaN":      func(c ranks.Comm, p *Problem, _ *Options) { p.Data[0] = math.NaN() * float64(c.Rank()) },
		"nothing observed": func(_ ranks.Comm, p *Problem, _ *Options) { p.Weights = make(forward.Weights, len(p.Data)) },
		"oracle":           func(_ ranks.Comm, _ *Problem, o *Options) { o.Rule = Oracle },
		"noise unknown":    func(_ ranks.Comm, p *Problem, o *Options) { o.Rule, o.Lambda = Discrepancy, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			var errs [2]error
			onRanks(t, 2, func(comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{9}, 2)
				if err != nil {
					return err
				}
				p := &Problem{Frame: frame, Channels: 1, Data: make([]float64, frame.Owned(comm.Rank()).Size())}
				o := Options{Lambda: 1}
				spoil(comm, p, &o)
				_, errs[comm.Rank()] = Solve(context.Background(), comm, p, o)
				return nil
			})
			if errs[0] == nil || errs[1] == nil {
				t.Errorf("ranks end with %v and %v", errs[0], errs[1])
			}
		})
	}
}

// A context that is cancelled on one rank stops all; too few iterations leave a result.
func TestStops(t *testing.T) {
	s := scenes()["deblur pd"]
	y, w := s.whole(t)
	var errs [2]error
	onRanks(t, 2, func(comm ranks.Comm) error {
		p, err := s.problem(comm, y, w)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := s.options
		o.Tolerance = 1e-12
		o.Progress = func(p krylov.Progress) {
			if p.Iteration == 30 {
				cancel()
			}
		}
		_, errs[comm.Rank()] = Solve(ctx, comm, p, o)
		return nil
	})
	if !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("ranks end with %v", errs)
	}
	s.options.MaxIterations, s.options.Tolerance = 7, 1e-12
	x, r, err := s.solve(t, 2)
	var short *NotConvergedError
	if !errors.As(err, &short) || short.Iterations != 7 || len(x) == 0 || r.Converged || r.Gap <= 0 {
		t.Errorf("%v, %+v", err, r)
	}
}
