package scdl

import "time"

// Compatibility names a program whose iteration is repeated exactly, with its
// differences from the iteration of the package comment.
type Compatibility string

const (
	Corrected  Compatibility = ""           // the iteration of the package comment
	Sequential Compatibility = "sequential" // as the program SparseCoupledDictionaryLearning
	Spark      Compatibility = "spark"      // as the toolbox on Spark: Sequential, but W_l follows from the W_h of the iteration before
)

// Precision of the state and of the products with it. Sums over tiles and the
// dictionaries are float64 in both.
type Precision string

const (
	Single Precision = "single" // float32
	Double Precision = "double" // float64
)

// Options of Train and Online. The zero value of every field is the documented default.
// Every rank passes the same options, except for Progress and the functions behind Save
// and Resume. Symbols are those of the package comment.
type Options struct {
	Atoms         int     // of each dictionary, 1 to the number of samples; required
	MaxIterations int     // 0 = 100; in Online passes over the samples, 0 = 10
	CheckEvery    int     // iterations from one error to the next; 0 = 1; in Online there is one a pass
	Tolerance     float64 // stop when the error of the high samples changes by at most this fraction from one check to the next; 0 = never

	// Lambda weighs the l1 norm of the codes, for samples whose largest high number is 1:
	// it is multiplied by that number, and Delta by its square, so that the unit of the
	// samples does not matter. With Sequential and Spark, which know no units, it is not.
	// 0 = 0.001; with Sequential and Spark 0.1; in Online 0.01.
	Lambda     float64
	C1, C2, C3 float64 // penalties; 0 = 0.4, 0.4, 0.8; in Online C3 is not used
	Beta       float64 // dual steps divided by the penalties; 0 = 1; with Sequential and Spark 0.01; in Online not used
	Step       float64 // of the dictionaries; 0 = 0.02; in Online 1; with Sequential and Spark always 1
	Delta      float64 // added to |w_j|^2 in the step of the dictionaries; 0 = 1e-4; in Online not used

	FirstColumns bool // true: begin with the first samples as atoms, as Sequential and Spark always do and Online never does; false: with random samples

	Precision     Precision // "" = Single; with Sequential and Spark Double
	Compatibility Compatibility
	Seed          uint64 // of the first atoms and of the order of mini-batches; 0 is a seed like any other

	// Folder is where Train stores its state in files instead of in memory: three times
	// StateBytes at most, and less where codes are sparse. All ranks name a folder or none;
	// each writes its own tiles, so that ranks may share it. "" = in memory.
	Folder string

	Batch          int // in Online: samples of a mini-batch, all ranks together; 0 = 2048
	CodeIterations int // in Online: iterations of the ADMM that finds the codes of a mini-batch, exactly so many; 0 = 30

	Progress func(Progress) // called on rank 0 after every error; nil = not called

	// Save keeps a snapshot. It is called on all ranks at once, after an iteration (in
	// Online a mini-batch): when SaveEvery has passed since the last call, when ctx is
	// cancelled, and with Folder always. nil = no snapshots. It is nil on all ranks or
	// on none. An error ends the training, unless it wraps ErrNotKept on all ranks: then
	// with Folder the state of the last snapshot that was kept stays in the files.
	Save      func(*Snapshot) error
	SaveEvery time.Duration // 0 = never by the clock
	Resume    *Snapshot     // continue from this one, on any number of ranks; nil = begin anew
}

// Progress is the state of a running Train, Online or Upscale.
type Progress struct {
	Phase         string  // "training", "online training" or "prediction"
	Iteration, Of int     // done, and at most to do: iterations, passes, or rows of patches of rank 0
	High, Low     float64 // training: root mean square errors of the high and low samples, in their units; prediction: 0
}

// Snapshot is the state of a training between two iterations: Options.Save receives one,
// Options.Resume continues from one. It has a record for each tile of samples; that of
// Online has one record, and one of Train with Options.Folder has none.
//
// To continue, every rank needs the same Meta and a Records that finds the records of
// all ranks; the other fields are not used.
type Snapshot struct {
	Meta []byte // the same on all ranks

	IDs         []int                      // of this rank's records, in the numbering of the whole set
	RecordBytes int                        // length of each record
	Fill        func(i int, record []byte) // writes the record of IDs[i]

	// Records calls use with the record of each id asked for, in any order.
	Records func(ids []int, use func(id int, record []byte) error) error
}

// StateBytes is the size of the state of so many samples in Train, in bytes.
func (o Options) StateBytes(samples int) int64 {
	o = o.withDefaults()
	size := int64(4)
	if o.Precision == Double {
		size = 8
	}
	tiles := int64((samples + TileSamples - 1) / TileSamples)
	return tiles * TileSamples * int64(o.Atoms*formOf(&o).arrays()) * size
}
