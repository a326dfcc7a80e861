package psf

import (
	"context"
	"fmt"
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
	Busy       float64 // of Solve, not spent waiting in reductions
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
	waiting      float64

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
	r.Busy, r.Transforms = r.Solve-s.waiting, s.timeTransforms()
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

// newSolver lays out the state. Collective.
func newSolver[T linalg.Float](comm ranks.Comm, stack *Stack, o Options) (*solver[T], error) {
	n, count := stack.Side*stack.Side, stack.Count()
	s := &solver[T]{comm: comm, o: o, side: stack.Side, n: n, first: stack.First, total: stack.Total, kernelSide: stack.KernelSide, rho: T(o.Rho)}
	if err := s.agreeOnParts(count); err != nil {
		return nil, err
	}
	if o.Border == Wrap {
		s.conv = fourier.NewSmallPeriodicConvolver[T](s.side)
	} else {
		s.conv = fourier.NewSmallZeroConvolver[T](s.side, stack.KernelSide)
	}
	weights := stack.Weights
	if o.Noise == FromWeights {
		weights = append([]float64(nil), weights...)
	}
	var err error
	if s.noise, err = noises(comm, stack, &o, weights); err != nil {
		return nil, err
	}
	if weights != nil {
		s.w = narrow[T](weights)
	}
	s.makeFilters(stack)
	s.stamps = make([]stamp, count)
	for i := range s.stamps {
		s.stamps[i].id, s.stamps[i].kernel = stack.First+i, stack.kernelOf(i)
	}
	s.loadData(stack)
	s.g, s.t, s.bar = make([]T, n), make([]T, n), make([]T, n)
	if err := s.chooseSteps(stack, weights); err != nil {
		return nil, err
	}
	s.start(stack)
	if o.Mode == LowRank {
		s.u = make([]T, count*n)
		if err := s.newLowRank(); err != nil {
			return nil, err
		}
	} else {
		s.wave = wavelet.NewStarlet[T](o.Family, s.side, o.Scales, o.Border == Wrap)
		s.d = make([]T, o.Scales*n)
		s.u = make([]T, count*o.Scales*n)
		if err := s.setLimits(stack); err != nil {
			return nil, err
		}
	}
	if o.Compatible {
		fill(s.u, 1)
	}
	return s, nil
}

// agreeOnParts checks that the ranks' parts make up the stack.
func (s *solver[T]) agreeOnParts(count int) error {
	p := s.comm.Size()
	one := make([]int, p)
	for r := range one {
		one[r] = 2
	}
	all := make([]float64, 2*p)
	if err := s.comm.Allgatherv(all, one, []float64{float64(s.first), float64(count)}); err != nil {
		return err
	}
	at := 0
	for r := range p {
		first, count := int(all[2*r]), int(all[2*r+1])
		if first != at && count > 0 {
			return fmt.Errorf("psf: rank %d begins with stamp %d, want %d", r, first, at)
		}
		s.homes = append(s.homes, at)
		at += count
	}
	if at != s.total {
		return fmt.Errorf("psf: the ranks hold %d stamps of a stack of %d", at, s.total)
	}
	s.homes = append(s.homes, at)
	return nil
}

// diagonal: H'WH is diagonal in the Fourier basis, which halves the transforms.
func (s *solver[T]) diagonal() bool { return s.o.Border == Wrap && s.w == nil }

func identity(h complex128) complex128 { return h }
func power(h complex128) complex128    { return complex(real(h)*real(h)+imag(h)*imag(h), 0) }

func (s *solver[T]) makeFilters(stack *Stack) {
	m := stack.KernelSide * stack.KernelSide
	for k := range len(stack.Kernels) / m {
		s.addKernel(stack.KernelSide, stack.Kernels[k*m:(k+1)*m])
	}
}

func (s *solver[T]) addKernel(side int, kernel []float64) {
	s.kernels = append(s.kernels, kernel)
	s.filters = append(s.filters, s.conv.Filter(side, kernel, identity))
	if s.diagonal() {
		s.normal = append(s.normal, s.conv.Filter(side, kernel, power))
	}
}

func (s *solver[T]) loadData(stack *Stack) {
	s.y = narrow[T](stack.Data)
	for i := range s.y {
		if s.w != nil && s.w[i] == 0 {
			s.y[i] = 0 // NaN perhaps
		}
	}
	if !s.diagonal() {
		return
	}
	for i := range s.stamps {
		y := s.y[i*s.n : (i+1)*s.n]
		for _, v := range y {
			s.stamps[i].half += float64(v) * float64(v) / 2
		}
		s.conv.ApplyTranspose(y, y, s.filters[s.stamps[i].kernel])
	}
}

// chooseSteps bounds the norms of the operators and takes the steps from them.
func (s *solver[T]) chooseSteps(stack *Stack, weights []float64) error {
	var err error
	if s.o.Compatible {
		if s.beta, err = powerNorm(s); err != nil {
			return err
		}
	} else {
		most := []float64{0, 0, 0} // |H|^2, W, and whether some rank has weights
		if weights != nil {
			most[2] = 1
		}
		for _, k := range s.kernels {
			gain := s.conv.Gain(stack.KernelSide, k)
			most[0] = max(most[0], gain*gain)
		}
		for _, w := range weights {
			most[1] = max(most[1], w)
		}
		if err := s.comm.Allreduce(most, most, ranks.Max); err != nil {
			return err
		}
		if most[2] == 0 {
			most[1] = 1
		}
		s.beta = most[0] * most[1]
	}
	tau, sigma, err := s.o.steps(s.beta)
	s.tau, s.sigma = T(tau), T(sigma)
	return err
}

// start sets the primal variable.
func (s *solver[T]) start(stack *Stack) {
	switch s.o.Start {
	case FromGiven:
		s.x = narrow[T](s.o.Given)
		return
	case FromOnes:
		s.x = make([]T, len(s.y))
		fill(s.x, 1)
		return
	}
	s.x = make([]T, len(s.y))
	if s.o.Start != FromWiener {
		return
	}
	for i, st := range s.stamps {
		y := make([]T, s.n)
		signal := 0.0
		for j := range y {
			v := stack.Data[i*s.n+j]
			if s.w != nil && s.w[i*s.n+j] == 0 {
				v = 0
			}
			y[j] = T(v)
			signal += v * v
		}
		if signal == 0 {
			continue
		}
		// The noise's energy over the light's, a flat spectrum of both.
		noise := float64(s.n) * s.noise[i] * s.noise[i]
		mu := max(noise/max(signal-noise, 0.01*noise), 1e-6)
		part := s.x[i*s.n : (i+1)*s.n]
		s.conv.Apply(part, y, s.conv.Filter(stack.KernelSide, s.kernels[st.kernel], func(h complex128) complex128 {
			return complex(real(h), -imag(h)) / complex(real(power(h))+mu, 0)
		}))
		if !s.o.AnySign {
			for j, v := range part {
				part[j] = max(v, 0)
			}
		}
	}
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

// meet sums numbers over the ranks and accounts for the wait.
func (s *solver[T]) meet(sums []float64) error {
	start := s.comm.Wtime()
	err := s.comm.Allreduce(sums, sums, ranks.Sum)
	s.waiting += s.comm.Wtime() - start
	return err
}

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
