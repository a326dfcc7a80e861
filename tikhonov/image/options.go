package image

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
)

// LambdaRule says how lambda is found.
type LambdaRule string

const (
	Fixed       LambdaRule = "fixed"
	Discrepancy LambdaRule = "discrepancy" // ||W^(1/2)S(Hw-y)||^2 = expected noise energy
	GCV         LambdaRule = "gcv"         // minimum of the generalised cross-validation function
)

// Precision of the stored local factors. Residuals, Krylov vectors and the
// solution are float64 always, so the accuracy of the answer does not depend on it.
type Precision string

const (
	Single Precision = "single"
	Double Precision = "double"
)

// Weighting says how overlapping local solutions are added up for CG.
type Weighting string

const (
	WeightNone Weighting = "none" // plain additive Schwarz
	WeightSqrt Weighting = "sqrt" // each side of the solve by 1/sqrt(tiles over the pixel)
)

// Options of Solve. The zero value of every field is the documented default.
type Options struct {
	Method        krylov.Method         // "" = krylov.RASGMRES
	Regulariser   forward.Regulariser   // "" = forward.Identity
	Border        halo.Border           // of H, H' and Q alike; zero value = halo.Zero
	Rule          LambdaRule            // "" = Fixed
	Lambda        float64               // > 0; with Discrepancy or GCV the starting value (0 = chosen)
	Noise         float64               // standard deviation of the noise for Discrepancy; 0 = estimated from the data
	Overlap       int                   // pixels by which a tile reaches into its neighbours; 0 = 4, < 0 = none
	Tile          int                   // side of a tile in pixels; 0 = 12 for ras-gmres and ras, else 16
	Tolerance     float64               // relative error of w to reach; 0 = 1e-8
	MaxIterations int                   // 0 = 200
	Restart       int                   // Krylov vectors kept by ras-gmres; 0 = 30
	Precision     Precision             // "" = Single
	Weighting     Weighting             // as-cg, two-level; "" = none for as-cg, sqrt for two-level
	Seed          uint64                // of the probe vectors of GCV
	Progress      func(krylov.Progress) // called on rank 0 once per iteration; nil = silent

	monitor func(iteration int, x []float64) (bool, error) // tests
	phase   string
}

// Problem is this rank's part of the frame.
type Problem struct {
	Channels int
	Frame    *halo.Decomposition // of the (rows, cols) domain; rank r owns Frame.Owned(r)
	Data     []float64           // y, channels x owned rows x owned cols, row-major; values at missing pixels are ignored
	Weights  forward.Weights     // W and S in one: owned rows x owned cols, the same for every channel; 0 = missing, else 1 or 1/variance; nil = all ones
	PSF      forward.PSF         // of the blur; the zero value is no blur
}

// Result is what Solve leaves on each rank. All numbers are global and the same on every rank.
type Result struct {
	Solution                []float64 // w on the owned box, as Problem.Data
	Lambda                  float64
	Iterations              int
	Residual                float64 // ||b - M w|| / ||b||, recomputed at the end
	ErrorBound              float64 // relative error of w: a guarantee if Certified, else an estimate
	Certified               bool
	Objective               float64       // J(w)
	Misfit                  float64       // its first term
	Status                  krylov.Status // why the iteration stopped
	Converged               bool          // Status is krylov.Converged
	History                 []float64     // relative residual per iteration
	Setup, Solve            float64       // seconds
	FactorBytes             int64         // local factors on this rank
	TilesShared, TilesExact int           // tiles of this rank served by a shared factor, by one of their own
}
