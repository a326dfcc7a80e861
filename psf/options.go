package psf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"tessera/internal/wavelet"
)

// Mode names the regulariser g.
type Mode string

const (
	Sparse  Mode = "sparse"
	LowRank Mode = "low-rank"
)

// Border says what is beyond a stamp's edge.
type Border string

const (
	Zero Border = "zero" // nothing: linear convolution, the physical model
	Wrap Border = "wrap" // the stamp again
)

// Start says what the iteration begins with; the dual variable begins with zero.
type Start string

const (
	FromZero   Start = "zero"
	FromOnes   Start = "ones"
	FromWiener Start = "wiener" // Tikhonov's closed form, stamp by stamp
	FromGiven  Start = "given"  // Options.Given
)

// Threshold says what happens to the singular values of the low-rank form.
type Threshold string

const (
	// Reweighted: lambda is divided by 1 + s_k/lambda once the soft form has
	// settled, s_k the singular values it found, so that large ones lose little.
	Reweighted Threshold = "reweighted"
	Soft       Threshold = "soft" // the nuclear norm; converges, shrinks every mode by lambda
	Hard       Threshold = "hard" // kept or dropped; need not converge
)

// NoiseRule says how the standard deviation of the noise is known.
type NoiseRule string

const (
	MAD         NoiseRule = "mad"           // 1.4826 times the median absolute deviation of all pixels of the stack
	MADPerStamp NoiseRule = "mad-per-stamp" // of each stamp's
	Given       NoiseRule = "given"         // Options.Sigma
	FromWeights NoiseRule = "weights"       // the weights are inverse variances
)

// Precision of the arithmetic; costs and the stack's products are summed in float64 always.
type Precision string

const (
	Single Precision = "single"
	Double Precision = "double"
)

// Options of Deconvolve. The zero value of every field is the documented default.
type Options struct {
	Mode      Mode           // "" = Sparse
	Border    Border         // "" = Zero
	Precision Precision      // "" = Single
	Noise     NoiseRule      // "" = MAD
	Sigma     float64        // of the noise, Given
	Start     Start          // "" = FromZero
	Given     []float64      // FromGiven: as Stack.Data
	Family    wavelet.Family // of Phi: its zero value is the linear one, as good here and half the work
	Scales    int            // bands of Phi; 0 = 3

	// Thresholds of the bands in units of the noise, the finest first; nil = 3, 3, ..., 4.
	Thresholds   []float64
	Reweightings int // sparse: w / (1 + |Phi x|/w) after Iterations, then as many again; 0 = none

	Threshold Threshold // "" = Reweighted
	Factor    float64   // of lambda = factor noise sqrt(max(n+1, pixels)) beta; 0 = 0.6 for reweighted, else 1
	Block     int       // singular vectors followed, grown where needed; 0 = 32
	Settle    int       // reweighted: iterations of the soft form first; 0 = a third

	Iterations     int     // 0 = 150
	LookEvery      int     // iterations between looks at the cost; 0 = 10
	Tolerance      float64 // stop once the cost changes by less than this fraction from look to look; 0 = never
	StampTolerance float64 // sparse: likewise each stamp by its own cost; 0 = never
	Balance        bool    // sparse: share the stamps that still run evenly among the ranks

	Tau, SigmaDual float64 // steps; 0 = from the norms
	Rho            float64 // relaxation; 0 = 0.8
	AnySign        bool    // leave out x >= 0
	Compatible     bool    // do as sf_deconvolve 5.0 does, float64, linear bands, and its other defaults for what is left open

	Seed uint64 // of the first block of singular vectors

	Progress func(Progress) // called on rank 0 at every look; nil = silent

	// Save keeps a snapshot, on every rank at once: every SaveEvery (0 = never) and
	// when ctx is cancelled; nil = never. Resume continues from one, on any number
	// of ranks.
	Save      func(*Snapshot) error
	SaveEvery time.Duration
	Resume    *Snapshot

	accuracy float64 // of the singular vectors; 0 = enough
}

// Progress is one look at a running solve.
type Progress struct {
	Iteration, Of int
	Cost          float64
	Rank          int // of the low-rank iterate
	Active        int // stamps that still run
}

// withDefaults fills in what the caller left open.
func (o Options) withDefaults() Options {
	if o.Compatible {
		o = o.compatible()
	}
	o.Mode = cmp.Or(o.Mode, Sparse)
	o.Border = cmp.Or(o.Border, Zero)
	o.Precision = cmp.Or(o.Precision, Single)
	o.Noise = cmp.Or(o.Noise, MAD)
	o.Start = cmp.Or(o.Start, FromZero)
	o.Threshold = cmp.Or(o.Threshold, Reweighted)
	o.Scales = cmp.Or(o.Scales, 3)
	if o.Threshold == Reweighted {
		o.Factor = cmp.Or(o.Factor, 0.6)
	}
	o.Factor = cmp.Or(o.Factor, 1)
	o.Block = cmp.Or(o.Block, 32)
	o.Iterations = cmp.Or(o.Iterations, 150)
	o.LookEvery = cmp.Or(o.LookEvery, 10)
	o.Rho = cmp.Or(o.Rho, 0.8)
	o.Settle = cmp.Or(o.Settle, max(1, o.Iterations/3))
	if o.Thresholds == nil {
		for s := range o.Scales {
			k := 3.0
			if s == o.Scales-1 {
				k = 4
			}
			o.Thresholds = append(o.Thresholds, k)
		}
	}
	return o
}

// check finds what is wrong with options, defaults filled in.
func (o *Options) check(s *Stack) error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("psf: "+format, args...))
		}
	}
	want(o.Mode == Sparse || o.Mode == LowRank, "mode %q", o.Mode)
	want(o.Border == Zero || o.Border == Wrap, "border %q", o.Border)
	want(o.Precision == Single || o.Precision == Double, "precision %q", o.Precision)
	want(o.Threshold == Reweighted || o.Threshold == Soft || o.Threshold == Hard, "threshold %q", o.Threshold)
	want(o.Noise == MAD || o.Noise == MADPerStamp || o.Noise == Given || o.Noise == FromWeights, "noise %q", o.Noise)
	want(o.Noise != Given || o.Sigma > 0 && !math.IsInf(o.Sigma, 0), "noise of standard deviation %g", o.Sigma)
	want(o.Noise != FromWeights || s.Weights != nil || len(s.Data) == 0, "noise from weights, and there are none")
	want(o.Start != FromGiven || len(o.Given) == len(s.Data), "a start of %d numbers for %d pixels", len(o.Given), len(s.Data))
	want(o.Scales >= 1 && o.Scales <= 8 && len(o.Thresholds) == o.Scales, "%d thresholds for %d scales of at most 8", len(o.Thresholds), o.Scales)
	for _, k := range o.Thresholds {
		want(k >= 0 && !math.IsInf(k, 0), "threshold %g", k)
	}
	want(o.Reweightings >= 0 && o.Iterations >= 1 && o.LookEvery >= 1, "%d iterations, %d reweightings, a look every %d", o.Iterations, o.Reweightings, o.LookEvery)
	want(o.Rho > 0 && o.Rho < 2, "relaxation %g, want more than 0 and less than 2", o.Rho)
	want(o.Tau >= 0 && o.SigmaDual >= 0 && o.Factor > 0 && o.Block >= 1, "steps %g and %g, factor %g, block %d", o.Tau, o.SigmaDual, o.Factor, o.Block)
	return errors.Join(errs...)
}

// steps chooses tau and sigma, or holds those given to the condition of
// convergence (Condat 2013, theorem 3.1): with |L| <= 1
//
//	1/tau - sigma >= beta/2,    rho < 2 - (beta/2) / (1/tau - sigma)
func (o *Options) steps(beta float64) (tau, sigma float64, err error) {
	sigma = cmp.Or(o.SigmaDual, 0.5)
	tau = cmp.Or(o.Tau, 1/(beta/2/min(1, 0.99*(2-o.Rho))+sigma))
	room := 1/tau - sigma
	if !(room*(1+1e-12) >= beta/2) || !(o.Rho < 2-beta/2/room+1e-12) {
		return 0, 0, fmt.Errorf("psf: the steps tau %g, sigma %g and rho %g need not converge: 1/tau - sigma = %.4g must be at least %.4g, half the squared norm of the blur, and rho below %.4g",
			tau, sigma, o.Rho, room, beta/2, 2-beta/2/room)
	}
	return tau, sigma, nil
}
