package kernel

// Family names a kernel.
type Family string

const (
	WendlandC2 Family = "wendland-c2" // (1-r/rho)_+^4 (4r/rho + 1)
	WendlandC4 Family = "wendland-c4" // (1-r/rho)_+^6 (35(r/rho)^2 + 18r/rho + 3) / 3
	Matern12   Family = "matern-1/2"  // exp(-r/rho)
	Matern32   Family = "matern-3/2"  // (1 + s) exp(-s), s = sqrt(3) r/rho
	Matern52   Family = "matern-5/2"  // (1 + s + s^2/3) exp(-s), s = sqrt(5) r/rho
	Gaussian   Family = "gaussian"    // exp(-r^2 / (2 rho^2))
)

// Kernel is a radial kernel with k(0) = 1.
type Kernel struct {
	Family Family
	// Width rho is the radius of the support for Wendland's kernels, the length
	// scale of the others; in the unit of the coordinates.
	Width float64
	// Truncate is the value below which a kernel without compact support counts
	// as 0; 0 = 1e-12.
	Truncate float64
}

// Radius is the distance from which on the kernel is 0, or counts as 0.
func (k Kernel) Radius() float64 { panic("to come") }

// At is k(r).
func (k Kernel) At(r float64) float64 { panic("to come") }
