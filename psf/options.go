package psf

import "time"

// Mode names the regulariser g of the package comment.
type Mode string

const (
	Sparse  Mode = "sparse"   // weighted l1 norm of the starlet coefficients of each stamp
	LowRank Mode = "low-rank" // weighted sum of the singular values of the stack
)

// Border says which values the convolution uses beyond the edge of a stamp.
type Border string

const (
	Zero Border = "zero" // zeros: linear convolution, the physical model
	Wrap Border = "wrap" // the opposite edge: periodic convolution
)

// Wavelet names the smoothing filter from which the starlet transform Phi is made.
// The filter acts along rows and columns, dilated by 2 from each scale to the next.
type Wavelet string

const (
	Linear Wavelet = "linear" // [1 2 1]/4: as good as B3 in our tests, at half the cost
	B3     Wavelet = "b3"     // [1 4 6 4 1]/16, the cubic B-spline
)

// Start names the first iterate x; the dual variable u begins with zero.
type Start string

const (
	FromZero   Start = "zero"
	FromOnes   Start = "ones"
	FromWiener Start = "wiener" // the Wiener filter of each stamp, for flat spectra of signal and noise
	FromGiven  Start = "given"  // Options.Given
)

// Threshold names the proximal operator of the singular values, low-rank form only.
type Threshold string

const (
	// Reweighted is Soft for Options.Settle iterations. Then lambda is divided by
	// 1 + s_k/lambda, where s_k are the singular values found by Soft, so that large
	// singular values are reduced less.
	Reweighted Threshold = "reweighted"
	Soft       Threshold = "soft" // the nuclear norm: converges, reduces every singular value by lambda
	Hard       Threshold = "hard" // keeps singular values above lambda, drops the others; need not converge
)

// NoiseRule says how the standard deviation of the noise is found. With relative weights it
// is that of a pixel of the median weight.
type NoiseRule string

const (
	// Differences takes second differences along rows and columns of the pixels near the
	// borders of the stamps, which light of a galaxy hardly changes: 1.4826 times the median
	// of their absolute values over the stack, divided by what white noise of standard
	// deviation 1 would give. Noise that neighbouring pixels share comes out too low.
	Differences         NoiseRule = "differences"
	DifferencesPerStamp NoiseRule = "differences-per-stamp" // the same of each stamp by itself
	// MAD is 1.4826 times the median absolute deviation of all unmasked pixels of the stack.
	// Light of the galaxies makes it too high: by a tenth in small faint galaxies, many
	// times where they fill the stamps.
	MAD         NoiseRule = "mad"
	MADPerStamp NoiseRule = "mad-per-stamp" // the same of each stamp by itself
	Given       NoiseRule = "given"         // Options.Sigma
	FromWeights NoiseRule = "weights"       // Stack.Weights are inverse variances, 1/noise^2 of each pixel
)

// Precision of the arithmetic. Costs, and products summed over the stack, are float64
// in both.
type Precision string

const (
	Single Precision = "single" // float32
	Double Precision = "double" // float64
)

// Options of Deconvolve. The zero value of every field is the documented default.
// Every rank passes the same options, except for Given, Progress and the functions
// behind Save and Resume.
type Options struct {
	Mode      Mode      // "" = Sparse
	Border    Border    // "" = Zero
	Precision Precision // "" = Single
	Noise     NoiseRule // "" = Differences; with Compatible MAD
	Sigma     float64   // with Given: standard deviation of the noise, in units of the data; otherwise not used
	Start     Start     // "" = FromZero
	Given     []float64 // with FromGiven: this rank's first iterate, shape of Stack.Data; otherwise not used
	AnySign   bool      // true: x may be negative; false: x >= 0

	// Sparse form. Thresholds are those of the wavelet bands in units of the noise's
	// standard deviation in the band, finest band first; nil = 3 for each and 4 for the
	// coarsest. A reweighting divides the threshold w of every coefficient by
	// 1 + |Phi x|/w0, w0 the threshold of the first pass, and iterates again.
	Wavelet      Wavelet // "" = Linear
	Scales       int     // wavelet bands, 1 to 8; 0 = 3
	Thresholds   []float64
	Reweightings int // further passes of up to MaxIterations each; 0 = none

	// Low-rank form.
	Threshold Threshold // "" = Reweighted
	Factor    float64   // lambda = Factor noise sqrt(max(n+1, pixels)) beta, see Result.Beta; 0 = 0.6 with Reweighted, else 1
	Block     int       // singular vectors followed from iteration to iteration, enlarged where needed; 0 = 32
	Settle    int       // with Reweighted: iterations with Soft first; 0 = a third of MaxIterations

	// Stopping rule. The cost is evaluated at a convergence check.
	MaxIterations  int     // of a pass; 0 = 150
	CheckEvery     int     // iterations from one convergence check to the next; 0 = 10
	Tolerance      float64 // stop when the cost of the stack changes by at most this fraction between two checks; 0 = never
	StampTolerance float64 // sparse form: the same for each stamp and its own cost; 0 = never
	Still          float64 // stop when an iteration changes the stack by at most this fraction of itself; 0 = never
	Balance        bool    // sparse form with StampTolerance: move stamps that are not finished to ranks with less work

	// Steps of the iteration, see the package comment.
	Tau       float64 // primal step; 0 = the largest that converges
	SigmaDual float64 // dual step; 0 = 0.5
	Rho       float64 // relaxation, between 0 and 2; 0 = 0.8

	// Compatible repeats what the program sf_deconvolve 5.0 does, in float64 and with
	// linear bands; its defaults replace those above.
	Compatible bool

	Seed uint64 // of the first singular vectors, and with Compatible of the power method; 0 is a seed like any other

	Progress func(Progress) // called on rank 0 after every convergence check; nil = not called

	// Save keeps a snapshot. It is called on all ranks at once: after a convergence
	// check when SaveEvery has passed since the last call, and when ctx is cancelled.
	// nil = no snapshots. It is nil on all ranks or on none.
	Save      func(*Snapshot) error
	SaveEvery time.Duration // 0 = only when ctx is cancelled
	Resume    *Snapshot     // continue from this one, on any number of ranks; nil = begin anew

	accuracy float64 // of the singular vectors; 0 = 1e-5
}

// Progress is the state of a running solve at a convergence check.
type Progress struct {
	Phase         string // the Mode
	Iteration, Of int    // done, and at most to do, all passes together
	Cost          float64
	Rank          int // low-rank form: singular values of the iterate that are not 0
	Active        int // stamps of the whole stack that still iterate
}

// Snapshot is the state of a solve between two iterations: Options.Save receives one,
// Options.Resume continues from one. It has a record for each stamp.
//
// To continue, every rank needs the same Meta and a Records that finds the records of
// all ranks; the other fields are not used.
type Snapshot struct {
	Meta []byte // the same on all ranks

	IDs         []int                      // of this rank's records: numbers of stamps in the whole stack
	RecordBytes int                        // length of each record; 0 on a rank without stamps
	Fill        func(i int, record []byte) // writes the record of IDs[i]

	// Records calls use with the record of each id asked for, in any order.
	Records func(ids []int, use func(id int, record []byte) error) error
}
