package psf

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/internal/linalg"
)

// lowRank is what the low-rank form knows beside the stamps: the part of the
// singular value decomposition of the stack V of the v's that the proximal
// operator needs.
//
// With q = u - (what the operator keeps of v), up to the stamp's own numbers,
//
//	V = sum_k s_k a_k b_k',    kept = sum_k (s_k - lambda_k)+ a_k b_k' = sum_k f_k (V b_k) b_k'
//
// so that only the right vectors b_k with s_k > lambda_k and f_k = 1 - lambda_k/s_k
// are needed, and the products of each stamp with the block, which are kept.
type lowRank[T linalg.Float] struct {
	n, block int
	basis    []float64 // block x n, orthonormal rows: the block of the coming product
	narrow   []T       // the same
	product  []float64 // block x n: basis V'V, and whether to stop
	v        []T       // as x
	coef     []T       // block a stamp: V basis'
	lambdas  []float64 // thresholds in the order of the singular values; beyond the last, lambda

	pending bool // u has still to be brought forward by v and what follows
	mix     []T  // block x modes: from coef to f_k V b_k
	modes   []T  // modes x n: b_k
	count   int  // modes

	iteration int
	singular  []float64 // of Z
	passes    int
	worst     float64 // error of the singular vectors that was accepted, in all iterations
	tile      []T     // scratch: tileStamps x n, tileStamps x block
	sum       []T     // scratch: block x n
}

// tileStamps are multiplied with the block at once; their sum is taken in T, that
// of the tiles in float64.
const tileStamps = 64

// Accuracy of the singular vectors: |V'V b - theta b| <= accuracy theta_1 for every
// b that is kept and the first that is not.
const (
	accuracy = 1e-5
	exact    = 1e-11 // as good as a full decomposition; Compatible
	most     = 60    // products an iteration
)

// newLowRank sets lambda and a random block. Collective in that all ranks do the same.
func (s *solver[T]) newLowRank() error {
	mean := []float64{0}
	for _, v := range s.noise {
		mean[0] += v / float64(s.total)
	}
	if err := s.meet(mean); err != nil {
		return err
	}
	s.lambda = s.o.Factor * mean[0] * math.Sqrt(float64(max(s.total+1, s.n))) * s.beta
	l := &lowRank[T]{n: s.n, v: make([]T, len(s.u))}
	s.low = l
	l.grow(min(s.o.Block, s.n), s.o.Seed, len(s.stamps))
	return nil
}

// grow widens the block with random vectors.
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

// runLowRank is the iterations of the low-rank form.
func (s *solver[T]) runLowRank(ctx context.Context) error {
	l := s.low
	for to := s.nextLook(); l.iteration < s.o.Iterations; {
		stop, err := s.iterateLowRank(ctx)
		if err != nil {
			return err
		}
		if stop {
			return s.interrupted(ctx)
		}
		if l.iteration < to {
			continue
		}
		if err := s.lookLowRank(); err != nil {
			return err
		}
		s.tell(s.looks[len(s.looks)-1])
		if s.settledAt(s.looks[len(s.looks)-1]) && (s.o.Threshold != Reweighted || l.lambdas != nil) {
			s.converged = true
			break
		}
		if to = s.nextLook(); l.iteration < s.o.Iterations {
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

// lookLowRank takes the cost. Collective.
func (s *solver[T]) lookLowRank() error {
	sums := []float64{0}
	for i := range s.stamps {
		sums[0] += s.misfit(i)
	}
	if err := s.meet(sums); err != nil {
		return err
	}
	look := Look{Iteration: s.low.iteration, Misfit: sums[0], Rank: len(s.low.singular), Active: s.total}
	for k, v := range s.low.singular {
		look.Penalty += s.threshold(k) * v
	}
	s.looks = append(s.looks, look)
	return nil
}

// threshold is lambda_k.
func (s *solver[T]) threshold(k int) float64 {
	if l := s.low; k < len(l.lambdas) {
		return l.lambdas[k]
	}
	return s.lambda
}

// iterateLowRank is one iteration: stamps forward to v, the block's product with
// the stack, and what it says of the singular vectors. What the latter do to u is
// left to the next visit of each stamp. It tells whether some rank has been told to
// stop. Collective.
func (s *solver[T]) iterateLowRank(ctx context.Context) (stop bool, err error) {
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
			blend(s.part(l.v, i), u, s.bar, 1, s.sigma)
		}
		l.multiply(at, end)
	}
	l.iteration++
	l.pending = true
	return s.follow()
}

// forward brings u of some stamps to where v and the singular vectors say:
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

// flush brings all of u forward.
func (l *lowRank[T]) flush(s *solver[T]) {
	for at := 0; at < len(s.stamps); at += tileStamps {
		l.forward(s, at, min(at+tileStamps, len(s.stamps)))
	}
	l.pending = false
}

// multiply adds the part of some stamps to the product.
func (l *lowRank[T]) multiply(at, end int) {
	rows := end - at
	v, coef := l.v[at*l.n:end*l.n], l.coef[at*l.block:end*l.block]
	linalg.Gemm(false, true, rows, l.block, l.n, 1, v, l.n, l.narrow, l.n, 0, coef, l.block)
	linalg.Gemm(true, false, l.block, l.n, rows, 1, coef, l.block, v, l.n, 0, l.sum, l.n)
	for i, x := range l.sum {
		l.product[i] += float64(x)
	}
}

// follow turns the product into singular values and vectors, with more products
// while they are not accurate or the block does not reach below the threshold.
// Collective.
func (s *solver[T]) follow() (stop bool, err error) {
	l := s.low
	accuracy := cmp.Or(s.o.accuracy, accuracy)
	for pass := 1; ; pass++ {
		if err := s.meet(l.product); err != nil {
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

// keep takes over the modes above the thresholds.
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

// reweight divides the thresholds by 1 + s_k/lambda once the soft form has had its
// iterations, s_k the singular values it found. Being larger for smaller singular
// values, they still make a proximal operator (Gu et al. 2014).
func (l *lowRank[T]) reweight(s *solver[T]) {
	if s.o.Threshold != Reweighted || l.lambdas != nil || l.iteration <= s.o.Settle {
		return
	}
	l.lambdas = []float64{}
	for _, v := range l.singular {
		l.lambdas = append(l.lambdas, s.lambda/(1+v/s.lambda))
	}
}

// lowMeta is what a snapshot keeps of it.
type lowMeta struct {
	Block     int
	Basis     []float64
	Lambdas   []float64
	Weighted  bool // Lambdas have been set, perhaps to none
	Singular  []float64
	Iteration int
	Passes    int
}

func (l *lowRank[T]) meta() *lowMeta {
	return &lowMeta{l.block, l.basis, l.lambdas, l.lambdas != nil, l.singular, l.iteration, l.passes}
}

func (l *lowRank[T]) resume(s *solver[T], m *lowMeta) error {
	if m == nil || len(m.Basis) != m.Block*l.n {
		return fmt.Errorf("psf: the checkpoint has no block of singular vectors")
	}
	l.grow(m.Block, s.o.Seed, len(s.stamps))
	copy(l.basis, m.Basis)
	l.lambdas, l.singular, l.iteration, l.passes = m.Lambdas, m.Singular, m.Iteration, m.Passes
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
