package scdl

import (
	"context"
	"fmt"
	"math"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Result of a training. Except for Read, Written and Seconds it is the same on all ranks.
type Result struct {
	Pair

	// ErrorHigh and ErrorLow are root mean square errors of the samples, in their units,
	// at each check; At are the iterations after which the checks were. The errors are
	// those of the dictionaries with which the codes were found; with Sequential and Spark
	// those of the new dictionaries, as in these programs.
	ErrorHigh, ErrorLow []float64
	At                  []int

	Iterations    int     // done, in Online passes
	Converged     bool    // true: Tolerance ended the training; false: MaxIterations did
	SparsityHigh  float64 // fraction of the numbers of P that are not 0, in the last iteration
	SparsityLow   float64 // the same of Q; in Online equal to SparsityHigh
	Reseeded      int     // atoms that no code used and that were replaced by a sample
	Read, Written int64   // bytes of this rank's state that came from and went to files; 0 without Options.Folder
	Seconds       float64 // of this call
	Resumed       int     // iterations in the snapshot from which the training continued; 0 = it began anew
}

// Train learns a pair of dictionaries by the iteration of the package comment. Every rank
// passes the same options and its own part of the samples, which may be empty. Collective.
//
// An error is returned on all ranks, as a *ranks.RankError with the text of the first
// rank that has one: whatever Samples.Check finds, options that are wrong or differ
// between the ranks, parts that do not make up the whole set, a failing Save or file.
// When ctx is cancelled on any rank, all ranks finish the iteration, call Save, if there
// is one, and return the context's error.
func Train(ctx context.Context, comm ranks.Comm, s *Samples, options Options) (*Result, error) {
	o := options.withDefaults()
	if err := agree(comm, "Train", s, &o); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return train[float64](ctx, comm, s, &o)
	}
	return train[float32](ctx, comm, s, &o)
}

// learner is the state of one rank.
type learner[T linalg.Float] struct {
	comm  ranks.Comm
	o     *Options
	s     *Samples
	units units
	delta float64 // Options.Delta in the units of the iteration
	tiles *tiles[T]
	store store[T]
	saved time.Time

	digest string // of the samples, for snapshots

	r          *Result
	pair       *Pair // = &r.Pair; the dictionaries of the tiles' sides share its memory
	at         sumsLayout
	sums       []float64 // of an iteration, over all ranks
	worst      float64   // largest squared error of a high sample of this rank
	worstIndex int       // number of that sample in the whole set
}

func train[T linalg.Float](ctx context.Context, comm ranks.Comm, s *Samples, o *Options) (*Result, error) {
	start := comm.Wtime()
	u, err := unitsOf(comm, s, o)
	if err != nil {
		return nil, err
	}
	own := u.scaled(o)
	l := &learner[T]{comm: comm, o: o, s: s, units: u, delta: own.Delta, tiles: newTiles[T](own, s.P, s.M), saved: time.Now(), r: &Result{}, at: layoutOf(s, o.Atoms, comm.Size())}
	l.pair, l.sums = &l.r.Pair, make([]float64, l.at.length)
	if err := l.begin(); err != nil {
		return nil, err
	}
	err = l.run(ctx)
	l.r.Read, l.r.Written = l.store.traffic()
	if err := ranks.AgreeError(comm, l.store.close()); err != nil {
		return nil, err
	}
	l.r.Seconds = comm.Wtime() - start
	return l.r, err
}

// begin sets the dictionaries and the state to the first ones or to those of a snapshot.
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
		if err == nil {
			err = pastEnd(from.Result.Iterations, o.MaxIterations)
		}
		if err := ranks.AgreeError(l.comm, err); err != nil {
			return err
		}
		*l.r = from.Result
		checked := l.r.Iterations
		if l.tiles.form >= sequential {
			checked-- // the errors of an iteration are found in the next one
		}
		l.r.resume(o, checked)
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
	d, err := newDisk[T](o.Folder, s.First/TileSamples, l.count(), o.Atoms, l.tiles.form, l.r.Iterations, from.File, o.Save != nil)
	l.store = d
	if err == nil && o.Resume != nil {
		// Damage is found now, and not when the first iteration is half done.
		err = d.sweep(readOnly, func(int, []T) {})
	}
	if err = ranks.AgreeError(l.comm, err); err != nil && d != nil {
		d.close()
	}
	return err
}

// count is the number of this rank's tiles.
func (l *learner[T]) count() int { return (l.s.Count() + TileSamples - 1) / TileSamples }

// run iterates until convergence or the last iteration. Collective.
func (l *learner[T]) run(ctx context.Context) error {
	o, r := l.o, l.r
	for !r.Converged && r.Iterations < o.MaxIterations {
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

// iterate makes one iteration. Collective.
func (l *learner[T]) iterate(ctx context.Context) error {
	t, s, o, r := l.tiles, l.s, l.o, l.r
	for _, d := range []*side[T]{&t.high, &t.low} {
		if err := d.prepare(l.o.Atoms); err != nil {
			return fmt.Errorf("scdl: iteration %d: the dictionary is not finite: %w", r.Iterations+1, err)
		}
	}
	// The errors that the reference programs report for the iteration before are those
	// of the codes in the state with the present dictionaries.
	t.errors = t.form >= sequential && r.Iterations > 0 && r.Iterations%o.CheckEvery == 0
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
	if r.Iterations%o.CheckEvery == 0 || r.Iterations == o.MaxIterations {
		l.record(r.Iterations, rest[errorsAt:])
	}
	return l.reseed(l.sums[at.rowsHigh:at.rowsLow])
}

// load copies the samples of tile i to where the products need them.
func (l *learner[T]) load(i int) {
	s := l.s
	lo, hi := i*TileSamples, min((i+1)*TileSamples, s.Count())
	l.tiles.high.load(s.High[lo*s.P:hi*s.P], l.units)
	l.tiles.low.load(s.Low[lo*s.M:hi*s.M], l.units)
}

// step moves the atoms of one side.
func (l *learner[T]) step(d *side[T], grad, rows []float64) {
	step := l.o.Step
	if l.o.Compatibility != Corrected {
		step = 1
	}
	for a := range l.o.Atoms {
		linalg.Axpy(step/(rows[a]+l.delta), grad[a*d.rows:(a+1)*d.rows], d.atom(a))
	}
}

// record appends the errors after iteration k to the result, and applies the stopping
// rule.
func (l *learner[T]) record(k int, squares []float64) {
	r, n := l.r, float64(l.s.Total)
	r.At = append(r.At, k)
	r.ErrorHigh = append(r.ErrorHigh, l.units.out(math.Sqrt(squares[0]/(n*float64(l.s.P)))))
	r.ErrorLow = append(r.ErrorLow, l.units.out(math.Sqrt(squares[1]/(n*float64(l.s.M)))))
	r.check(l.comm, l.o, "training")
}

// check reports the last error and sets Converged. phase is that of Progress.
func (r *Result) check(comm ranks.Comm, o *Options, phase string) {
	i := len(r.At) - 1
	if o.Progress != nil && comm.Rank() == 0 {
		o.Progress(Progress{Phase: phase, Iteration: r.At[i], Of: o.MaxIterations, High: r.ErrorHigh[i], Low: r.ErrorLow[i]})
	}
	r.Converged = r.settled(o)
}

// settled tells whether the last two checks end the training.
func (r *Result) settled(o *Options) bool {
	i := len(r.At) - 1
	return o.Tolerance > 0 && i > 0 && math.Abs(r.ErrorHigh[i]-r.ErrorHigh[i-1]) <= o.Tolerance*r.ErrorHigh[i]
}

// resume prepares the result of a snapshot for the iterations that follow. Converged is set anew,
// since Tolerance may have changed: a snapshot of the iteration that has ended a training, kept
// before its results were written, has none left to make. checked is the iteration whose errors the
// last step before the snapshot may have found; -1 = that of none.
func (r *Result) resume(o *Options, checked int) {
	r.Resumed = r.Iterations
	r.Converged = len(r.At) > 0 && r.At[len(r.At)-1] == checked && r.settled(o)
}

// lastErrors records the errors of the last dictionaries with the codes in the state,
// for Sequential and Spark, where otherwise the next iteration does. Collective.
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
