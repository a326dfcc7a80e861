package scdl

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Result of a training: the same on all ranks.
type Result struct {
	Pair
	// Root mean square errors after iterations At: of the dictionaries that the codes
	// were found with, or with Sequential and Spark of the new ones, as those do.
	ErrorHigh, ErrorLow []float64
	At                  []int
	Iterations          int     // done
	SparsityHigh        float64 // fraction of P, the thresholded codes, that is not 0
	SparsityLow         float64
	Reseeded            int // atoms that nothing used and that were begun anew
	Converged           bool
	Read, Written       int64   // bytes of files with the state, this rank's
	Seconds             float64 // of this call
	Resumed             int     // iterations that were done before
}

// Train learns a pair of dictionaries by the iteration of the package comment. Ranks
// may have no samples. Collective.
func Train(ctx context.Context, comm ranks.Comm, s *Samples, options Options) (*Result, error) {
	o := options.withDefaults()
	if err := agreeOptions(comm, s, &o); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return train[float64](ctx, comm, s, &o)
	}
	return train[float32](ctx, comm, s, &o)
}

func agreeOptions(comm ranks.Comm, s *Samples, o *Options) error {
	err := s.Check()
	if err == nil {
		err = o.check(s.Total)
	}
	return ranks.AgreeError(comm, err)
}

// learner is the state of one rank.
type learner[T linalg.Float] struct {
	comm  ranks.Comm
	o     *Options
	s     *Samples
	tiles *tiles[T]
	store store[T]
	saved time.Time

	digest string // of the samples, for snapshots

	r    *Result
	pair *Pair // = &r.Pair; the dictionaries of the tiles' sides are its own
	at   sumsLayout
	sums []float64 // of an iteration, over all ranks
	// The sample of this rank that was fitted worst, to begin an unused atom with.
	worst      float64
	worstIndex int
}

// sumsLayout says where in the sums of an iteration is what: gradients of the
// dictionaries (atoms x P, atoms x M), squared rows of the codes, the rest, and for
// each rank the error and the number of its worst sample.
type sumsLayout struct{ gradLow, rowsHigh, rowsLow, rest, worst, length int }

// Places in the rest: squared errors, nonzero codes, squared errors of the codes in
// the state, who was told to stop, whether it is time to save, whose files failed.
const (
	errorsAt  = 0
	nonzeroAt = 2
	stateAt   = 4
	stopAt    = 6
	dueAt     = 7
	failedAt  = 8
	restCount = 9
)

func layoutOf(s *Samples, atoms, size int) (at sumsLayout) {
	at.gradLow = atoms * s.P
	at.rowsHigh = at.gradLow + atoms*s.M
	at.rowsLow = at.rowsHigh + atoms
	at.rest = at.rowsLow + atoms
	at.worst = at.rest + restCount
	at.length = at.worst + 2*size
	return at
}

func train[T linalg.Float](ctx context.Context, comm ranks.Comm, s *Samples, o *Options) (*Result, error) {
	start := comm.Wtime()
	l := &learner[T]{comm: comm, o: o, s: s, tiles: newTiles[T](o, s.P, s.M), saved: time.Now(), r: &Result{}, at: layoutOf(s, o.Atoms, comm.Size())}
	l.pair, l.sums = &l.r.Pair, make([]float64, l.at.length)
	if err := l.begin(); err != nil {
		return nil, err
	}
	err := l.run(ctx)
	l.r.Read, l.r.Written = l.store.traffic()
	if err := ranks.AgreeError(comm, l.store.close()); err != nil {
		return nil, err
	}
	l.r.Seconds = comm.Wtime() - start
	return l.r, err
}

// begin makes the first dictionaries and an empty state, or those of a snapshot.
// Collective.
func (l *learner[T]) begin() error {
	s, o := l.s, l.o
	from := &state{}
	var err error
	if l.digest, err = digestOf(l.comm, s, o); err != nil {
		return err
	}
	if o.Resume != nil {
		err := decode(o.Resume, from)
		if key := l.key(); err == nil && from.Key != key {
			err = otherOptions(from.Key, key)
		}
		if err := ranks.AgreeError(l.comm, err); err != nil {
			return err
		}
		*l.r = from.Result
		l.r.Resumed, l.r.Converged = l.r.Iterations, false
	} else {
		var pair *Pair
		if o.FirstColumns {
			pair, err = s.atoms(l.comm, first(o.Atoms))
		} else {
			pair, err = randomAtoms(l.comm, s, o.Atoms, o.Seed)
		}
		if err != nil {
			return err
		}
		*l.pair = *pair
		for a := 0; o.Compatibility == Corrected && a < o.Atoms; a++ {
			l.pair.normalise(a)
		}
	}
	l.tiles.high.dictionary, l.tiles.low.dictionary = l.pair.High, l.pair.Low

	length := l.tiles.form.arrays() * o.Atoms * TileSamples
	if o.Folder == "" {
		m := newMemory[T](l.count(), length)
		l.store = m
		if o.Resume == nil {
			return nil
		}
		return ranks.AgreeError(l.comm, l.recall(m))
	}
	if o.Resume == nil {
		var err error
		if l.comm.Rank() == 0 {
			err = RemoveState(o.Folder)
		}
		if err := ranks.AgreeError(l.comm, err); err != nil {
			return err
		}
	}
	d, err := newDisk[T](o.Folder, s.First/TileSamples, l.count(), o.Atoms, l.tiles.form, l.r.Iterations)
	l.store = d
	return ranks.AgreeError(l.comm, err)
}

// count is the number of this rank's tiles.
func (l *learner[T]) count() int { return (l.s.Count() + TileSamples - 1) / TileSamples }

// run iterates to the end. Collective.
func (l *learner[T]) run(ctx context.Context) error {
	o, r := l.o, l.r
	for !r.Converged && r.Iterations < o.Iterations {
		if err := l.iterate(ctx); err != nil {
			return err
		}
		if err := l.keep(ctx); err != nil {
			return err
		}
	}
	if l.tiles.form >= sequential && (len(r.At) == 0 || r.At[len(r.At)-1] < r.Iterations) {
		return l.lastErrors()
	}
	return nil
}

// iterate is one iteration. Collective.
func (l *learner[T]) iterate(ctx context.Context) error {
	t, s, o, r := l.tiles, l.s, l.o, l.r
	for _, d := range []*side[T]{&t.high, &t.low} {
		if err := d.prepare(l.o.Atoms); err != nil {
			return fmt.Errorf("scdl: iteration %d: the dictionary is not finite: %w", r.Iterations+1, err)
		}
	}
	// The codes in the state and the dictionaries at hand are those whose errors the
	// reference programs give for the iteration before.
	t.errors = t.form >= sequential && r.Iterations > 0 && r.Iterations%o.Window == 0
	t.sums = tileSums{}
	l.worst, l.worstIndex = 0, -1
	failed := l.store.sweep(readWrite, func(i int, state []T) {
		l.load(i)
		t.tile(state)
		for j, e := range t.residual {
			if e > l.worst {
				l.worst, l.worstIndex = e, s.First+i*TileSamples+j
			}
		}
	})
	l.pack(ctx, failed)
	if err := l.comm.Allreduce(l.sums, l.sums, ranks.Sum); err != nil {
		return err
	}
	at, rest := l.at, l.sums[l.at.rest:]
	if rest[failedAt] > 0 {
		return ranks.AgreeError(l.comm, failed)
	}
	if t.errors {
		l.record(r.Iterations, rest[stateAt:])
	}
	r.Iterations++
	l.step(&t.high, l.sums[:at.gradLow], l.sums[at.rowsHigh:at.rowsLow])
	l.step(&t.low, l.sums[at.gradLow:at.rowsHigh], l.sums[at.rowsLow:at.rest])
	cells := float64(s.Total) * float64(o.Atoms)
	r.SparsityHigh, r.SparsityLow = rest[nonzeroAt]/cells, rest[nonzeroAt+1]/cells
	if o.Compatibility != Corrected {
		for a := range o.Atoms {
			for _, atom := range [][]float64{l.pair.high(a), l.pair.low(a)} {
				if n := linalg.Norm2(atom); n > 0 {
					linalg.Scale(1/n, atom)
				}
			}
		}
		return nil
	}
	for a := range o.Atoms {
		l.pair.normalise(a)
	}
	if r.Iterations%o.Window == 0 || r.Iterations == o.Iterations {
		l.record(r.Iterations, rest[errorsAt:])
	}
	return l.reseed(l.sums[at.rowsHigh:at.rowsLow])
}

// load takes the samples of tile i.
func (l *learner[T]) load(i int) {
	s := l.s
	lo, hi := i*TileSamples, min((i+1)*TileSamples, s.Count())
	l.tiles.high.load(s.High[lo*s.P : hi*s.P])
	l.tiles.low.load(s.Low[lo*s.M : hi*s.M])
}

// pack puts what this rank has to say into sums.
func (l *learner[T]) pack(ctx context.Context, failed error) {
	t, at := l.tiles, l.at
	put := func(to []float64, d *side[T]) {
		for a := range l.o.Atoms {
			copy(to[a*d.rows:(a+1)*d.rows], d.gradient[a*d.ld:])
		}
	}
	put(l.sums, &t.high)
	put(l.sums[at.gradLow:], &t.low)
	copy(l.sums[at.rowsHigh:], t.high.squares)
	copy(l.sums[at.rowsLow:], t.low.squares)
	rest := l.sums[at.rest:]
	clear(rest)
	rest[errorsAt], rest[errorsAt+1] = t.sums.high, t.sums.low
	rest[nonzeroAt], rest[nonzeroAt+1] = t.sums.nonzeroHigh, t.sums.nonzeroLow
	rest[stateAt], rest[stateAt+1] = t.sums.stateErrorHigh, t.sums.stateErrorLow
	flag := func(place int, set bool) {
		if set {
			rest[place] = 1
		}
	}
	flag(stopAt, ctx.Err() != nil)
	flag(dueAt, l.comm.Rank() == 0 && l.o.SaveEvery > 0 && time.Since(l.saved) >= l.o.SaveEvery)
	flag(failedAt, failed != nil)
	worst := l.sums[at.worst+2*l.comm.Rank():]
	worst[0], worst[1] = l.worst, float64(l.worstIndex)
}

// step moves the atoms of one side.
func (l *learner[T]) step(d *side[T], grad, rows []float64) {
	step := l.o.Step
	if l.o.Compatibility != Corrected {
		step = 1
	}
	for a := range l.o.Atoms {
		linalg.Axpy(step/(rows[a]+l.o.Delta), grad[a*d.rows:(a+1)*d.rows], d.atom(a))
	}
}

// record notes the errors after iteration k, and whether they have settled.
func (l *learner[T]) record(k int, squares []float64) {
	r, n := l.r, float64(l.s.Total)
	r.At = append(r.At, k)
	r.ErrorHigh = append(r.ErrorHigh, math.Sqrt(squares[0]/(n*float64(l.s.P))))
	r.ErrorLow = append(r.ErrorLow, math.Sqrt(squares[1]/(n*float64(l.s.M))))
	r.settle(l.comm, l.o)
}

// settle tells of the last error, and sees whether it is one to stop at.
func (r *Result) settle(comm ranks.Comm, o *Options) {
	i := len(r.At) - 1
	if o.Progress != nil && comm.Rank() == 0 {
		o.Progress(Progress{r.At[i], o.Iterations, r.ErrorHigh[i], r.ErrorLow[i]})
	}
	r.Converged = o.Tolerance > 0 && i > 0 && math.Abs(r.ErrorHigh[i]-r.ErrorHigh[i-1]) <= o.Tolerance*r.ErrorHigh[i]
}

// lastErrors are those of the newest dictionaries with the codes in the state, which
// no later iteration finds. Collective.
func (l *learner[T]) lastErrors() error {
	t := l.tiles
	for _, d := range []*side[T]{&t.high, &t.low} {
		if err := d.prepare(l.o.Atoms); err != nil {
			return fmt.Errorf("scdl: the dictionary is not finite: %w", err)
		}
	}
	n := l.o.Atoms * TileSamples
	sums := make([]float64, 2)
	err := l.store.sweep(readOnly, func(i int, state []T) {
		l.load(i)
		sums[0] += t.high.misfit(l.o.Atoms, state[6*n:7*n])
		sums[1] += t.low.misfit(l.o.Atoms, state[5*n:6*n])
	})
	if err := ranks.AgreeError(l.comm, err); err != nil {
		return err
	}
	if err := l.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	l.record(l.r.Iterations, sums)
	return nil
}

// unused is the part of the mean squared row of the codes below which an atom is
// begun anew.
const unused = 1e-8

// unusedAtom is the first atom that nothing uses, by the squared rows of the codes; -1
// if there is none.
func unusedAtom(rows []float64) int {
	mean := 0.0
	for _, v := range rows {
		mean += v / float64(len(rows))
	}
	if mean == 0 {
		return -1
	}
	return slices.IndexFunc(rows, func(v float64) bool { return v <= unused*mean })
}

// worstSample is the number of the sample that was fitted worst, from an error and a
// number of each rank; -1 if there is none.
func worstSample(of []float64) int {
	worst, number := 0.0, -1
	for i := 0; i < len(of); i += 2 {
		if of[i] > worst {
			worst, number = of[i], int(of[i+1])
		}
	}
	return number
}

// reseed begins an atom that nothing uses anew with the sample that was fitted worst,
// one an iteration. Collective, where there is one.
func (l *learner[T]) reseed(rows []float64) error {
	dead, number := unusedAtom(rows), worstSample(l.sums[l.at.worst:])
	if dead < 0 || number < 0 {
		return nil // on all ranks alike
	}
	sample, err := l.s.gather(l.comm, []int{number})
	if err != nil {
		return err
	}
	l.pair.set(dead, sample)
	l.pair.normalise(dead)
	l.r.Reseeded++
	return nil
}
