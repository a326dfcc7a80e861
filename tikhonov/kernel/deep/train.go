package deep

import (
	"context"
	"fmt"
	"math"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// Model is the trained function g(f(x)). Numbers are global and the same on every rank.
// It keeps the communicator of the ranks: Predict and Features are collective, and have to
// be called from the goroutine that called Train.
type Model struct {
	Status    krylov.Status // Converged: a step lowered J by less than Drop; Stagnated: no step lowers J any more; IterationLimit: Steps are done
	Objective float64       // J
	Misfit    float64       // sum_i ((g(f(x_i)) - y_i) / sigma_i)^2, the first term of J
	InnerNorm float64       // ||f||^2
	OuterNorm float64       // ||g||^2
	Mean      float64       // added to g, if Options.Mean

	Observations       int       // of all ranks
	Starts             []float64 // J of each start after its g-step
	Start              int       // index in Starts of the one that was trained
	Steps              []Step    // in order
	Accepted, Rejected int       // steps that lowered J, and steps that did not

	space *space
	f     *inner
	g     *outer
}

// Train fits the observations, spread over the ranks in any way, with two layers.
// Collective: every rank returns an error if one does. The result depends on the number of ranks only through rounding; the
// cost is one factorisation in space, Starts in feature space, and one of each a step
// at most.
func Train(ctx context.Context, comm ranks.Comm, obs *kernel.Observations, o Options) (*Model, error) {
	if err := ranks.AgreeError(comm, o.check()); err != nil {
		return nil, err
	}
	same := o
	same.Progress = nil
	if err := krylov.Same(comm, "deep: the options", same); err != nil {
		return nil, err
	}
	pts, err := obs.Numbered(comm)
	if err != nil {
		return nil, err
	}
	lo, hi, err := loadbalance.Bounds(comm, pts)
	if err != nil {
		return nil, err
	}
	part, err := loadbalance.Strips(lo, hi, comm.Size())
	if err != nil {
		return nil, err
	}
	mid, side := middle(lo, hi)
	o = o.withDefaults(side)

	m := &Model{}
	energy, err := m.moments(comm, pts, o.Mean)
	if err != nil {
		return nil, err
	}
	if m.space, err = newSpace(ctx, comm, part, pts, o); err != nil {
		return nil, err
	}
	if err := m.multistart(ctx, mid, side); err != nil {
		return nil, err
	}
	if err := m.descend(ctx, energy); err != nil {
		return nil, err
	}
	return m, nil
}

// moments counts the observations, takes off their mean where that is asked for,
// and returns sum (y/sigma)^2.
func (m *Model) moments(comm ranks.Comm, pts *loadbalance.Points, mean bool) (energy float64, err error) {
	sums := make([]float64, 4) // 1, 1/sigma^2, y/sigma^2, y^2/sigma^2
	for i := range pts.Len() {
		y, w := pts.Attr[2*i], 1/(pts.Attr[2*i+1]*pts.Attr[2*i+1])
		for k, v := range []float64{1, w, w * y, w * y * y} {
			sums[k] += v
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, err
	}
	m.Observations = int(sums[0])
	if mean {
		m.Mean = sums[2] / sums[1]
		for i := range pts.Len() {
			pts.Attr[2*i] -= m.Mean
		}
	}
	return sums[3], nil
}

// multistart keeps the start of smallest J after a g-step.
func (m *Model) multistart(ctx context.Context, mid []float64, side float64) error {
	s := m.space
	best := math.Inf(1)
	for j := range s.o.Starts {
		if err := ranks.AgreeError(s.comm, ctx.Err()); err != nil {
			return err
		}
		f, err := s.start(ctx, j, mid, side)
		if err != nil {
			return fmt.Errorf("deep: start %d: %w", j, err)
		}
		g, err := fitOuter(ctx, s.comm, nil, s.features(f), &s.o)
		if err != nil {
			return fmt.Errorf("deep: start %d: %w", j, err)
		}
		v := s.objective(g.misfit, f, g)
		m.Starts = append(m.Starts, v)
		if v < best-1e-9*math.Abs(best) || j == 0 { // equal ones are told apart by their number, not by rounding
			best, m.Start, m.f, m.g = v, j, f, g
		}
		m.tell(Progress{Phase: "start", Iteration: j + 1, Of: s.o.Starts, Objective: best})
	}
	m.record(best)
	return nil
}

func (m *Model) record(objective float64) {
	m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm = objective, m.g.misfit, m.f.norm, m.g.norm
}

func (m *Model) tell(p Progress) {
	if s := m.space; s.o.Progress != nil && s.comm.Rank() == 0 {
		s.o.Progress(p)
	}
}

// descend takes the steps.
func (m *Model) descend(ctx context.Context, energy float64) error {
	s := m.space
	mu, failures := s.o.Damping, 0
	var l *slopes
	m.Status = krylov.IterationLimit
	for t := 1; t <= s.o.Steps && failures < patience; t++ {
		if err := ranks.AgreeError(s.comm, ctx.Err()); err != nil {
			return err
		}
		if l == nil {
			var err error
			if l, err = s.slopes(m.f, m.g); err != nil {
				return fmt.Errorf("deep: step %d: %w", t, err)
			}
		}
		before := m.Objective
		step, err := m.attempt(ctx, l, mu, energy)
		if err != nil {
			return fmt.Errorf("deep: step %d: %w", t, err)
		}
		m.Steps = append(m.Steps, *step)
		m.tell(Progress{Phase: "step", Iteration: t, Of: s.o.Steps, Objective: m.Objective})
		if !step.Accepted {
			m.Rejected++
			failures++
			mu *= 4
			continue
		}
		m.Accepted++
		failures = 0
		mu /= 3
		l = nil
		if before-m.Objective < s.o.Drop*before {
			m.Status = krylov.Converged
			break
		}
	}
	if failures == patience {
		m.Status = krylov.Stagnated
	}
	return nil
}

// attempt is an f-step and, if J drops, the g-step after it.
func (m *Model) attempt(ctx context.Context, l *slopes, mu, energy float64) (*Step, error) {
	s := m.space
	f, iterations, err := s.step(ctx, m.f, l, mu)
	if err != nil {
		return nil, fmt.Errorf("f: %w", err)
	}
	misfit, err := s.misfit(f, m.g)
	if err != nil {
		return nil, fmt.Errorf("f: %w", err)
	}
	step := &Step{Damping: mu, Inner: iterations, Objective: m.Objective}
	frozen := s.objective(misfit, f, m.g)
	if !(frozen < m.Objective) {
		return step, nil
	}
	g, err := fitOuter(ctx, s.comm, m.g.part, s.features(f), &s.o)
	if err != nil {
		return nil, fmt.Errorf("g: %w", err)
	}
	after := s.objective(g.misfit, f, g)
	if err := falls(frozen, after, energy); err != nil {
		return nil, fmt.Errorf("g: %w", err)
	}
	m.f, m.g = f, g
	m.record(after)
	step.Accepted, step.Objective, step.Outer, step.Balance = true, after, g.iterations, g.balance
	return step, nil
}

// falls checks that an exact minimisation has not raised J by more than rounding:
// squares of the residuals of its linear solve, and of sums of numbers as large as
// y^2, whose sum is energy.
func falls(before, after, energy float64) error {
	if after <= before+1e-9*before+1e-12*energy {
		return nil
	}
	return fmt.Errorf("the objective rose from %.12g to %.12g, which rounding does not explain", before, after)
}

// Predict is g(f(x)) at any points (n x Dim), different ones on every rank.
// Collective: wrong points on one rank are the same error on every rank.
func (m *Model) Predict(x []float64) ([]float64, error) {
	z, err := m.Features(x)
	if err != nil {
		return nil, err
	}
	v, _, err := m.g.sys.Evaluate(z, m.g.beta, false)
	for i := range v {
		v[i] += m.Mean
	}
	return v, err
}

// Features is f(x), n x d1, at any points (n x Dim), different ones on every rank.
// Collective: wrong points on one rank are the same error on every rank.
func (m *Model) Features(x []float64) ([]float64, error) {
	s := m.space
	d := len(m.f.a)
	z := make([]float64, len(x)/s.pts.Dim*d)
	for k, a := range m.f.a {
		v, _, err := s.sys.Evaluate(x, a, false)
		if err != nil {
			return nil, err
		}
		for i := range v {
			z[i*d+k] = v[i]
		}
	}
	return z, nil
}
