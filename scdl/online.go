package scdl

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Online learns a pair of dictionaries from mini-batches, without the state of an
// iteration: for each it finds the codes of its samples,
//
//	min over w of |s_h - D_h w|^2/2 + |s_l - D_l w|^2/2 + 2 lambda |w|_1,
//
// forgets them but for F = sum w w' and B = sum s w', and moves every atom once to
// where it fits best with the others as they are,
//
//	d_j += step (b_j - D f_j) / F_jj,   then (d_h, d_l)_j / max(1, |d_h,j|).
//
// What is older than a pass over the samples counts for less and less in F and B. The
// codes of a mini-batch are found by the ADMM of coder with penalty c1 + c2. Memory:
// samples, and three matrices of A x A. What the ranks add up for each mini-batch is F
// and B. A mini-batch is made of tiles from all over, the same for every number of
// ranks. Collective.
//
// Source: Mairal, Bach, Ponce, Sapiro, Online Learning for Matrix Factorization and
// Sparse Coding, JMLR 11 (2010) 19, algorithms 1 and 2.
func Online(ctx context.Context, comm ranks.Comm, s *Samples, options Options) (*Result, error) {
	options.Iterations = cmp.Or(options.Iterations, 10)
	options.Lambda, options.Step = cmp.Or(options.Lambda, 0.01), cmp.Or(options.Step, 1)
	o := options.withDefaults()
	err := ranks.AgreeError(comm, o.checkOnline())
	if err == nil {
		err = agreeOptions(comm, s, &o)
	}
	if err != nil {
		return nil, err
	}
	if o.Precision == Double {
		return online[float64](ctx, comm, s, &o)
	}
	return online[float32](ctx, comm, s, &o)
}

// checkOnline finds what an online training has no use for.
func (o *Options) checkOnline() error {
	if o.Compatibility != Corrected || o.Folder != "" {
		return fmt.Errorf("scdl: online training has no state to keep in a folder, and no program that it is compatible with")
	}
	return nil
}

// stream is an online training on one rank.
type stream[T linalg.Float] struct {
	comm    ranks.Comm
	o       *Options
	s       *Samples
	r       *Result
	coder   *coder[T]
	batches int
	batch   int // of the pass under way that are done
	saved   time.Time
	digest  string // of the samples, for snapshots

	dictionary []float64 // atoms x (P + M), high then low
	gram       []T       // A x A: of the mini-batch at hand
	sums       []float64 // of a mini-batch: F, B (atoms x (P+M)), then the rest
	memory     []float64 // of all so far: F, B
	squares    [3]float64
	worst      float64
	worstIndex int
}

func online[T linalg.Float](ctx context.Context, comm ranks.Comm, s *Samples, o *Options) (*Result, error) {
	start := comm.Wtime()
	rows, a := s.P+s.M, o.Atoms
	tiles := (s.Total + TileSamples - 1) / TileSamples
	l := &stream[T]{
		comm: comm, o: o, s: s, r: &Result{}, saved: time.Now(),
		batches: (tiles*TileSamples + o.Batch - 1) / o.Batch,
		coder:   newCoder[T](a, rows, 2*o.Lambda, o.C1+o.C2, o.CodeIterations),
		gram:    make([]T, a*a), memory: make([]float64, a*(a+rows)), sums: make([]float64, a*(a+rows)+restCount+2*comm.Size()),
	}
	l.batches = min(l.batches, tiles)
	l.dictionary = l.coder.side.dictionary
	if err := l.begin(); err != nil {
		return nil, err
	}
	err := l.run(ctx)
	l.finish()
	l.r.Seconds = comm.Wtime() - start
	return l.r, err
}

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
		l.r.Resumed, l.r.Converged = l.r.Iterations, false
	}
	rows := pair.P + pair.M
	for a := range pair.Atoms {
		copy(l.dictionary[a*rows:], pair.high(a))
		copy(l.dictionary[a*rows+pair.P:(a+1)*rows], pair.low(a))
	}
	return nil
}

// pair brings the dictionaries back into the result.
func (l *stream[T]) pair() {
	p, rows := &l.r.Pair, l.s.P+l.s.M
	for a := range p.Atoms {
		p.set(a, l.dictionary[a*rows:(a+1)*rows])
	}
}

// finish makes all high atoms unit ones.
func (l *stream[T]) finish() {
	l.pair()
	for a := range l.r.Atoms {
		l.r.normalise(a)
	}
}

// run makes the passes. Collective.
func (l *stream[T]) run(ctx context.Context) error {
	r := l.r
	for !r.Converged && r.Iterations < l.o.Iterations {
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

// learn takes one mini-batch. Collective.
func (l *stream[T]) learn(ctx context.Context, batch int) error {
	c, s, a, rows := l.coder, l.s, l.o.Atoms, l.s.P+l.s.M
	if err := c.side.prepare(a); err != nil {
		return fmt.Errorf("scdl: the dictionary is not finite: %w", err)
	}
	clear(l.gram)
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
		linalg.Gemm(false, true, a, a, TileSamples, 1, c.codes, TileSamples, c.codes, TileSamples, 1, l.gram, a)
		linalg.Gemm(false, true, a, rows, TileSamples, 1, c.codes, TileSamples, c.side.samples, TileSamples, 0, product, rows)
		for i, x := range product {
			far[i] += float64(x)
		}
		c.side.residue(a, c.codes, v)
		l.judge(at, v, rest)
	}
	for i, x := range l.gram {
		l.sums[i] = float64(x)
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
	// What a pass adds up to is worth as much as all that came before it.
	keep := 1 - 1/float64(l.batches)
	for i, x := range l.sums[:a*(a+rows)] {
		l.memory[i] = keep*l.memory[i] + x
	}
	l.step()
	return l.reseed(rest[restCount:])
}

// load takes the tile that begins with this rank's sample at.
func (l *stream[T]) load(at int) {
	s, d := l.s, &l.coder.side
	clear(d.samples)
	for i := range min(TileSamples, s.Count()-at) {
		k := at + i
		for j, v := range s.High[k*s.P : (k+1)*s.P] {
			d.samples[j*TileSamples+i] = T(v)
		}
		for j, v := range s.Low[k*s.M : (k+1)*s.M] {
			d.samples[(s.P+j)*TileSamples+i] = T(v)
		}
	}
}

// judge adds the errors v (P + M rows x TileSamples) of the tile that begins with
// sample at to the rest of the sums.
func (l *stream[T]) judge(at int, v []T, rest []float64) {
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

// step moves each atom once. Blocks of atoms are taken together: what the others say
// is one product, what those of the block say is added one by one.
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

// reseed begins an atom that nothing uses anew with the sample of the mini-batch that
// was fitted worst. Collective, where there is one.
func (l *stream[T]) reseed(worst []float64) error {
	a, rows := l.o.Atoms, l.s.P+l.s.M
	diagonal := make([]float64, a)
	for j := range diagonal {
		diagonal[j] = l.memory[j*a+j]
	}
	dead := unusedAtom(diagonal)
	number := worstSample(worst)
	if dead < 0 || number < 0 {
		return nil
	}
	p, err := l.s.atoms(l.comm, []int{number})
	if err != nil {
		return err
	}
	p.normalise(0)
	copy(l.dictionary[dead*rows:], p.High)
	copy(l.dictionary[dead*rows+l.s.P:], p.Low)
	l.r.Reseeded++
	return nil
}

// record notes the errors of a pass.
func (l *stream[T]) record() {
	r, n := l.r, float64(l.s.Total)
	r.At = append(r.At, r.Iterations)
	r.ErrorHigh = append(r.ErrorHigh, math.Sqrt(l.squares[0]/(n*float64(l.s.P))))
	r.ErrorLow = append(r.ErrorLow, math.Sqrt(l.squares[1]/(n*float64(l.s.M))))
	r.SparsityHigh = l.squares[2] / (n * float64(l.o.Atoms))
	r.SparsityLow = r.SparsityHigh
	l.squares = [3]float64{}
	r.settle(l.comm, l.o)
}

// onlineMeta is the part of a snapshot that all ranks share; F and B are record 0.
type onlineMeta struct {
	Key     string
	Result  Result
	Batch   int
	Squares [3]float64
}

func (l *stream[T]) key() string {
	o := l.o
	return fmt.Sprintf("online, samples %.12s, %d of %d and %d numbers, %d atoms, mini-batches of %d, %d iterations each, lambda %g, penalties %g %g, step %g, seed %d, %s precision",
		l.digest, l.s.Total, l.s.P, l.s.M, o.Atoms, o.Batch, o.CodeIterations, o.Lambda, o.C1, o.C2, o.Step, o.Seed, o.Precision)
}

// keep saves the training where it is if it is time to, and ends it if it was told to
// stop. Collective.
func (l *stream[T]) keep(ctx context.Context) error {
	rest := l.sums[len(l.memory):]
	stop := rest[stopAt] > 0
	if l.o.Save != nil && (stop || rest[dueAt] > 0) {
		if err := ranks.AgreeError(l.comm, l.save()); err != nil {
			return err
		}
	}
	if !stop || l.r.Converged || l.r.Iterations == l.o.Iterations {
		return nil
	}
	return stopped(ctx, l.comm)
}

func (l *stream[T]) save() error {
	l.pair()
	l.saved = time.Now()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(onlineMeta{l.key(), *l.r, l.batch, l.squares}); err != nil {
		return err
	}
	snap := &Snapshot{Meta: b.Bytes(), RecordBytes: 8 * len(l.memory), Fill: func(_ int, record []byte) { copy(record, bytesOf(l.memory)) }}
	if l.comm.Rank() == 0 {
		snap.IDs = []int{0}
	}
	return l.o.Save(snap)
}

func (l *stream[T]) recall() error {
	var m onlineMeta
	if err := decode(l.o.Resume, &m); err != nil {
		return err
	}
	if key := l.key(); m.Key != key {
		return otherOptions(m.Key, key)
	}
	*l.r, l.batch, l.squares = m.Result, m.Batch, m.Squares
	seen := false
	err := l.o.Resume.Records([]int{0}, func(_ int, record []byte) error {
		if len(record) != 8*len(l.memory) {
			return fmt.Errorf("scdl: the checkpoint has a record of %d bytes, want %d", len(record), 8*len(l.memory))
		}
		copy(bytesOf(l.memory), record)
		seen = true
		return nil
	})
	if err == nil && !seen {
		err = fmt.Errorf("scdl: the checkpoint's record is missing")
	}
	return err
}
