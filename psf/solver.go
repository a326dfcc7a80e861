package psf

import (
	"context"
	"math"
	"time"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/wavelet"
	"tessera/ranks"
)

// stamp is the state of one stamp beside its arrays.
type stamp struct {
	id              int     // number in the whole stack
	psf             int     // number among solver.psfs
	iteration       int     // done in this pass
	before          int     // done in earlier passes
	done            bool    // converged in this pass
	misfit, penalty float64 // at the last convergence check
	half            float64 // with diagonal: |y|^2/2
	change          float64 // |x - x'|^2 at the last convergence check, x' one iteration before
	settled         float64 // at the end: 1 = it has converged, else 0
}

// solver is the state of one rank. Arrays contain one stamp after the other.
type solver[T linalg.Float] struct {
	comm            ranks.Comm
	in              *entered
	o               Options // Sigma and Given in the units of in
	side, n         int
	first, total    int
	psfSide         int
	homes           []int // number of the first stamp of each rank's Stack, then total
	tau, sigma, rho T
	beta, lambda    float64

	conv    *fourier.SmallConvolver[T]
	wave    *wavelet.Starlet[T]
	filters []fourier.Filter[T]
	normal  []fourier.Filter[T] // with diagonal: of H'H
	psfs    [][]float64         // of each filter

	stamps []stamp
	x, y   []T // with diagonal y is H'y
	w      []T // nil = 1
	u      []T // sparse form: scales x n numbers a stamp; low-rank form: n
	base   []T // sparse form: thresholds of the first pass, scales numbers a stamp
	limits []T // sparse form: thresholds of later passes, scales x n numbers a stamp; nil in the first
	noise  []float64

	pass, before int // passes done, and iterations in them
	checks       []Check
	converged    bool
	saved        time.Time
	begun        float64

	g, t, bar, d []T // scratch of one stamp: gradient, L'u, 2p - x, Phi of it
	low          *lowRank[T]
	moved        int // stamps that came to this rank
	made         int // iterations of stamps on this rank
}

// Deconvolve restores a stack of stamps. Every rank passes the same options and its own
// part of the stack. Collective.
//
// An error is returned on all ranks, as a *ranks.RankError with the text of the first
// rank that has one: whatever Stack.Check finds, options that are wrong or differ
// between the ranks, parts that do not make up the whole stack, a failing Save. When ctx
// is cancelled on any rank, all ranks call Save, if there is one, and return the
// context's error.
func Deconvolve(ctx context.Context, comm ranks.Comm, stack *Stack, options Options) (*Result, error) {
	o := options.withDefaults()
	if err := agree(comm, stack, &o); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return deconvolve[float64](ctx, comm, stack, o)
	}
	return deconvolve[float32](ctx, comm, stack, o)
}

func deconvolve[T linalg.Float](ctx context.Context, comm ranks.Comm, stack *Stack, o Options) (*Result, error) {
	start := comm.Wtime()
	in, err := enter(comm, stack, &o)
	if err != nil {
		return nil, err
	}
	s, err := newSolver[T](comm, in, o)
	if err != nil {
		return nil, err
	}
	if o.Resume != nil {
		if err := ranks.AgreeError(comm, s.resume(o.Resume)); err != nil {
			return nil, err
		}
	}
	s.begun = comm.Wtime()
	s.saved = time.Now()
	run := s.runSparse
	if o.Mode == LowRank {
		run = s.runLowRank
	}
	if err := run(ctx); err != nil {
		return nil, err
	}
	s.settle()
	if err := s.returnStamps(); err != nil {
		return nil, err
	}
	r := &Result{
		Converged: s.converged, Lambda: in.out(s.lambda, 1), Tau: float64(s.tau), SigmaDual: float64(s.sigma), Beta: s.beta,
		Made: s.made, Setup: s.begun - start, Solve: comm.Wtime() - s.begun,
	}
	r.Transforms = s.timeTransforms()
	for _, c := range s.checks {
		r.Checks = append(r.Checks, in.check(c))
	}
	r.Data = make([]float64, len(s.x))
	for i, v := range s.x {
		r.Data[i] = in.out(float64(v), 1)
	}
	if err := checkFinite(comm, r.Data); err != nil {
		return nil, err
	}
	sums := []float64{0, float64(s.moved)}
	most := []float64{0}
	for i, st := range s.stamps {
		r.StampIterations = append(r.StampIterations, st.before+st.iteration)
		r.StampConverged = append(r.StampConverged, st.settled == 1)
		r.StampNoise = append(r.StampNoise, in.out(s.noise[i], 1))
		most[0] = max(most[0], float64(st.before+st.iteration))
		sums[0] += s.noise[i] / float64(s.total)
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, err
	}
	r.Noise, r.Moved, r.Iterations = in.out(sums[0], 1), int(sums[1]), int(most[0])
	if s.low != nil {
		r.Passes, r.Accuracy = s.low.passes, s.low.worst
		for _, v := range s.low.singular {
			r.Singular = append(r.Singular, in.out(v, 1))
		}
	}
	return r, nil
}

// gradient sets g to H'W(Hx - y) of stamp i.
func (s *solver[T]) gradient(i int, g, x []T) {
	y, st := s.part(s.y, i), &s.stamps[i]
	if s.diagonal() {
		s.conv.Apply(g, x, s.normal[st.psf])
		blend(g, g, y, 1, -1)
		return
	}
	s.conv.Gradient(g, x, y, s.weightsOf(i), s.filters[st.psf])
}

// misfit is |W^(1/2)(y - Hx)|^2 / 2 of stamp i.
func (s *solver[T]) misfit(i int) float64 {
	x, y, st := s.part(s.x, i), s.part(s.y, i), &s.stamps[i]
	if !s.diagonal() {
		return s.conv.Misfit(x, y, s.weightsOf(i), s.filters[st.psf])
	}
	// |Hx - y|^2 / 2 = x'(H'H x)/2 - x'(H'y) + |y|^2/2
	s.conv.Apply(s.g, x, s.normal[st.psf])
	misfit := st.half
	for j, v := range x {
		misfit += float64(v) * (float64(s.g[j])/2 - float64(y[j]))
	}
	return misfit
}

func (s *solver[T]) weightsOf(i int) []T {
	if s.w == nil {
		return nil
	}
	return s.part(s.w, i)
}

// timeTransforms measures Result.Transforms: the fastest of 10 batches.
func (s *solver[T]) timeTransforms() float64 {
	if len(s.filters) == 0 {
		return 0
	}
	applications := 2
	if s.diagonal() {
		applications = 1
	}
	const batch = 20
	best := math.Inf(1)
	for range 10 {
		start := time.Now()
		for range batch * applications {
			s.conv.Apply(s.g, s.t, s.filters[0])
		}
		best = min(best, time.Since(start).Seconds()/batch)
	}
	return best
}

// part is stamp i's part of an array of n numbers a stamp.
func (s *solver[T]) part(a []T, i int) []T { return a[i*s.n : (i+1)*s.n] }

// allSum adds up numbers over the ranks, in place. Collective.
func (s *solver[T]) allSum(sums []float64) error { return s.comm.Allreduce(sums, sums, ranks.Sum) }

// changed is |x - x'|^2 of stamp i after an iteration that began at x', whose bar is that of the
// primal step: x' = (x - rho bar/2) / (1 - rho/2).
func (s *solver[T]) changed(i int) float64 {
	half, sum := float64(s.rho)/2, 0.0
	for j, v := range s.part(s.x, i) {
		d := float64(v) - (float64(v)-half*float64(s.bar[j]))/(1-half)
		sum += d * d
	}
	return sum
}

// settle notes which stamps have converged.
func (s *solver[T]) settle() {
	for i := range s.stamps {
		st := &s.stamps[i]
		size := 0.0
		for _, v := range s.part(s.x, i) {
			size += float64(v) * float64(v)
		}
		if st.done || s.o.Still > 0 && st.change <= s.o.Still*s.o.Still*size || s.o.Still == 0 && s.converged {
			st.settled = 1
		}
	}
}

// ratio is the square root of change / size; 0 for a stack that is 0.
func ratio(change, size float64) float64 {
	if size == 0 {
		return 0
	}
	return math.Sqrt(change / size)
}

// squares is the sum of the squares of x.
func (s *solver[T]) squares() float64 {
	sum := 0.0
	for _, v := range s.x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// still tells whether the stack no longer changes.
func (s *solver[T]) still(c Check) bool { return s.o.Still > 0 && c.Change <= s.o.Still }

// closeTo tells whether a cost changed by at most a fraction of it; never with tolerance 0.
func closeTo(now, before, tolerance float64) bool {
	return tolerance > 0 && math.Abs(now-before) <= tolerance*math.Abs(now)
}

func narrow[T linalg.Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func fill[T linalg.Float](x []T, v T) {
	for i := range x {
		x[i] = v
	}
}
