package kernel

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/internal/linalg"
	"tessera/internal/random"
	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// LeaveOneOut is the mean over a sample of the observations of ((f_i(x_i) - y_i)/sigma_i)^2, f_i
// fitted to the sample without observation i. With A = K + lambda S and y centred, the
// difference is (A^-1 y)_i / (A^-1)_ii: Dubrule, Mathematical Geology 15 (1983) 687.
//
// Width and lambda are searched on a lattice of factors 2 and sqrt(10) about those of the
// options, coarse to fine, as far as the score falls; Search.Widths and Lambdas are not used.
const LeaveOneOut Rule = "leave-one-out"

// fewest is the smallest number of observations, and of a sample, for LeaveOneOut.
const fewest = 4

// Candidates is about how many pairs LeaveOneOut tries.
const Candidates = 40

// MostEntries is how many entries the matrix may have for a width that LeaveOneOut chooses.
const MostEntries = 2e8

// patches are the samples of neighbours, in place of one of all observations, by which
// lambda is chosen for a width that Search.Entries limits.
const patches = 2

// A sample is a part of the observations, which every rank has.
type sample struct {
	y, sigma  []float64 // y centred
	distances []float64 // squared, n x n, the lower triangle
}

// takeSample gathers the n observations of the smallest keys, the same on every rank whatever
// their number. Collective.
func takeSample(comm ranks.Comm, pts *loadbalance.Points, o *Options, key func(i int) float64, n int) (*sample, []float64, error) {
	width := 2 + pts.Dim + pts.Cols
	order := make([]int, pts.Len())
	keys := make([]float64, len(order))
	for i := range order {
		order[i], keys[i] = i, key(i)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(pts.ID[a], pts.ID[b])) })
	order = order[:min(n, len(order))]
	var mine []float64
	for _, i := range order {
		mine = append(mine, keys[i], float64(pts.ID[i]))
		mine = append(mine, pts.X[i*pts.Dim:(i+1)*pts.Dim]...)
		mine = append(mine, pts.Attr[i*pts.Cols:(i+1)*pts.Cols]...)
	}
	counts, err := ranks.Counts(comm, len(mine))
	if err != nil {
		return nil, nil, err
	}
	total := 0
	for _, c := range counts {
		total += c
	}
	all := make([]float64, total)
	if err := comm.Allgatherv(all, counts, mine); err != nil {
		return nil, nil, err
	}
	rows := make([][]float64, 0, total/width)
	for ; len(all) > 0; all = all[width:] {
		rows = append(rows, all[:width])
	}
	slices.SortFunc(rows, func(a, b []float64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	first := rows[0][2 : 2+pts.Dim]
	rows = rows[:min(n, len(rows))]
	s := &sample{distances: make([]float64, len(rows)*len(rows))}
	taken := &loadbalance.Points{Dim: pts.Dim, Cols: pts.Cols, ID: make([]int64, len(rows))}
	for i, a := range rows {
		s.sigma = append(s.sigma, a[3+pts.Dim])
		taken.X, taken.Attr = append(taken.X, a[2:2+pts.Dim]...), append(taken.Attr, a[2+pts.Dim:]...)
		for j, b := range rows[:i+1] {
			for k := range pts.Dim {
				s.distances[i*len(rows)+j] += sq(a[2+k] - b[2+k])
			}
		}
	}
	// Every rank has the whole sample: there is nothing to add up. A mean is always subtracted.
	trend, err := trendOf(taken, &Options{Mean: true, Linear: o.Linear}, func([]float64) error { return nil })
	if err != nil {
		return nil, nil, err
	}
	s.y = trend.subtract(taken)
	return s, first, nil
}

// within is the mean fraction of the sample within a distance of one of it.
func (s *sample) within(radius float64) float64 {
	n, count := len(s.y), 0
	for i := range n {
		for _, d := range s.distances[i*n : i*n+i] {
			if d < radius*radius {
				count += 2
			}
		}
	}
	return float64(count+n) / float64(n*n)
}

// score is LeaveOneOut for a width and a lambda, as the sums of squares of the differences in
// units of sigma and in those of y; infinite where A is not positive definite to rounding.
func (s *sample) score(k Kernel, lambda float64, a []float64) (standard, plain float64) {
	n := len(s.y)
	p := k.profile()
	for i := range n {
		row := a[i*n : i*n+i+1]
		copy(row, s.distances[i*n:])
		p.eval(row)
		row[i] += lambda * s.sigma[i] * s.sigma[i]
	}
	if linalg.SPDInverse(n, a[:n*n], n) != nil {
		return math.Inf(1), math.Inf(1)
	}
	for i := range n {
		e := linalg.Dot(a[i*n:(i+1)*n], s.y) / a[i*n+i]
		standard += sq(e / s.sigma[i])
		plain += e * e
	}
	if math.IsNaN(standard) {
		return math.Inf(1), math.Inf(1)
	}
	return standard, plain
}

// cell is a place of the lattice: width and lambda are those of the options times 2^(w/2)
// and 10^(l/4).
type cell struct{ w, l int }

// lattice is the search of LeaveOneOut.
type lattice struct {
	ctx     context.Context
	comm    ranks.Comm
	o       Options
	crowd   *sample             // of all observations
	samples []*sample           // that are scored
	scores  map[cell][2]float64 // means over the samples
	widest  int                 // largest w
	total   float64             // observations
	sigma   float64             // the smallest of all
	list    []Candidate         // in the order in which they were tried
}

// at is the candidate of a cell.
func (t *lattice) at(c cell) Candidate {
	return Candidate{Width: t.o.Kernel.Width * math.Exp2(float64(c.w)/2), Lambda: t.o.Lambda * math.Pow(10, float64(c.l)/4), Score: t.scores[c][0], RMS: math.Sqrt(t.scores[c][1])}
}

// farthest is the largest w and l: 2^30 and 10^15 times those of the options.
const farthest = 60

// neighbours is about how many observations lie within the radius of a kernel, by the sample.
func (t *lattice) neighbours(w int) float64 {
	k := t.o.Kernel
	k.Width = t.at(cell{w: w}).Width
	return t.total * t.crowd.within(k.Radius())
}

// least is the smallest l for which the fit to all observations reaches its tolerance in spite
// of rounding: lambda is in proportion to the condition number, whose numerator is at most about
// the neighbours, over the tolerance. The factor 0.05 is from trials.
func (t *lattice) least(w int) int {
	floor := 0.05 * 0x1p-52 / cmp.Or(t.o.Tolerance, 1e-8) * t.neighbours(w) / (t.sigma * t.sigma)
	return int(max(-farthest, min(farthest, math.Ceil(4*math.Log10(floor/t.o.Lambda)))))
}

// try scores the cells that have no score, some on each rank. A smaller lambda than there may be
// is taken for the smallest. Collective.
func (t *lattice) try(cells []cell) error {
	var fresh []cell
	for _, c := range cells {
		c.l = max(c.l, t.least(c.w))
		if _, known := t.scores[c]; !known && c.w <= t.widest && max(c.w, -c.w, c.l, -c.l) <= farthest && !slices.Contains(fresh, c) {
			fresh = append(fresh, c)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	sums := make([]float64, 2*len(fresh))
	work := func() error {
		n, total := 0, 0
		for _, s := range t.samples {
			n = max(n, len(s.y))
			total += len(s.y)
		}
		a := make([]float64, n*n)
		for i := t.comm.Rank(); i < len(fresh); i += t.comm.Size() {
			if err := t.ctx.Err(); err != nil {
				return err
			}
			c := t.at(fresh[i])
			k := t.o.Kernel
			k.Width = c.Width
			for _, s := range t.samples {
				standard, plain := s.score(k, c.Lambda, a)
				sums[2*i] += standard / float64(total)
				sums[2*i+1] += plain / float64(total)
			}
		}
		return nil
	}
	if err := ranks.AgreeError(t.comm, work()); err != nil {
		return err
	}
	if err := t.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	if t.o.Progress != nil && t.comm.Rank() == 0 {
		done := len(t.list) + len(fresh)
		t.o.Progress(krylov.Progress{Phase: Choosing, Iteration: done, Of: max(done, Candidates)})
	}
	for i, c := range fresh {
		t.scores[c] = [2]float64{sums[2*i], sums[2*i+1]}
		t.list = append(t.list, t.at(c))
	}
	return nil
}

// best is the cell of the smallest score; of equal ones, to rounding, the narrowest with the
// largest lambda.
func (t *lattice) best() (cell, error) {
	least := math.Inf(1)
	for _, s := range t.scores {
		least = min(least, s[0])
	}
	if math.IsInf(least, 1) {
		return cell{}, fmt.Errorf("kernel: no width and lambda of %d has a system that can be solved: are many observations at one place?", len(t.scores))
	}
	at, found := cell{}, false
	for c, s := range t.scores {
		if s[0] <= least*(1+1e-9) && (!found || c.w < at.w || c.w == at.w && c.l > at.l) {
			at, found = c, true
		}
	}
	return at, nil
}

// descend goes to the neighbour of the smallest score until there is none, with steps of
// a factor of 4 and 10 and then of 2 and sqrt(10). Collective.
func (t *lattice) descend() (cell, error) {
	for step := 4; step > 1; step /= 2 {
		for {
			c, err := t.best()
			if err != nil {
				return c, err
			}
			before := len(t.list)
			var around []cell
			for w := -step; w <= step; w += step {
				for l := -step; l <= step; l += step {
					around = append(around, cell{c.w + w, c.l + l})
				}
			}
			if err := t.try(around); err != nil {
				return c, err
			}
			if next, err := t.best(); err != nil || next == c || len(t.list) == before {
				break
			}
		}
	}
	return t.best()
}

// leaveOneOut chooses width and lambda on a sample. Collective.
func leaveOneOut(ctx context.Context, comm ranks.Comm, pts *loadbalance.Points, o Options, search Search) (*Selection, error) {
	counts, err := ranks.Counts(comm, pts.Len())
	if err != nil {
		return nil, err
	}
	total := 0
	for _, c := range counts {
		total += c
	}
	if total < fewest {
		return nil, fmt.Errorf("kernel: %d observations: %s wants %d or more", total, LeaveOneOut, fewest)
	}
	even := func(i int) float64 { return float64(random.Hash(search.Seed^random.Hash(uint64(pts.ID[i])+1)) >> 11) }
	s, first, err := takeSample(comm, pts, &o, even, search.Sample)
	if err != nil {
		return nil, err
	}
	least := []float64{math.Inf(-1)}
	for i := range pts.Len() {
		least[0] = max(least[0], -pts.Attr[i*pts.Cols+1])
	}
	if err := comm.Allreduce(least, least, ranks.Max); err != nil {
		return nil, err
	}
	t := &lattice{
		ctx: ctx, comm: comm, o: o, crowd: s, samples: []*sample{s}, scores: map[cell][2]float64{}, widest: farthest, total: float64(total), sigma: -least[0],
	}
	var start []cell
	for w := 0; w <= 8; w += 4 {
		for l := -8; l <= 4; l += 4 {
			start = append(start, cell{w, l})
		}
	}
	if err := t.try(start); err != nil {
		return nil, err
	}
	c, err := t.descend()
	if err != nil {
		return nil, err
	}
	x := &Selection{Observations: total, Sample: len(s.y), Groups: comm.Size()}
	if t.total*t.neighbours(c.w) > search.Entries {
		// A sample of all observations has too few within a narrow kernel: it is chosen by neighbours.
		x.Limited = true
		for t.widest = c.w; t.widest > -farthest && t.total*t.neighbours(t.widest) > search.Entries; {
			t.widest--
		}
		var near []*sample
		for range patches {
			centre := first
			distance := func(i int) float64 {
				d := 0.0
				for k := range pts.Dim {
					d += sq(pts.X[i*pts.Dim+k] - centre[k])
				}
				return d
			}
			p, _, err := takeSample(comm, pts, &o, distance, search.Sample)
			if err != nil {
				return nil, err
			}
			near = append(near, p)
			// The next centre is the observation that comes first by another order.
			other := func(i int) float64 { return -even(i) }
			if _, first, err = takeSample(comm, pts, &o, other, 1); err != nil {
				return nil, err
			}
		}
		t.samples, t.scores, start = near, map[cell][2]float64{}, nil
		for l := -8; l <= 8; l += 4 {
			start = append(start, cell{t.widest, c.l + l})
		}
		if err := t.try(start); err != nil {
			return nil, err
		}
		if c, err = t.descend(); err != nil {
			return nil, err
		}
	}
	chosen := t.at(c)
	x.Candidates, x.Width, x.Lambda, x.Score, x.RMS = t.list, chosen.Width, chosen.Lambda, chosen.Score, math.Sqrt(t.scores[c][1])
	return x, nil
}
