package psf

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/internal/linalg"
)

// lowRank is the state of the low-rank form beside that of the stamps: the part of the
// singular value decomposition of V that the proximal operator needs, V the stack of
// the v's of the package comment, a stamp a row. With kept = prox(V), q is v - kept:
//
//	V = sum_k s_k a_k b_k',    kept = sum_k (s_k - lambda_k)+ a_k b_k' = sum_k f_k (V b_k) b_k'
//
// Only the right singular vectors b_k with s_k > lambda_k and f_k = 1 - lambda_k/s_k are
// needed, and the product of each stamp with the block of vectors, which is stored.
type lowRank[T linalg.Float] struct {
	n, block int
	basis    []float64 // block x n: orthonormal rows, of the next product
	narrow   []T       // basis in T
	product  []float64 // block x n: basis V'V; then 1 if some rank's context is cancelled, else 0
	v        []T       // as x
	coef     []T       // block a stamp: V basis'
	lambdas  []float64 // thresholds of the singular values, largest value first; lambda beyond the last; nil = lambda

	pending bool // the step of u by v, coef, mix and modes has still to be made
	mix     []T  // block x count: turns coef into f_k V b_k
	modes   []T  // count x n: b_k
	count   int  // of the b_k

	iteration int
	measured  int       // the iteration whose change the stamps have
	singular  []float64 // of Z
	passes    int
	worst     float64 // largest accepted error of a singular vector, in all iterations
	tile      []T     // scratch: tileStamps x n, tileStamps x block
	sum       []T     // scratch: block x n
}

// tileStamps is how many stamps are multiplied with the block at once. Sums within a tile
// are taken in T, sums over tiles in float64.
const tileStamps = 64

// Accuracy of the singular vectors: |V'V b - theta b| <= accuracy theta_1, theta the
// eigenvalue of V'V, for every b in use and the first one not in use.
const (
	accuracy = 1e-5
	exact    = 1e-11 // with Compatible: as accurate as a full decomposition
	most     = 60    // products in one iteration
)

// newLowRank sets lambda and a random block, the same on all ranks. Collective.
func (s *solver[T]) newLowRank() error {
	mean := []float64{0}
	for _, v := range s.noise {
		mean[0] += v / float64(s.total)
	}
	if err := s.allSum(mean); err != nil {
		return err
	}
	s.lambda = s.o.Factor * mean[0] * math.Sqrt(float64(max(s.total+1, s.n))) * s.beta
	l := &lowRank[T]{n: s.n, v: make([]T, len(s.u))}
	s.low = l
	l.grow(min(s.o.Block, s.n), s.o.Seed, len(s.stamps))
	return nil
}

// grow enlarges the block by random vectors.
func (l *lowRank[T]) grow(block int, seed uint64, stamps int) {
	old := l.block
	l.block = block
	basis := make([]float64, block*l.n)
	copy(basis, l.basis)
	l.basis = basis
	randomRows(l.basis[old*l.n:], seed, old*l.n)
	orthonormalise(l.basis, block, l.n)
	l.narrow = make([]T, block*l.n)
	l.product = make([]float64, block*l.n+1)
	l.coef = make([]T, stamps*block)
	l.tile = make([]T, tileStamps*(l.n+block))
	l.sum = make([]T, block*l.n)
}

// runLowRank iterates in the low-rank form. Collective.
func (s *solver[T]) runLowRank(ctx context.Context) error {
	l := s.low
	for to := s.checkFrom(l.iteration); len(s.checks) == 0 || s.checks[len(s.checks)-1].Iteration < s.o.MaxIterations; {
		// A snapshot may be of the iteration of a check that has still to be made.
		if l.iteration < to {
			stop, err := s.iterateLowRank(ctx, l.iteration+1 == to)
			if err != nil {
				return err
			}
			if stop {
				return s.interrupted(ctx)
			}
			if l.iteration < to {
				continue
			}
		}
		if err := s.checkLowRank(); err != nil {
			return err
		}
		s.report(s.checks[len(s.checks)-1])
		if last := s.checks[len(s.checks)-1]; (s.settledAt(last) || s.still(last)) && (s.o.Threshold != Reweighted || l.lambdas != nil) {
			s.converged = true
			break
		}
		if to = s.nextCheck(); l.iteration < s.o.MaxIterations {
			if err := s.saveIfDue(); err != nil {
				return err
			}
		}
	}
	for i := range s.stamps {
		s.stamps[i].iteration = l.iteration
	}
	return nil
}

// checkFrom is the iteration of the next convergence check of a solve that begins after iteration
// done. With a CheckEvery other than the snapshot's it may be past, or the change of that iteration
// unknown; then the check follows the next iteration.
func (s *solver[T]) checkFrom(done int) int {
	to := s.nextCheck()
	if to < done || to == done && s.low.measured != done {
		to = min(done+1, s.o.MaxIterations)
	}
	return to
}

// checkLowRank makes a convergence check. Collective.
func (s *solver[T]) checkLowRank() error {
	sums := []float64{0, 0, s.squares()}
	for i := range s.stamps {
		sums[0] += s.misfit(i)
		sums[1] += s.stamps[i].change
	}
	if err := s.allSum(sums); err != nil {
		return err
	}
	c := Check{Iteration: s.low.iteration, Misfit: sums[0], Rank: len(s.low.singular), Active: s.total, Change: ratio(sums[1], sums[2])}
	for k, v := range s.low.singular {
		c.Penalty += s.threshold(k) * v
	}
	s.checks = append(s.checks, c)
	return nil
}

// threshold is lambda_k, the threshold of the k-th singular value.
func (s *solver[T]) threshold(k int) float64 {
	if l := s.low; k < len(l.lambdas) {
		return l.lambdas[k]
	}
	return s.lambda
}

// iterateLowRank is one iteration: each stamp's x and v, the product of the block with
// V, and from it the singular vectors. The step of u that follows from these is made
// when the next iteration visits the stamp. stop tells whether the context of some rank
// is cancelled. check: a convergence check follows. Collective.
func (s *solver[T]) iterateLowRank(ctx context.Context, check bool) (stop bool, err error) {
	l := s.low
	clear(l.product)
	if ctx.Err() != nil {
		l.product[l.block*l.n] = 1
	}
	setNarrow(l.narrow, l.basis)
	for at := 0; at < len(s.stamps); at += tileStamps {
		end := min(at+tileStamps, len(s.stamps))
		l.forward(s, at, end)
		for i := at; i < end; i++ {
			x, u := s.part(s.x, i), s.part(s.u, i)
			s.gradient(i, s.g, x)
			primal(x, s.g, u, s.bar, s.tau, s.rho, s.o.AnySign)
			if check {
				s.stamps[i].change = s.changed(i)
			}
			blend(s.part(l.v, i), u, s.bar, 1, s.sigma)
		}
		l.multiply(at, end)
	}
	l.iteration++
	s.made += len(s.stamps)
	if check {
		l.measured = l.iteration
	}
	l.pending = true
	return s.follow()
}

// forward makes the pending step of u for the stamps at <= i < end:
//
//	u += rho (v - kept - u)
func (l *lowRank[T]) forward(s *solver[T], at, end int) {
	if !l.pending {
		return
	}
	u, v := s.u[at*l.n:end*l.n], l.v[at*l.n:end*l.n]
	blend(u, u, v, 1-s.rho, s.rho)
	if l.count == 0 {
		return
	}
	rows := end - at
	kept := l.tile[:rows*l.count]
	linalg.Gemm(false, false, rows, l.count, l.block, 1, l.coef[at*l.block:], l.block, l.mix, l.count, 0, kept, l.count)
	linalg.Gemm(false, false, rows, l.n, l.count, -s.rho, kept, l.count, l.modes, l.n, 1, u, l.n)
}

// flush makes the pending step of u for all stamps.
func (l *lowRank[T]) flush(s *solver[T]) {
	for at := 0; at < len(s.stamps); at += tileStamps {
		l.forward(s, at, min(at+tileStamps, len(s.stamps)))
	}
	l.pending = false
}

// multiply adds the part of the stamps at <= i < end to the product basis V'V.
func (l *lowRank[T]) multiply(at, end int) {
	rows := end - at
	v, coef := l.v[at*l.n:end*l.n], l.coef[at*l.block:end*l.block]
	linalg.Gemm(false, true, rows, l.block, l.n, 1, v, l.n, l.narrow, l.n, 0, coef, l.block)
	linalg.Gemm(true, false, l.block, l.n, rows, 1, coef, l.block, v, l.n, 0, l.sum, l.n)
	for i, x := range l.sum {
		l.product[i] += float64(x)
	}
}

// follow turns the product into singular values and vectors. It makes more products
// while these are not accurate enough, or while all vectors of the block have singular
// values above the threshold, so that there may be more. Collective.
func (s *solver[T]) follow() (stop bool, err error) {
	l := s.low
	accuracy := cmp.Or(s.o.accuracy, accuracy)
	for pass := 1; ; pass++ {
		if err := s.allSum(l.product); err != nil {
			return false, err
		}
		l.passes++
		stop = stop || l.product[l.block*l.n] > 0
		l.reweight(s)
		r, err := ritz(l.basis, l.product[:l.block*l.n], l.block, l.n, func(k int, values []float64) bool {
			return values[k] > s.threshold(k)
		})
		if err != nil {
			return false, err
		}
		kept, worst := r.kept, slices.Max(r.residuals)
		short := kept == l.block && l.block < min(l.n, s.total)
		if !short && (worst <= accuracy || pass >= most || l.block == l.n) {
			l.keep(s, r, kept)
			l.basis, l.worst = r.next, max(l.worst, worst)
			return stop, nil
		}
		l.basis = r.next
		if short {
			l.grow(min(2*l.block, l.n), s.o.Seed, len(s.stamps))
		}
		clear(l.product)
		setNarrow(l.narrow, l.basis)
		for at := 0; at < len(s.stamps); at += tileStamps {
			l.multiply(at, min(at+tileStamps, len(s.stamps)))
		}
	}
}

// keep stores the singular vectors above the thresholds, kept in number.
func (l *lowRank[T]) keep(s *solver[T], r *ritzPairs, kept int) {
	l.count = kept
	l.mix, l.modes = make([]T, l.block*kept), make([]T, kept*l.n)
	setNarrow(l.modes, r.vectors[:kept*l.n])
	l.singular = l.singular[:0]
	for k := range kept {
		shrink := 1 - s.threshold(k)/r.values[k]
		if s.o.Threshold == Hard {
			shrink = 1
		}
		for i := range l.block {
			l.mix[i*kept+k] = T(shrink * r.rotation[k*l.block+i])
		}
		l.singular = append(l.singular, shrink*r.values[k]/float64(s.sigma))
	}
}

// reweight divides the thresholds by 1 + s_k/lambda after the iterations with Soft, s_k
// the singular values found by these. The smaller the singular value, the larger the
// threshold, so that this is still a proximal operator (Gu et al. 2014).
func (l *lowRank[T]) reweight(s *solver[T]) {
	if s.o.Threshold != Reweighted || l.lambdas != nil || l.iteration <= s.o.Settle {
		return
	}
	l.lambdas = []float64{}
	for _, v := range l.singular {
		l.lambdas = append(l.lambdas, s.lambda/(1+v/s.lambda))
	}
}

// lowMeta is the part of lowRank that a snapshot contains.
type lowMeta struct {
	Block     int
	Basis     []float64
	Lambdas   []float64
	Weighted  bool // Lambdas is not nil, which gob does not tell from empty
	Singular  []float64
	Iteration int
	Measured  int
	Passes    int
	Worst     float64
}

func (l *lowRank[T]) meta() *lowMeta {
	return &lowMeta{l.block, l.basis, l.lambdas, l.lambdas != nil, l.singular, l.iteration, l.measured, l.passes, l.worst}
}

func (l *lowRank[T]) resume(s *solver[T], m *lowMeta) error {
	if m == nil || len(m.Basis) != m.Block*l.n {
		return fmt.Errorf("psf: the checkpoint has no block of singular vectors")
	}
	l.grow(m.Block, s.o.Seed, len(s.stamps))
	copy(l.basis, m.Basis)
	l.lambdas, l.singular, l.iteration, l.passes = m.Lambdas, m.Singular, m.Iteration, m.Passes
	l.measured, l.worst = m.Measured, m.Worst
	if m.Weighted && l.lambdas == nil {
		l.lambdas = []float64{}
	}
	return nil
}

func setNarrow[T linalg.Float](to []T, x []float64) {
	for i := range to {
		to[i] = T(x[i])
	}
}
