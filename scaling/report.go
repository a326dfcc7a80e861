package scaling

import "time"

// Report is everything that is told of one or more studies.
type Report struct {
	Title       string
	Made        time.Time
	Environment Environment
	Studies     []Summary
}

// Environment is where a study was made.
type Environment struct {
	Tessera      string            `json:"tessera"`  // version
	Modified     bool              `json:"modified"` // built from a tree with changes
	Go           string            `json:"go"`
	Host         string            `json:"host"`
	System       string            `json:"system"`
	CPU          string            `json:"cpu"`
	Cores        int               `json:"cores"`
	MemoryGB     float64           `json:"memory_gb"`
	Launch       string            `json:"launch"`    // in-process, mpirun or srun, with its arguments
	Transport    string            `json:"transport"` // as the runs say
	MPI          string            `json:"mpi"`
	Binding      string            `json:"binding"`
	BLAS         string            `json:"blas"`
	FFT          string            `json:"fft"`
	Variables    map[string]string `json:"variables"` // GOGC, OMP_NUM_THREADS, SLURM_JOB_NODELIST and the like
	ConfigDigest string            `json:"config_digest"`
}

// Summary is what the runs of one study come to.
type Summary struct {
	Study       Study
	Directory   string // it was read from
	Began       time.Time
	Seconds     float64 // the study took
	Rows        []Row   // one a point
	Serial      []Row   // of Study.Serial
	Projected   []Projection
	Published   []Published // the tables to compare with, where there are some
	Wrong       int         // runs whose answer was wrong or that failed
	LargestLoad float64     // of the machine before a run
}

// Row is one number of ranks, from the runs that count. NaN = not known.
type Row struct {
	Point
	Oversubscribed bool // more ranks than cores: times say nothing about as many cores
	Runs           int
	Failed         int
	Stopped        string // why no more runs: "interval", "most" or "budget"

	Median, Low, High float64 // seconds of the part that is studied
	Total             float64 // median of the whole run
	Iterations        int
	SpeedUp           float64
	Efficiency        float64
	OfIterations      float64 // efficiency = OfIterations x PerIteration
	PerIteration      float64
	SpeedUpLow        float64 // from the ends of both intervals
	SpeedUpHigh       float64

	LoadBalance   float64 // the POP factors
	Communication float64
	Parallel      float64
	Computation   float64
	Global        float64
	Control       float64 // efficiency of as many one-rank runs at once, which share nothing
	OfMachine     float64 // Efficiency / Control
	FromCPU       bool    // computed from processor time

	Phases         []Phase // medians over the runs, in the order of the job
	Messages       int64   // of all ranks, exact
	Bytes          int64
	WaitShare      float64   // of the ranks' wall time, in calls by which they talk
	MemoryMB       float64   // of the largest process
	SurfaceVolume  float64   // halo / owned, over all ranks
	Compute        []float64 // seconds, by rank, of the median run
	Owned, Before  []float64 // by rank
	TLoc           float64   // largest time that a rank computes in one iteration
	ScaleUp        float64   // T(1) / (p TLoc)
	IdentityError  float64   // |ScaleUp - Efficiency T(p)/TLoc| / ScaleUp
	Difference     float64   // largest, of an answer from the reference
	Modelled       float64   // seconds on as many cores as ranks
	ModelOverReal  float64   // Modelled / Median
	HaloShare      float64   // seconds of exchange / of computing, per rank, mean
	LargestLoad    float64   // of the machine
	FirstRun       time.Time //
	Communications float64   // seconds by the model, of the rank with most
}

// Phase is a part of a run.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Projection is a row that was not measured: from Model, for a machine of so many cores.
type Projection struct {
	Ranks      int
	Link       Link
	Seconds    float64
	SpeedUp    float64
	Efficiency float64
	Compute    float64 // seconds of the slowest rank
	Talk       float64 // seconds of the model
	From       string  // what it was made of
}
