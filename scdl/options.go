package scdl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"tessera/internal/checkpoint"
)

// Compatibility names a program whose steps are done instead of the package's own.
type Compatibility string

const (
	Corrected  Compatibility = ""           // the iteration of the package comment
	Sequential Compatibility = "sequential" // SparseCoupledDictionaryLearning
	Spark      Compatibility = "spark"      // the toolbox on Spark: the same with W_l from the old W_h
)

// Precision of the state and the products with it; what is summed over tiles is
// float64 always, and so are the dictionaries.
type Precision string

const (
	Single Precision = "single"
	Double Precision = "double"
)

// Snapshot is a training in the middle: what Options.Save keeps and Options.Resume
// continues from.
type Snapshot = checkpoint.Snapshot

// Options of Train and Online. The zero value of every field is the documented default.
type Options struct {
	Atoms      int // of each dictionary; required
	Iterations int // 0 = 100; of Online, passes over the samples, 0 = 10

	Lambda     float64 // 0 = 0.001; with Sequential and Spark 0.1; of Online 0.01
	C1, C2, C3 float64 // penalties; 0 = 0.4, 0.4, 0.8
	Beta       float64 // dual steps in units of the penalties; 0 = 1; Sequential and Spark 0.01
	Step       float64 // of the dictionaries; 0 = 0.02; of Online 1
	Delta      float64 // 0 = 1e-4

	FirstColumns bool    // start with the first samples instead of random ones; Sequential and Spark always do
	Window       int     // iterations from one error to the next; 0 = 1
	Tolerance    float64 // stop when the error of the high samples changes by less than this fraction from one to the next; 0 = never

	Precision     Precision // "" = Single; Sequential and Spark Double
	Compatibility Compatibility
	Seed          uint64

	// Folder keeps the state of Train in files there, in which an interrupted training
	// goes on, instead of in memory; "" = in memory.
	Folder string

	// Of Online alone.
	Batch          int // samples between two steps of the dictionaries, over all ranks; 0 = 2048
	CodeIterations int // of the ADMM that finds the codes of a sample; 0 = 30

	Progress func(Progress) // on rank 0, after every error; nil = silent

	// Save keeps a snapshot, on every rank at once: every SaveEvery (0 = never), when
	// ctx is cancelled, and with Folder after every iteration; nil = never. Resume
	// continues from one, on any number of ranks.
	Save      func(*Snapshot) error
	SaveEvery time.Duration
	Resume    *Snapshot
}

// Progress is the error after an iteration.
type Progress struct {
	Iteration, Of int
	High, Low     float64 // root mean square errors
}

func (o Options) withDefaults() Options {
	lambda, beta, precision := 0.001, 1.0, Single
	if o.Compatibility != Corrected {
		lambda, beta, precision = 0.1, 0.01, Double
		o.FirstColumns = true
	}
	o.Iterations, o.Window = cmp.Or(o.Iterations, 100), cmp.Or(o.Window, 1)
	o.Lambda, o.Beta, o.Precision = cmp.Or(o.Lambda, lambda), cmp.Or(o.Beta, beta), cmp.Or(o.Precision, precision)
	o.C1, o.C2, o.C3 = cmp.Or(o.C1, 0.4), cmp.Or(o.C2, 0.4), cmp.Or(o.C3, 0.8)
	o.Step, o.Delta = cmp.Or(o.Step, 0.02), cmp.Or(o.Delta, 1e-4)
	o.Batch, o.CodeIterations = cmp.Or(o.Batch, 2048), cmp.Or(o.CodeIterations, 30)
	return o
}

// check finds what is wrong with options, defaults filled in, for so many samples.
func (o *Options) check(total int) error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("scdl: "+format, args...))
		}
	}
	if o.Atoms < 1 || o.Atoms > total {
		errs = append(errs, tooMany(o.Atoms, total))
	}
	want(o.Iterations >= 1 && o.Window >= 1, "%d iterations, an error every %d", o.Iterations, o.Window)
	want(o.Batch >= 1 && o.CodeIterations >= 1, "mini-batches of %d samples, %d iterations each", o.Batch, o.CodeIterations)
	for _, v := range []float64{o.Lambda, o.C1, o.C2, o.C3, o.Beta, o.Step, o.Delta} {
		want(v > 0 && !math.IsInf(v, 0), "lambda, c1, c2, c3, beta, step and delta must be positive, one is %g", v)
	}
	want(o.Precision == Single || o.Precision == Double, "precision %q", o.Precision)
	want(o.Compatibility == Corrected || o.Compatibility == Sequential || o.Compatibility == Spark, "compatibility %q", o.Compatibility)
	return errors.Join(errs...)
}

// StateBytes is how much the state of so many samples in Train takes.
func (o Options) StateBytes(samples int) int64 {
	o = o.withDefaults()
	size := int64(4)
	if o.Precision == Double {
		size = 8
	}
	tiles := int64((samples + TileSamples - 1) / TileSamples)
	return tiles * TileSamples * int64(o.Atoms*formOf(&o).arrays()) * size
}
