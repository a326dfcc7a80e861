package image

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
)

// LambdaRule says how lambda is found.
type LambdaRule string

const (
	Fixed       LambdaRule = "fixed"       // Options.Lambda
	Discrepancy LambdaRule = "discrepancy" // the lambda at which ||W^(1/2) (H w - y)||^2 is the expected energy of the noise, noise^2 x values; the criterion is their ratio
	GCV         LambdaRule = "gcv"         // the minimum of the generalised cross-validation function, which is the criterion, in units of W x data^2
	LCurve      LambdaRule = "l-curve"     // the corner of log ||Q w||^2 against log misfit; the criterion is the curvature

	// MarginalLikelihood: the lambda that makes the data most likely, in closed form, for whole
	// frames of equal weights with a periodic border, or a reflecting one and a symmetric PSF.
	// The criterion is minus twice the logarithm of the likelihood, minus the least value.
	MarginalLikelihood LambdaRule = "marginal-likelihood"

	// AutoRule: GCV; where its function falls to the lower end of the search, the largest lambda at
	// which it is within 1 % of its least value, or that of LCurve if the solution there is amplified
	// noise, which is correlated between pixels; where it gives no lambda at all, Discrepancy.
	// Search says which rule it was, and why.
	AutoRule LambdaRule = "auto"
)

// NoiseUnit says whose standard deviation Options.Noise is.
type NoiseUnit string

const (
	OfWeight NoiseUnit = "weight" // of a pixel of weight 1: that of a pixel of weight w is Noise/sqrt(w). With inverse variances as weights it is 1
	OfData   NoiseUnit = "data"   // of a pixel of typical weight (the median of the positive weights), in the unit of the data
)

// Precision of the stored local factors. Residuals, Krylov vectors and the
// solution are float64 always, so the accuracy of the result does not depend on it.
type Precision string

const (
	Single Precision = "single" // float32, half the memory
	Double Precision = "double" // float64
)

// Weighting says how overlapping local solutions are added up for conjugate gradients.
type Weighting string

const (
	WeightNone Weighting = "none" // plain additive Schwarz: a pixel counts once for each tile over it
	WeightSqrt Weighting = "sqrt" // each local solve between two factors 1/sqrt(tiles over the pixel)
)

// Local names the local solves of ras-gmres and ras.
type Local string

const (
	LocalAuto Local = "auto" // LocalBox unless the weights vary too much for one weight a box
	LocalBox  Local = "box"  // the whole box of a rank by Fourier transforms with its mean weight
	LocalTile Local = "tile" // small tiles with dense or banded factors
)

// Options of Solve, the same on every rank but for Progress. The zero value of every
// field but Lambda is the documented default.
type Options struct {
	Method        krylov.Method         // any; "" = krylov.Auto
	Regulariser   forward.Regulariser   // Q; "" = forward.Identity
	Border        halo.Border           // what H, H' and Q find outside of the frame; zero value = halo.Zero
	Rule          LambdaRule            // "" = Fixed
	Lambda        float64               // > 0, in units of W; with another rule the first value tried, 0 = 0.01 x mean positive weight x (sum of the PSF)^2
	Noise         float64               // for Discrepancy and MarginalLikelihood: standard deviation of the noise, see NoiseUnit; 0 = found from the data
	NoiseUnit     NoiseUnit             // "" = OfWeight; without weights it makes no difference
	Local         Local                 // "" = LocalAuto
	Overlap       int                   // pixels by which a box or tile reaches into its neighbours; < 0 = none; 0 = 4 for tiles, for boxes as far as the inverse of M reaches
	Tile          int                   // side of a tile in pixels, without the overlap; 0 = 12 for ras-gmres and ras, else 16; with LocalAuto a side asks for tiles
	Tolerance     float64               // relative error of w to reach; 0 = 1e-8
	MaxIterations int                   // 0 = 2000
	Restart       int                   // most Krylov vectors that ras-gmres keeps; 0 = 30, where the PSF varies 10
	Precision     Precision             // "" = Single
	Weighting     Weighting             // of as-cg and two-level; "" = none for as-cg, sqrt for two-level
	Seed          uint64                // of the probe vectors of GCV
	Progress      func(krylov.Progress) // called on rank 0 as the factorisation begins and once per iteration; nil = silent

	tileGiven bool                                           // Tile is the caller's
	monitor   func(iteration int, x []float64) (bool, error) // tests
	phase     string
	estimate  bool // no guarantee of the error is needed
}

// Problem is this rank's part of the frame.
type Problem struct {
	Channels int                 // 1 or more; the same on every rank, like Frame and PSF
	Frame    *halo.Decomposition // of the (rows, cols) domain; rank r owns Frame.Owned(r)
	Data     []float64           // y, channels x owned rows x owned cols, row-major; the values at missing pixels have no effect
	Weights  forward.Weights     // W, owned rows x owned cols, the same for every channel: 0 = missing, else 1 or 1/variance; nil = all ones on this rank
	PSF      forward.PSF         // of the blur H; the zero value is no blur
	Varying  *forward.VaryingPSF // of the blur H where it changes over the frame; nil = PSF everywhere
}

// Result is what Solve leaves on each rank. Numbers are global and the same on every
// rank but for the times and what is said to be of this rank.
type Result struct {
	Solution     []float64     // w on the owned box, shaped like Problem.Data
	Lambda       float64       // that was used
	Search       *Search       // how the rule found it; nil with Fixed
	Method       krylov.Method // that was used, the last one where several were
	Fallback     string        // what krylov.Auto tried before, in words; "" = nothing
	Status       krylov.Status // why the iteration stopped
	Converged    bool          // Status is krylov.Converged
	Iterations   int           // of the last solve, without those that searched for lambda
	Residual     float64       // ||b - M w|| / ||b||, recomputed at the end
	ErrorBound   float64       // relative error of w: a guarantee if Certified, else an estimate
	Certified    bool          // M's smallest eigenvalue is bounded from below: Regulariser is forward.Identity, or no pixel is missing and there is no PSF, or all weights are equal and Method is krylov.Spectral
	Rounding     bool          // not converged, and ErrorBound is what rounding makes of it: no method betters that
	Objective    float64       // J(w), weighted with W
	Misfit       float64       // ||W^(1/2) (H w - y)||^2, its first term
	History      []float64     // relative residual before the first iteration and after each
	Setup, Solve float64       // seconds
	Local        Local         // the local solves that were used; "" = none
	Boxes        int           // with LocalBox: boxes of all ranks, each with one PSF
	Overlap      int           // pixels, of those
	FactorBytes  int64         // of the local factors of this rank
	TilesShared  int           // tiles of this rank that use the factor of their class
	TilesExact   int           // tiles of this rank that have a factor of their own
}
