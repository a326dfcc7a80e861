package scdl

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Online learns a pair of dictionaries from mini-batches of samples. Unlike Train it
// stores no codes, so that its memory is the samples and three matrices of A x A. For
// each mini-batch it finds the codes of the samples,
//
//	min over w of |s_h - D_h w|^2/2 + |s_l - D_l w|^2/2 + 2 lambda |w|_1,
//
// by CodeIterations of ADMM with penalty c1 + c2, adds them to F = sum w w' and
// B = sum s w', and then changes each atom once, in turn, to the minimiser with the other
// atoms fixed,
//
//	d_j += step (b_j - D f_j) / F_jj,   then (d_h, d_l)_j / max(1, |d_h,j|).
//
// Before each mini-batch F and B are multiplied by 1 - 1/m, m the mini-batches of a pass,
// so that old codes lose their weight. The ranks add up F and B of each mini-batch. Which
// tiles make up a mini-batch does not depend on the number of ranks.
//
// Collective, with the same errors on all ranks as Train. Compatibility and Folder are
// not available.
//
// Source: Mairal, Bach, Ponce, Sapiro, Online Learning for Matrix Factorization and
// Sparse Coding, JMLR 11 (2010) 19, algorithms 1 and 2.
func Online(ctx context.Context, comm ranks.Comm, s *Samples, options Options) (*Result, error) {
	options.MaxIterations = cmp.Or(options.MaxIterations, 10)
	options.Lambda, options.Step = cmp.Or(options.Lambda, 0.01), cmp.Or(options.Step, 1)
	o := options.withDefaults()
	if err := ranks.AgreeError(comm, o.checkOnline()); err != nil {
		return nil, err
	}
	if err := agree(comm, "Online", s, &o); err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return online[float64](ctx, comm, s, &o)
	}
	return online[float32](ctx, comm, s, &o)
}

// checkOnline finds options that Online does not have.
func (o *Options) checkOnline() error {
	if o.Compatibility != Corrected || o.Folder != "" {
		return fmt.Errorf("scdl: online training has no state to keep in a folder, and is not compatible with another program")
	}
	return nil
}

// stream is an online training on one rank.
type stream[T linalg.Float] struct {
	comm    ranks.Comm
	o       *Options
	s       *Samples
	units   units
	r       *Result
	coder   *coder[T]
	batches int // mini-batches of a pass
	batch   int // mini-batches done in this pass
	saved   time.Time
	digest  string // of the samples, for snapshots

	dictionary []float64  // atoms x (P + M), high then low
	gram       []T        // A x A: F of a tile
	sums       []float64  // of this mini-batch: F, B (atoms x (P+M)), then as in sumsLayout from rest on
	memory     []float64  // F and B of all mini-batches so far
	squares    [3]float64 // of this pass: squared errors, high and low, and numbers of the codes that are not 0
	worst      float64    // as in learner
	worstIndex int
}

func online[T linalg.Float](ctx context.Context, comm ranks.Comm, s *Samples, o *Options) (*Result, error) {
	start := comm.Wtime()
	rows, a := s.P+s.M, o.Atoms
	u, err := unitsOf(comm, s, o)
	if err != nil {
		return nil, err
	}
	tiles := (s.Total + TileSamples - 1) / TileSamples
	l := &stream[T]{
		comm: comm, o: o, s: s, units: u, r: &Result{}, saved: time.Now(),
		batches: (tiles*TileSamples + o.Batch - 1) / o.Batch,
		coder:   newCoder[T](a, rows, 2*u.scaled(o).Lambda, o.C1+o.C2, o.CodeIterations),
		gram:    make([]T, a*a), memory: make([]float64, a*(a+rows)), sums: make([]float64, a*(a+rows)+restCount+2*comm.Size()),
	}
	l.batches = min(l.batches, tiles)
	l.dictionary = l.coder.side.dictionary
	if err := l.begin(); err != nil {
		return nil, err
	}
	err = l.run(ctx)
	l.finish()
	l.r.Seconds = comm.Wtime() - start
	return l.r, err
}

// begin sets the dictionaries, and F and B, to the first ones or to those of a snapshot.
// Collective.
func (l *stream[T]) begin() error {
	pair := &l.r.Pair
	var err error
	if l.digest, err = digestOf(l.comm, l.s, l.o); err != nil {
		return err
	}
	if l.o.Resume == nil {
		p, err := randomAtoms(l.comm, l.s, l.o.Atoms, l.o.Seed)
		if err != nil {
			return err
		}
		*pair = *p
	} else {
		if err := ranks.AgreeError(l.comm, l.recall()); err != nil {
			return err
		}
		checked := l.r.Iterations
		if l.batch > 0 { // the snapshot is of the middle of a pass
			checked = -1
		}
		l.r.resume(l.o, checked)
	}
	rows := pair.P + pair.M
	for a := range pair.Atoms {
		copy(l.dictionary[a*rows:], pair.high(a))
		copy(l.dictionary[a*rows+pair.P:(a+1)*rows], pair.low(a))
	}
	return nil
}

// pair copies the dictionaries to the result.
func (l *stream[T]) pair() {
	p, rows := &l.r.Pair, l.s.P+l.s.M
	for a := range p.Atoms {
		p.set(a, l.dictionary[a*rows:(a+1)*rows])
	}
}

// finish copies the dictionaries to the result and scales the high atoms to length 1.
func (l *stream[T]) finish() {
	l.pair()
	for a := range l.r.Atoms {
		l.r.normalise(a)
	}
}

// run makes the passes. Collective.
func (l *stream[T]) run(ctx context.Context) error {
	r := l.r
	for !r.Converged && r.Iterations < l.o.MaxIterations {
		order := rand.New(rand.NewPCG(l.o.Seed, uint64(r.Iterations)|1<<42)).Perm(l.batches)
		for l.batch < l.batches {
			if err := l.learn(ctx, order[l.batch]); err != nil {
				return err
			}
			l.batch++
			last := l.batch == l.batches
			if last {
				r.Iterations++
				l.batch = 0
				l.record()
			}
			if err := l.keep(ctx); err != nil {
				return err
			}
			if last {
				break
			}
		}
	}
	return nil
}

// learn learns from one mini-batch. Collective.
func (l *stream[T]) learn(ctx context.Context, batch int) error {
	c, s, a, rows := l.coder, l.s, l.o.Atoms, l.s.P+l.s.M
	if err := c.side.prepare(a); err != nil {
		return fmt.Errorf("scdl: the dictionary is not finite: %w", err)
	}
	clear(l.sums)
	l.worst, l.worstIndex = 0, -1
	far := l.sums[a*a : a*(a+rows)]
	rest := l.sums[a*(a+rows):]
	product, v := make([]T, a*rows), make([]T, rows*TileSamples)
	for at := 0; at < s.Count(); at += TileSamples {
		if (s.First+at)/TileSamples%l.batches != batch {
			continue
		}
		l.load(at)
		clear(c.state)
		c.code()
		linalg.Gemm(false, true, a, a, TileSamples, 1, c.codes, TileSamples, c.codes, TileSamples, 0, l.gram, a)
		for i, x := range l.gram { // the sum over tiles is that of any number of ranks
			l.sums[i] += float64(x)
		}
		linalg.Gemm(false, true, a, rows, TileSamples, 1, c.codes, TileSamples, c.side.samples, TileSamples, 0, product, rows)
		for i, x := range product {
			far[i] += float64(x)
		}
		c.side.residue(a, c.codes, v)
		l.addErrors(at, v, rest)
	}
	flag := func(place int, set bool) {
		if set {
			rest[place] = 1
		}
	}
	flag(stopAt, ctx.Err() != nil)
	flag(dueAt, l.comm.Rank() == 0 && l.o.SaveEvery > 0 && time.Since(l.saved) >= l.o.SaveEvery)
	worst := rest[restCount+2*l.comm.Rank():]
	worst[0], worst[1] = l.worst, float64(l.worstIndex)
	if err := l.comm.Allreduce(l.sums, l.sums, ranks.Sum); err != nil {
		return err
	}
	l.squares[0] += rest[errorsAt]
	l.squares[1] += rest[errorsAt+1]
	l.squares[2] += rest[nonzeroAt]
	keep := 1 - 1/float64(l.batches)
	for i, x := range l.sums[:a*(a+rows)] {
		l.memory[i] = keep*l.memory[i] + x
	}
	l.step()
	return l.reseed(rest[restCount:])
}

// load copies the samples of the tile that begins with this rank's sample at.
func (l *stream[T]) load(at int) {
	s, d := l.s, &l.coder.side
	clear(d.samples)
	for i := range min(TileSamples, s.Count()-at) {
		k := at + i
		for j, v := range s.High[k*s.P : (k+1)*s.P] {
			d.samples[j*TileSamples+i] = T(l.units.in(v))
		}
		for j, v := range s.Low[k*s.M : (k+1)*s.M] {
			d.samples[(s.P+j)*TileSamples+i] = T(l.units.in(v))
		}
	}
}

// addErrors adds the squares of the errors v ((P + M) x TileSamples) of the tile that
// begins with this rank's sample at to the sums in rest.
func (l *stream[T]) addErrors(at int, v []T, rest []float64) {
	var columns [TileSamples]float64
	for i, x := range v {
		e := float64(x) * float64(x)
		if i < l.s.P*TileSamples {
			rest[errorsAt] += e
			columns[i%TileSamples] += e
		} else {
			rest[errorsAt+1] += e
		}
	}
	for j, e := range columns {
		if e > l.worst {
			l.worst, l.worstIndex = e, l.s.First+at+j
		}
	}
	for _, x := range l.coder.codes {
		if x != 0 {
			rest[nonzeroAt]++
		}
	}
}

// step changes each atom once. For a block of atoms, D f_j comes from one product with
// the dictionary before the block; then each change of an atom of the block is applied
// to the D f_j of those after it.
func (l *stream[T]) step() {
	a, rows, d := l.o.Atoms, l.s.P+l.s.M, l.dictionary
	f, b := l.memory[:a*a], l.memory[a*a:]
	const block = 64
	pull := make([]float64, block*rows)
	moved := make([]float64, rows)
	for at := 0; at < a; at += block {
		n := min(block, a-at)
		copy(pull, b[at*rows:(at+n)*rows])
		linalg.Gemm(false, false, n, rows, a, -1, f[at*a:], a, d, rows, 1, pull, rows)
		for j := range n {
			atom, row := d[(at+j)*rows:(at+j+1)*rows], f[(at+j)*a:(at+j+1)*a]
			if row[at+j] <= 0 {
				continue
			}
			copy(moved, atom)
			linalg.Axpy(l.o.Step/row[at+j], pull[j*rows:(j+1)*rows], atom)
			if length := linalg.Norm2(atom[:l.s.P]); length > 1 {
				linalg.Scale(1/length, atom)
			}
			for i := range moved {
				moved[i] = atom[i] - moved[i]
			}
			for k := j + 1; k < n; k++ {
				linalg.Axpy(-f[(at+k)*a+at+j], moved, pull[k*rows:(k+1)*rows])
			}
		}
	}
}

// record appends the errors of a pass to the result.
func (l *stream[T]) record() {
	r, n := l.r, float64(l.s.Total)
	r.At = append(r.At, r.Iterations)
	r.ErrorHigh = append(r.ErrorHigh, l.units.out(math.Sqrt(l.squares[0]/(n*float64(l.s.P)))))
	r.ErrorLow = append(r.ErrorLow, l.units.out(math.Sqrt(l.squares[1]/(n*float64(l.s.M)))))
	r.SparsityHigh = l.squares[2] / (n * float64(l.o.Atoms))
	r.SparsityLow = r.SparsityHigh
	l.squares = [3]float64{}
	r.check(l.comm, l.o, "online training")
}
