package scaling

import "time"

// Report is what WriteHTML, WriteMarkdown and WriteCSV show: one or more studies.
type Report struct {
	Title       string
	Made        time.Time   // when the report was made; the zero time is not shown
	Environment Environment // where the studies were made
	Studies     []Summary
}

// Environment is where and with what a study was made. Empty strings and zeros are not
// known and are not shown.
type Environment struct {
	Tessera      string            `json:"tessera"`       // version and build tags
	Modified     bool              `json:"modified"`      // built from a source tree with uncommitted changes
	Go           string            `json:"go"`            // version
	Host         string            `json:"host"`          // name of the machine
	System       string            `json:"system"`        // operating system and its version
	CPU          string            `json:"cpu"`           // model name of the processor
	Cores        int               `json:"cores"`         // cores that the ranks have in all
	MemoryGB     float64           `json:"memory_gb"`     // installed memory, 1e9 bytes
	Launch       string            `json:"launch"`        // in-process, mpirun or srun, with its arguments
	Transport    string            `json:"transport"`     // what carries the messages, as the runs report it
	MPI          string            `json:"mpi"`           // library and version
	Binding      string            `json:"binding"`       // of ranks to cores
	BLAS         string            `json:"blas"`          // library of the matrix products
	FFT          string            `json:"fft"`           // library of the Fourier transforms
	Variables    map[string]string `json:"variables"`     // environment variables that matter: GOGC, OMP_NUM_THREADS, SLURM_JOB_NODELIST ...
	ConfigDigest string            `json:"config_digest"` // SHA-256 of the job's config and the settings laid over it, hexadecimal
}

// Summary is what the runs of one study show. NaN = not known.
type Summary struct {
	Study       Study
	Directory   string       // that the study was read from; empty = it was not read from files
	Began       time.Time    // when the first run began
	Seconds     float64      // wall time from the first run's begin to the last one's end
	Rows        []Row        // one for each of Study.Points
	Serial      []Row        // one for each of Study.Serial
	Projected   []Projection // one for each of Study.Project
	Published   []Published  // printed tables of other authors to compare with; empty = none for this job
	Wrong       int          // runs that failed or whose answer differed from the reference by more than Study.Tolerance
	Others      float64      // most cores that other processes used during a counted run, on average over the run; 0 = none, or not known
	Disturbed   float64      // fraction of the counted runs during which these were more than a quarter of a core
	LargestLoad float64      // largest one-minute load average of the machine before a run
}

// Row is what the counted runs at one number of ranks p show. T(p) is the median time of
// the timed part, C_r the computing time of rank r (Compute). Efficiencies and shares are
// fractions. NaN = not known.
type Row struct {
	Point
	Oversubscribed bool   // more ranks than cores: T(p) does not predict the time on p cores
	Runs           int    // counted runs: without warm-ups and failures
	Failed         int    // runs that failed or gave a wrong answer
	Stopped        string // why there are no more runs: "interval" (the median is known well enough), "most" (Study.Most), "failed" or "budget"; empty = no run counts

	Median, Low, High float64 // T(p) and the ends of its 95 % interval, seconds; NaN ends = fewer than 6 runs
	Total             float64 // median time of the whole run with input and output, seconds
	Iterations        int     // of the method; 0 = it has none

	SpeedUp                 float64 // Efficiency p; with 1 rank in the first row T(1)/T(p), weak: times the work relative to the first row
	SpeedUpLow, SpeedUpHigh float64 // from the ends of both intervals
	Efficiency              float64 // T(1)/(p T(p)), weak: T(1)/T(p) with p times the work
	IterationEfficiency     float64 // n(1)/n(p), n the number of iterations
	PerIterationEfficiency  float64 // Efficiency / IterationEfficiency

	LoadBalance             float64 // POP: mean C_r / max C_r
	CommunicationEfficiency float64 // POP: max C_r / T(p)
	ParallelEfficiency      float64 // POP: LoadBalance CommunicationEfficiency
	ComputationScaling      float64 // POP: sum of C_r on the first row's ranks / sum of C_r on p, times the relative work
	GlobalEfficiency        float64 // POP: ParallelEfficiency ComputationScaling
	IndependentEfficiency   float64 // of p simultaneous one-rank runs that share nothing but the machine: T(1) over their mean time
	RelativeToIndependent   float64 // Efficiency / IndependentEfficiency
	FromCPU                 bool    // Compute is processor time, because ranks share cores; false = wall time outside communication calls

	Phases                []Phase   // medians over the runs, in the order of the job, then "other"
	Messages              int64     // sent by all ranks in one run
	Bytes                 int64     // sent by all ranks in one run
	CommunicationShare    float64   // wall time in communication calls / wall time, over all ranks
	ExchangeOverCompute   float64   // wall time in neighbour exchanges / computing time, over all ranks
	MemoryMB              float64   // peak resident memory of the largest process, 1e6 bytes
	HaloOverOwned         float64   // elements that ranks see of others / elements that they own, over all ranks
	Compute               []float64 // C_r by rank in the run closest to the median, seconds
	Owned, Before         []float64 // elements by rank, after and before load balancing
	TLoc                  float64   // largest computing time of a rank in one iteration, max C_r / n(p), seconds
	ScaleUp               float64   // D'Amore's scale-up T(1) / (p TLoc)
	IdentityError         float64   // |ScaleUp - E T(p)/TLoc| / ScaleUp, zero to rounding
	Difference            float64   // largest relative difference of an answer from the reference, 2-norm
	Modelled              float64   // modelled time with a core for every rank, seconds
	ModelledOverMeasured  float64   // Modelled / Median
	ModelledCommunication float64   // part of Modelled that the link takes, seconds
	LargestLoad           float64   // largest one-minute load average of the machine before a run
	FirstRun              time.Time // when the first counted run began
}

// Phase is a part of a run: the parts follow one another.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // wall time
}

// Projection is a row that was not measured: the model's time on another machine with a
// core for every rank.
type Projection struct {
	Ranks         int
	Link          Link    // between the ranks of that machine
	Seconds       float64 // modelled time, Compute + Communication
	SpeedUp       float64 // as in Row
	Efficiency    float64 // as in Row
	Compute       float64 // seconds that the slowest rank computes
	Communication float64 // seconds that the link takes for the busiest rank
	From          string  // the runs it was computed from, in words
}
