package scdl

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Pair is a pair of coupled dictionaries: atom j is High[j*P:(j+1)*P] with
// Low[j*M:(j+1)*M], that is, the transposes of D_h and D_l.
type Pair struct {
	P, M, Atoms int
	High, Low   []float64
}

// Result of Train: the same on all ranks.
type Result struct {
	Pair
	// Root mean square errors after each iteration: of the dictionaries that the codes
	// were found with, or with Sequential and Spark of the new ones, as those do.
	ErrorHigh, ErrorLow []float64
	SparsityHigh        float64 // fraction of P, the thresholded codes, that is not 0
	SparsityLow         float64
	Reseeded            int // atoms that nothing used and that were begun anew
	Converged           bool
	Seconds             float64
}

// Train learns a pair of dictionaries. Collective.
func Train(ctx context.Context, comm ranks.Comm, s *Samples, options Options) (*Result, error) {
	o := options.withDefaults()
	err := s.Check()
	if err == nil {
		err = o.check(s.Total)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return train[float64](ctx, comm, s, o)
	}
	return train[float32](ctx, comm, s, o)
}

// tileColumns samples are worked on at once: their state stays in cache.
const tileColumns = 64

// learner is the state of one rank.
type learner[T linalg.Float] struct {
	comm  ranks.Comm
	o     Options
	s     *Samples
	high  side[T]
	low   side[T]
	tiles []tile[T]
	atoms int

	// Sums of an iteration, one after the other: gradients of the dictionaries (atoms x
	// P, atoms x M), squared rows of the codes, squared errors, numbers that are not 0.
	sums []float64
	// The sample that was fitted worst, to begin an unused atom with.
	worst      float64
	worstIndex int
}

// side is one of the two resolutions.
type side[T linalg.Float] struct {
	rows       int       // P or M
	dictionary []float64 // atoms x rows
	narrow     []T       // the same
	inverse    []T       // rows x rows: (c I + D D')^-1
	c          float64
}

// tile is the state of up to tileColumns samples; all arrays but the samples are
// atoms x columns.
type tile[T linalg.Float] struct {
	columns    int
	first      int // of its samples on this rank
	high, low  []T // rows x columns
	p, q, wl   []T
	y1, y2, y3 []T
	wh         []T // Sequential and Spark only: for the error of the new dictionaries
}

func train[T linalg.Float](ctx context.Context, comm ranks.Comm, s *Samples, o Options) (*Result, error) {
	start := comm.Wtime()
	l := &learner[T]{comm: comm, o: o, s: s, atoms: o.Atoms}
	if err := l.begin(); err != nil {
		return nil, err
	}
	l.cut()
	r := &Result{}
	for k := 1; k <= o.Iterations; k++ {
		if err := l.iterate(r); err != nil {
			return nil, err
		}
		n := len(r.ErrorHigh)
		if o.Progress != nil && comm.Rank() == 0 {
			o.Progress(Progress{k, o.Iterations, r.ErrorHigh[n-1], r.ErrorLow[n-1]})
		}
		if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
			return nil, err
		}
		if o.Tolerance > 0 && n > 1 && math.Abs(r.ErrorHigh[n-1]-r.ErrorHigh[n-2]) <= o.Tolerance*r.ErrorHigh[n-1] {
			r.Converged = true
			break
		}
	}
	r.Pair = Pair{P: s.P, M: s.M, Atoms: o.Atoms, High: l.high.dictionary, Low: l.low.dictionary}
	r.Seconds = comm.Wtime() - start
	return r, nil
}

// begin takes the first dictionaries from the samples. Collective.
func (l *learner[T]) begin() error {
	s := l.s
	numbers := make([]int, 0, l.atoms)
	if l.o.FirstColumns {
		for k := range l.atoms {
			numbers = append(numbers, k)
		}
	} else {
		usable, err := s.usable(l.comm)
		if err != nil {
			return err
		}
		for _, k := range rand.New(rand.NewPCG(l.o.Seed, 0)).Perm(s.Total) {
			if usable[k] && len(numbers) < l.atoms {
				numbers = append(numbers, k)
			}
		}
		if len(numbers) < l.atoms {
			return fmt.Errorf("scdl: %d samples are not zero, too few for %d atoms", len(numbers), l.atoms)
		}
	}
	all, err := s.gather(l.comm, numbers)
	if err != nil {
		return err
	}
	w := s.P + s.M
	l.high = side[T]{rows: s.P, c: l.o.C1 + l.o.C3, dictionary: make([]float64, l.atoms*s.P)}
	l.low = side[T]{rows: s.M, c: l.o.C2 + l.o.C3, dictionary: make([]float64, l.atoms*s.M)}
	for a := range l.atoms {
		copy(l.high.atom(a), all[a*w:a*w+s.P])
		copy(l.low.atom(a), all[a*w+s.P:(a+1)*w])
		if l.o.Compatibility == Corrected {
			l.normalise(a)
		}
	}
	return nil
}

func (d *side[T]) atom(a int) []float64 { return d.dictionary[a*d.rows : (a+1)*d.rows] }

// normalise divides both halves of an atom by the length of the high one, so that
// they go on to belong to each other.
func (l *learner[T]) normalise(a int) {
	if n := linalg.Norm2(l.high.atom(a)); n > 0 {
		linalg.Scale(1/n, l.high.atom(a))
		linalg.Scale(1/n, l.low.atom(a))
	}
}

// cut deals this rank's samples to tiles.
func (l *learner[T]) cut() {
	s := l.s
	for at := 0; at < s.Count(); at += tileColumns {
		n := min(tileColumns, s.Count()-at)
		t := tile[T]{columns: n, first: at, high: columns[T](s.High[at*s.P:(at+n)*s.P], s.P), low: columns[T](s.Low[at*s.M:(at+n)*s.M], s.M)}
		arrays := []*[]T{&t.p, &t.q, &t.wl, &t.y1, &t.y2, &t.y3}
		if l.o.Compatibility != Corrected {
			arrays = append(arrays, &t.wh)
		}
		for _, a := range arrays {
			*a = make([]T, l.atoms*n)
		}
		l.tiles = append(l.tiles, t)
	}
}

// columns turns samples x rows into rows x samples.
func columns[T linalg.Float](x []float64, rows int) []T {
	n := len(x) / rows
	out := make([]T, len(x))
	for i := range n {
		for j := range rows {
			out[j*n+i] = T(x[i*rows+j])
		}
	}
	return out
}

// prepare makes (c I + D D')^-1.
func (d *side[T]) prepare(atoms int) error {
	n := d.rows
	gram := make([]float64, n*n)
	linalg.Gemm(true, false, n, n, atoms, 1, d.dictionary, n, d.dictionary, n, 0, gram, n)
	for i := range n {
		gram[i*n+i] += d.c
	}
	if err := linalg.SPDInverse(n, gram, n); err != nil {
		return fmt.Errorf("scdl: the dictionary is not finite: %w", err)
	}
	d.inverse, d.narrow = make([]T, n*n), make([]T, len(d.dictionary))
	for i, v := range gram {
		d.inverse[i] = T(v)
	}
	for i, v := range d.dictionary {
		d.narrow[i] = T(v)
	}
	return nil
}

// Places in sums.
func (l *learner[T]) layout() (gradHigh, gradLow, rowsHigh, rowsLow, rest int) {
	gradLow = l.atoms * l.s.P
	rowsHigh = gradLow + l.atoms*l.s.M
	rowsLow = rowsHigh + l.atoms
	rest = rowsLow + l.atoms
	return
}

// iterate is one iteration. Collective.
func (l *learner[T]) iterate(r *Result) error {
	if err := l.high.prepare(l.atoms); err != nil {
		return err
	}
	if err := l.low.prepare(l.atoms); err != nil {
		return err
	}
	_, gradLow, rowsHigh, rowsLow, rest := l.layout()
	l.sums = make([]float64, rest+4)
	l.worst, l.worstIndex = 0, -1
	w := newSweep[T](l)
	for i := range l.tiles {
		w.tile(&l.tiles[i])
	}
	if err := l.comm.Allreduce(l.sums, l.sums, ranks.Sum); err != nil {
		return err
	}
	l.step(&l.high, l.sums[:gradLow], l.sums[rowsHigh:rowsLow])
	l.step(&l.low, l.sums[gradLow:rowsHigh], l.sums[rowsLow:rest])
	errors := l.sums[rest : rest+2]
	if l.o.Compatibility == Corrected {
		for a := range l.atoms {
			l.normalise(a)
		}
		if err := l.reseed(l.sums[rowsHigh:rowsLow], r); err != nil {
			return err
		}
	} else {
		for a := range l.atoms {
			for _, d := range []*side[T]{&l.high, &l.low} {
				if n := linalg.Norm2(d.atom(a)); n > 0 {
					linalg.Scale(1/n, d.atom(a))
				}
			}
		}
		var err error
		if errors, err = l.newErrors(); err != nil {
			return err
		}
	}
	k := float64(l.s.Total)
	r.ErrorHigh = append(r.ErrorHigh, math.Sqrt(errors[0]/(k*float64(l.s.P))))
	r.ErrorLow = append(r.ErrorLow, math.Sqrt(errors[1]/(k*float64(l.s.M))))
	cells := k * float64(l.atoms)
	r.SparsityHigh, r.SparsityLow = l.sums[rest+2]/cells, l.sums[rest+3]/cells
	return nil
}

// step moves the atoms of one side.
func (l *learner[T]) step(d *side[T], grad, rows []float64) {
	step := l.o.Step
	if l.o.Compatibility != Corrected {
		step = 1
	}
	for a := range l.atoms {
		linalg.Axpy(step/(rows[a]+l.o.Delta), grad[a*d.rows:(a+1)*d.rows], d.atom(a))
	}
}

// unused is the part of the mean squared row of the codes below which an atom is
// begun anew.
const unused = 1e-8

// reseed begins an atom that nothing uses anew with the sample that was fitted worst,
// one an iteration. Collective.
func (l *learner[T]) reseed(rows []float64, r *Result) error {
	mean := 0.0
	for _, v := range rows {
		mean += v / float64(len(rows))
	}
	dead := -1
	for a, v := range rows {
		if v <= unused*mean {
			dead = a
			break
		}
	}
	if dead < 0 || mean == 0 {
		return nil // on all ranks alike
	}
	worst := []float64{l.worst}
	if err := l.comm.Allreduce(worst, worst, ranks.Max); err != nil {
		return err
	}
	number := []float64{-1}
	if l.worstIndex >= 0 && l.worst == worst[0] {
		number[0] = float64(l.worstIndex)
	}
	if err := l.comm.Allreduce(number, number, ranks.Max); err != nil || number[0] < 0 {
		return err
	}
	sample, err := l.s.gather(l.comm, []int{int(number[0])})
	if err != nil {
		return err
	}
	copy(l.high.atom(dead), sample[:l.s.P])
	copy(l.low.atom(dead), sample[l.s.P:])
	l.normalise(dead)
	r.Reseeded++
	return nil
}
