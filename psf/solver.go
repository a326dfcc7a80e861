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

// Look is the cost at one moment, of the whole stack.
type Look struct {
	Iteration int
	Misfit    float64 // sum of |W^(1/2)(y - Hx)|^2 / 2
	Penalty   float64 // g; of the low-rank form g(Z), Z what the dual variable says X will be
	Rank      int     // of Z
	Active    int     // stamps that still ran
}

// Cost is the objective.
func (l Look) Cost() float64 { return l.Misfit + l.Penalty }

// Result is this rank's part of a restored stack and the account of the solve; but
// for Data and Iterations it is the same on all ranks.
type Result struct {
	Data       []float64 // as Stack.Data
	Iterations []int     // each stamp had
	Looks      []Look
	Converged  bool    // by Tolerance or StampTolerance, before the iterations ran out
	Done       int     // iterations, the most any stamp had
	Noise      float64 // the mean over the stamps
	Lambda     float64 // low rank
	Tau        float64
	SigmaDual  float64
	Beta       float64   // bound of, or with Compatible an estimate of, the largest |H|^2 max W
	Singular   []float64 // low rank: singular values of Z
	Passes     int       // low rank: products with the stack in all iterations
	Accuracy   float64   // low rank: largest |V'V b - s^2 b| / s_1^2 of a singular vector b that was used
	Moved      int       // sparse: stamps that changed rank to balance the rest
	Setup      float64   // seconds, of this rank
	Solve      float64
	Transforms float64 // seconds that the transforms of one iteration of one stamp take by themselves
}

// stamp is what is known of one stamp beside its arrays.
type stamp struct {
	id, kernel      int
	iteration       int // within the pass
	before          int // of earlier passes
	done            bool
	misfit, penalty float64 // at the last look
	half            float64 // wrap: |y|^2/2
}

// solver is the state of one rank. Arrays hold the stamps one after the other.
type solver[T linalg.Float] struct {
	comm            ranks.Comm
	o               Options
	side, n         int
	first, total    int
	kernelSide      int
	homes           []int // first stamp of each rank's part, and total
	tau, sigma, rho T
	beta, lambda    float64

	conv    *fourier.SmallConvolver[T]
	wave    *wavelet.Starlet[T]
	filters []fourier.Filter[T]
	normal  []fourier.Filter[T] // wrap without weights: of H'H
	kernels [][]float64         // of each filter

	stamps []stamp
	x, y   []T // y: H'y for wrap without weights
	w      []T // nil = 1
	u      []T // sparse: scales x n a stamp; low rank: n
	base   []T // sparse: thresholds, scales a stamp
	limits []T // sparse: once reweighted, scales x n a stamp; nil before
	noise  []float64

	pass, before int // reweighting passes done, iterations in them
	looks        []Look
	converged    bool
	saved        time.Time
	begun        float64

	// Scratch of one stamp.
	g, t, bar, d []T
	low          *lowRank[T]
	moved        int
}

// Deconvolve restores a stack. Collective: every rank passes the same options and
// its own part. When ctx is cancelled the ranks save a snapshot if they have been
// told how, and return its error.
func Deconvolve(ctx context.Context, comm ranks.Comm, stack *Stack, options Options) (*Result, error) {
	o := options.withDefaults()
	err := stack.Check()
	if err == nil {
		err = o.check(stack)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return deconvolve[float64](ctx, comm, stack, o)
	}
	return deconvolve[float32](ctx, comm, stack, o)
}

func deconvolve[T linalg.Float](ctx context.Context, comm ranks.Comm, stack *Stack, o Options) (*Result, error) {
	start := comm.Wtime()
	s, err := newSolver[T](comm, stack, o)
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
	if err := s.bringHome(); err != nil {
		return nil, err
	}
	r := &Result{
		Looks: s.looks, Converged: s.converged, Lambda: s.lambda, Tau: float64(s.tau), SigmaDual: float64(s.sigma), Beta: s.beta,
		Setup: s.begun - start, Solve: comm.Wtime() - s.begun,
	}
	r.Transforms = s.timeTransforms()
	r.Data = make([]float64, len(s.x))
	for i, v := range s.x {
		r.Data[i] = float64(v)
	}
	sums := []float64{0, float64(s.moved)}
	most := []float64{0}
	for i, st := range s.stamps {
		r.Iterations = append(r.Iterations, st.before+st.iteration)
		most[0] = max(most[0], float64(st.before+st.iteration))
		sums[0] += s.noise[i] / float64(s.total)
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, err
	}
	r.Noise, r.Moved, r.Done = sums[0], int(sums[1]), int(most[0])
	if s.low != nil {
		r.Singular, r.Passes, r.Accuracy = s.low.singular, s.low.passes, s.low.worst
	}
	return r, nil
}

// gradient sets g to H'W(Hx - y) of stamp i.
func (s *solver[T]) gradient(i int, g, x []T) {
	y, st := s.part(s.y, i), &s.stamps[i]
	if s.diagonal() {
		s.conv.Apply(g, x, s.normal[st.kernel])
		blend(g, g, y, 1, -1)
		return
	}
	s.conv.Gradient(g, x, y, s.weightsOf(i), s.filters[st.kernel])
}

// misfit is that of stamp i at its x.
func (s *solver[T]) misfit(i int) float64 {
	x, y, st := s.part(s.x, i), s.part(s.y, i), &s.stamps[i]
	if !s.diagonal() {
		return s.conv.Misfit(x, y, s.weightsOf(i), s.filters[st.kernel])
	}
	// |Hx - y|^2 / 2 = x'(H'H x)/2 - x'(H'y) + |y|^2/2
	s.conv.Apply(s.g, x, s.normal[st.kernel])
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

// timeTransforms is the time of the transforms that an iteration of a stamp cannot
// do without, 0 where there is no stamp: the best of some batches.
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

// part is stamp i's stretch of an array of n numbers a stamp.
func (s *solver[T]) part(a []T, i int) []T { return a[i*s.n : (i+1)*s.n] }

// meet sums numbers over the ranks.
func (s *solver[T]) meet(sums []float64) error { return s.comm.Allreduce(sums, sums, ranks.Sum) }

// closeTo tells whether a cost has settled.
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
