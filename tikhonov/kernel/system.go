package kernel

import (
	"context"

	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov"
)

// System is this rank's rows of the matrix
//
//	A = K o (S S') + diag(d),   A_ij = k(|x_i - x_j|) s_i's_j + d_i delta_ij,
//
// with the blocks that precondition it. For a kernel fit s_i = 1; the f-step of a
// deep kernel weights with the gradients of its outer layer. It keeps buffers: one
// goroutine at a time.
type System struct{}

// SystemOptions of NewSystem.
type SystemOptions struct {
	Kernel   Kernel
	Diagonal []float64 // d, n owned points, > 0
	Scale    []float64 // s, n x Scales; nil = all 1
	Scales   int       // columns of Scale
	Overlap  float64   // of the blocks, as a fraction of the kernel's radius; 0 = 0.5; < 0 = none
	Block    int       // points owned by a block, about; 0 = chosen by predicted cost
	Method   Method    // "" = RASGMRES
}

// Method is how the system is solved.
type Method string

const (
	RASGMRES Method = "ras-gmres"
	ASCG     Method = "as-cg"
	RAS      Method = "ras"
	CG       Method = "cg"
)

// NewSystem assembles and factors. pts are this rank's points as part owns them.
// Collective.
func NewSystem(ctx context.Context, comm ranks.Comm, part *loadbalance.Partition, pts *loadbalance.Points, o SystemOptions) (*System, error) {
	panic("to come")
}

// Len is the number of points that this rank owns.
func (s *System) Len() int { panic("to come") }

// Apply sets dst = A src. Collective.
func (s *System) Apply(dst, src []float64) error { panic("to come") }

// Solve solves A x = b to the control's tolerance; x holds the start. c.LambdaMin
// is set from the diagonal if it is 0. Collective.
func (s *System) Solve(ctx context.Context, x, b []float64, c tikhonov.Control) (*tikhonov.Report, error) {
	panic("to come")
}

// Evaluate sets f(t) = sum_j k(|t - x_j|) a_j for targets t (n x Dim) that lie in
// this rank's cell (infinite outwards) or anywhere else: each is sent to the rank
// that owns the place and the value comes back. With grad it also returns the
// gradient of f, n x Dim; nil without. Collective.
func (s *System) Evaluate(targets, a []float64, grad bool) (f, df []float64, err error) {
	panic("to come")
}
