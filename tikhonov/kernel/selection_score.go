package kernel

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/internal/random"
	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// selector scores the candidates of one group of ranks.
type selector struct {
	begun int // fits of this group
	Search
	o      Options
	comm   ranks.Comm // of the group
	group  int
	pts    *loadbalance.Points // the group's observations, all of them over its ranks
	total  int
	probes int
	// Scores, widths x lambdas: sums of squares over this group's folds. The same on
	// all ranks of the group.
	sums   []float64
	failed []float64
}

// divide makes the groups and gives each all the observations. Collective.
func (q *selector) divide(comm ranks.Comm, pts *loadbalance.Points) error {
	size := comm.Size()
	counts, err := ranks.Counts(comm, pts.Len())
	if err != nil {
		return err
	}
	width := pts.Dim + pts.Cols
	shares := make([]int, size)
	for r, c := range counts {
		q.total += c
		shares[r] = c * width
	}
	q.probes = min(q.total, min(64, max(4, (16384+q.total-1)/q.total)))
	q.sums = make([]float64, len(q.Widths)*len(q.Lambdas))
	q.failed = make([]float64, len(q.sums))

	if q.Groups == 0 {
		each := (q.total + groupShare - 1) / groupShare // ranks a group takes
		q.Groups = max(1, size/each)
	}
	q.Groups = min(q.Groups, size, len(q.Widths)*q.folds())
	if q.Groups == 1 {
		q.comm, q.pts = comm, pts
		return nil
	}
	mine := make([]float64, 0, pts.Len()*width)
	for i := range pts.Len() {
		mine = append(mine, pts.X[i*pts.Dim:(i+1)*pts.Dim]...)
		mine = append(mine, pts.Attr[i*pts.Cols:(i+1)*pts.Cols]...)
	}
	all := make([]float64, q.total*width)
	if err := comm.Allgatherv(all, shares, mine); err != nil {
		return err
	}
	q.group = comm.Rank() * q.Groups / size
	if q.comm, err = comm.Split(q.group, comm.Rank()); err != nil {
		return err
	}
	q.pts = &loadbalance.Points{Dim: pts.Dim, Cols: pts.Cols}
	for i := q.comm.Rank() * q.total / q.comm.Size(); i < (q.comm.Rank()+1)*q.total/q.comm.Size(); i++ {
		q.pts.ID = append(q.pts.ID, int64(i))
		q.pts.X = append(q.pts.X, all[i*width:i*width+pts.Dim]...)
		q.pts.Attr = append(q.pts.Attr, all[i*width+pts.Dim:(i+1)*width]...)
	}
	return nil
}

// Choosing is the phase of a Progress in which a Selection is made: Iteration of Of fits.
const Choosing = "choosing width and lambda"

// folds is the number of fits a candidate takes.
func (q *selector) folds() int {
	if q.Rule == GCV {
		return 1
	}
	return q.Folds
}

// run scores the fits that fall to this group: those of one width and one fold for
// all lambdas, dealt out from the widest. Collective over the group.
func (q *selector) run(ctx context.Context) error {
	folds := q.folds()
	for u := range len(q.Widths) * folds {
		if u%q.Groups != q.group {
			continue
		}
		w := len(q.Widths) - 1 - u/folds
		if err := q.fits(ctx, w, u%folds); err != nil {
			return fmt.Errorf("kernel: choosing width and lambda, width %.4g: %w", q.Widths[w], err)
		}
	}
	return nil
}

// fits scores all lambdas for one width and fold.
func (q *selector) fits(ctx context.Context, w, fold int) error {
	o := q.o
	o.Kernel.Width = q.Widths[w]
	train, test := q.split(fold)
	counts := []float64{float64(train.Len()), float64(test.Len())}
	if err := q.comm.Allreduce(counts, counts, ranks.Sum); err != nil {
		return err
	}
	if q.Rule == CrossValidation && (counts[0] == 0 || counts[1] == 0) {
		return fmt.Errorf("fold %d of %d holds %g of %d observations: too few for so many folds", fold+1, q.Folds, counts[1], q.total)
	}
	f := &Fit{}
	o.Progress = nil
	if err := f.place(q.comm, train, &o); err != nil {
		return err
	}
	for l, lambda := range q.Lambdas {
		at := w*len(q.Lambdas) + l
		if q.o.Progress != nil && q.group == 0 && q.comm.Rank() == 0 {
			q.o.Progress(krylov.Progress{Phase: Choosing, Iteration: q.begun*q.Groups + 1, Of: len(q.Widths) * q.folds() * len(q.Lambdas)})
		}
		q.begun++
		o.Lambda = lambda
		score, err := q.score(ctx, f, &o, test)
		switch {
		case err == nil && !math.IsNaN(score):
			q.sums[at] += score
		case err == nil || unsolvable(err):
			q.failed[at]++
		default:
			return fmt.Errorf("lambda %.3g: %w", lambda, err)
		}
	}
	return nil
}

// unsolvable tells a candidate that float64 cannot do from a run that has to stop.
// Errors that were agreed on keep only their text, so that what is known to stop a
// run is asked for; the rest is the system's.
func unsolvable(err error) bool {
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, ranks.ErrAborted) && !errors.Is(err, ranks.ErrMismatch) && !errors.Is(err, ranks.ErrDeadlock)
}

// split parts the observations into those to fit and those of the fold; GCV fits all.
func (q *selector) split(fold int) (train, test *loadbalance.Points) {
	p := q.pts
	train = &loadbalance.Points{Dim: p.Dim, Cols: p.Cols}
	test = &loadbalance.Points{Dim: p.Dim, Cols: p.Cols}
	if q.Rule == GCV {
		return p, test
	}
	for i, id := range p.ID {
		side := train
		if foldOf(q.Seed, id, q.Folds) == fold {
			side = test
		}
		side.ID = append(side.ID, id)
		side.X = append(side.X, p.X[i*p.Dim:(i+1)*p.Dim]...)
		side.Attr = append(side.Attr, p.Attr[i*p.Cols:(i+1)*p.Cols]...)
	}
	return train, test
}

// score fits f's points at one width and lambda. For CrossValidation it is the sum
// of squares at the points held out, for GCV N times the score. Collective.
func (q *selector) score(ctx context.Context, f *Fit, o *Options, test *loadbalance.Points) (float64, error) {
	s, err := NewSystem(ctx, q.comm, f.Partition, f.Points, f.systemOptions(o))
	if err != nil {
		return 0, err
	}
	trend, err := trendOf(f.Points, &q.o, summed(q.comm))
	if err != nil {
		return 0, err
	}
	y := trend.subtract(f.Points)
	a := make([]float64, len(y))
	if _, err := s.SolveResidual(ctx, a, y, selectResidual); err != nil {
		return 0, err
	}
	sum := []float64{0}
	if q.Rule == GCV {
		for i, v := range a {
			sum[0] += sq(o.Lambda * f.Points.Attr[2*i+1] * v)
		}
		if err := q.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
			return 0, err
		}
		free, err := q.trace(ctx, s, f.Points, o.Lambda)
		n := float64(q.total)
		return n * n * sum[0] / (free * free), err
	}
	v, _, err := s.Evaluate(test.X, a, false)
	if err != nil {
		return 0, err
	}
	trend.add(v, test.X, test.Dim)
	for i := range v {
		sum[0] += sq((v[i] - test.Attr[2*i]) / test.Attr[2*i+1])
	}
	err = q.comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

// trace estimates tr(I - H) as the mean over probes of z'(I - H)z, z random signs;
// with as many probes as observations z are the unit vectors, and it is exact.
// Collective. Hutchinson, Comm. Statist. Simulation Comput. 18 (1989) 1059.
func (q *selector) trace(ctx context.Context, s *System, pts *loadbalance.Points, lambda float64) (float64, error) {
	n := pts.Len()
	b := make([]float64, n)
	sum, weight := []float64{0}, 1/float64(q.probes)
	if q.probes == q.total {
		weight = 1
	}
	for k := range q.probes {
		for i, id := range pts.ID {
			b[i] = pts.Attr[2*i+1] * q.probe(k, id)
		}
		x := make([]float64, n)
		if _, err := s.SolveResidual(ctx, x, b, selectResidual); err != nil {
			return 0, err
		}
		sum[0] += weight * lambda * linalg.Dot(b, x)
	}
	err := q.comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

// probe is element id of probe k.
func (q *selector) probe(k int, id int64) float64 {
	if q.probes == q.total {
		if int64(k) == id {
			return 1
		}
		return 0
	}
	return 1 - 2*float64(random.Hash(q.Seed^random.Hash(uint64(k)^random.Hash(uint64(id))))>>63)
}

func foldOf(seed uint64, id int64, folds int) int {
	return int(random.Hash(seed^random.Hash(uint64(id)+1)) % uint64(folds))
}

// collect adds up the groups' scores and chooses. Collective over all ranks of comm.
func (q *selector) collect(comm ranks.Comm) (*Selection, error) {
	sums := append(append([]float64(nil), q.sums...), q.failed...)
	if q.comm.Rank() > 0 { // one rank of each group gives its scores
		clear(sums)
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	s := &Selection{Observations: q.total, Groups: q.Groups}
	if q.Rule == GCV {
		s.Probes = q.probes
	} else {
		s.Folds = q.Folds
	}
	for i, w := range q.Widths {
		for j, l := range q.Lambdas {
			at := i*len(q.Lambdas) + j
			c := Candidate{Width: w, Lambda: l, Score: sums[at] / float64(q.total)}
			if sums[len(q.sums)+at] > 0 {
				c.Score = math.Inf(1)
			}
			s.Candidates = append(s.Candidates, c)
		}
	}
	return s, s.choose(q.Widths, q.Lambdas)
}
