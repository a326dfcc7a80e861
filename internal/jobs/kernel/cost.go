package kernel

import (
	"context"
	"errors"
	"math"
	"time"

	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// probeMost is how many observations a calibration fits, at most.
const probeMost = 1200

// largestBlock is the most points of a block: kernel's own bound.
const largestBlock = 3000

// probe is what the fit of some observations on one rank took.
type probe struct {
	count      float64 // observations
	neighbours float64 // entries of a row
	owned      float64 // observations that a block owns, on average
	size       float64 // points of a block, root mean square
	entry      float64 // bytes of a number of a factor
	iterations float64
	seconds    float64
}

// probe fits a thinned sample with a kernel that is widened as much, so that rows and
// blocks are as large as they are among all observations. dim coordinates each.
func newProbe(ctx context.Context, comm ranks.Comm, e *excerpt, o kernel.Options) (*probe, error) {
	obs := every(&e.data, probeMost)
	n := len(obs.Y)
	if n == 0 {
		return nil, errors.New("no observations to make a plan from: the sample of them is empty")
	}
	o.Kernel.Width *= e.thinning(n)
	o.Balance, o.Progress = kernel.Never, nil
	start := time.Now()
	fit, err := kernel.Solve(ctx, comm, &obs, o)
	if fit == nil { // not so where it only has not converged
		return nil, err
	}
	p := &probe{
		count: float64(n), neighbours: fit.Neighbours, entry: 8, owned: float64(n), size: 0,
		iterations: float64(fit.Iterations), seconds: time.Since(start).Seconds(),
	}
	if fit.Blocks > 0 {
		p.owned = float64(n) / float64(fit.Blocks)
		numbers := float64(fit.FactorBytes) / 8
		if single(fit, o) {
			p.entry, numbers = 4, 2*numbers
		}
		p.size = math.Sqrt(numbers / float64(fit.Blocks))
	}
	return p, nil
}

// single tells whether the factors are in single precision: the solver keeps them so
// where the condition number is below 1e5. It is about the sum of a row over lambda.
func single(f *kernel.Fit, o kernel.Options) bool {
	if f.Blocks == 1 {
		return f.FactorBytes == 4*int64(f.Largest)*int64(f.Largest)
	}
	return 0.2*f.Neighbours/o.Lambda < 1e5
}

// unfinished is an error of a solver, nil where it only has not converged.
func unfinished(err error) error {
	if errors.As(err, new(*krylov.NotConvergedError)) {
		return nil
	}
	return err
}

// share is what a rank holds and does for a fit.
type share struct {
	owned   float64 // observations
	fetched float64 // observations of other ranks around them
	entries float64 // of the rows
	blocks  float64
	size    float64 // points of a block
	factors float64 // bytes
}

// share is that of one of n ranks among count observations with so many neighbours.
// fetched is what a rank fetches and near how many of these its blocks reach, both in
// units of what it owns; crowd is how many more neighbours there are than on average.
func (p *probe) share(count float64, n int, neighbours, fetched, near, crowd float64) share {
	own := count / float64(n)
	s := share{owned: own, fetched: own * fetched, entries: own * neighbours * crowd, blocks: 1, size: own * (1 + near)}
	if p.size == 0 { // a method without blocks
		s.blocks, s.size = 0, 0
		return s
	}
	// Where the sample has too few observations for its rows, it has for its blocks.
	if wider := p.size * max(1, neighbours/p.neighbours); own > p.owned {
		s.blocks, s.size = own/p.owned, min(s.size, wider)
	}
	s.size = min(s.size, largestBlock)
	s.factors = p.entry * s.blocks * s.size * s.size
	return s
}

// operations are about those of the set-up and of so many iterations of a share.
func (s *share) operations(iterations float64) float64 {
	n := s.size
	return s.blocks*(n*n*n/3+4*iterations*n*n) + s.entries*(40+4*iterations)
}

// seconds are those of a share: the probe's, by the number of operations.
func (p *probe) secondsOf(s share, iterations float64) float64 {
	whole := share{blocks: p.count / p.owned, size: p.size, entries: p.count * p.neighbours}
	return p.seconds * s.operations(iterations) / whole.operations(p.iterations)
}

// bytes are those of rows, factors, points and the vectors of the solver, which keeps
// so many of them.
func (s *share) bytes(dim int, vectors float64) float64 {
	all := s.owned + s.fetched
	points := 8*s.owned*float64(2*dim+8) + 8*all*float64(dim+3) + 12*all
	return points + 12*s.entries + s.factors + 8*vectors*s.owned
}

// traffic adds up what all ranks send.
type traffic struct {
	ranks    float64
	bytes    float64
	messages float64
}

// reduce adds sums over all ranks of so many numbers.
func (t *traffic) reduce(times, numbers float64) {
	steps := math.Ceil(math.Log2(t.ranks))
	t.bytes += 8 * times * numbers * steps * t.ranks
	t.messages += times * steps * t.ranks
}

// spread adds times at which so many numbers in all go from the ranks to any others.
func (t *traffic) spread(times, numbers float64) {
	t.bytes += 8 * times * numbers
	t.messages += times * t.ranks * (t.ranks - 1)
}

// exchange adds times at which all ranks exchange so many numbers with their neighbours.
func (t *traffic) exchange(times, numbers float64) {
	t.bytes += 8 * times * numbers
	t.messages += times * t.ranks * min(t.ranks-1, 8)
}

// distribute adds the way of all observations to their ranks: numbers, to find equal
// ones, and records. away is the fraction that lies elsewhere.
func (t *traffic) distribute(count, record, away float64) {
	t.spread(2, 0) // how many will come
	t.spread(1, count*(1-1/t.ranks))
	t.spread(1, count*away*record)
}

// balance adds the search for the cuts, 30 rounds of 15 numbers a cut, and the way of
// the observations that change their rank.
func (t *traffic) balance(count, record, moved float64, dim int) {
	for range dim {
		t.reduce(30, 15*(t.ranks-1)/float64(dim))
	}
	t.spread(1, t.ranks*(t.ranks-1)) // how many will come
	t.spread(1, count*moved*record)
	t.spread(2, t.ranks*(t.ranks-1)) // loads
}

// iterate adds the solver's exchanges and sums.
func (t *traffic) iterate(iterations, exchanges, fetched float64) {
	t.exchange(exchanges, fetched)
	t.reduce(2*iterations+6, min(iterations, 30)/2+2)
}
