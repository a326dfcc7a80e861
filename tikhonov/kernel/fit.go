package kernel

import (
	"context"

	"tessera/loadbalance"
	"tessera/ranks"
)

// Observations is any share of the observations: which rank holds which does not
// matter to Solve.
type Observations struct {
	Dim   int       // 1, 2 or 3
	X     []float64 // n x Dim
	Y     []float64 // n
	Sigma []float64 // n, standard deviations > 0, in the unit of Y; nil = all 1
}

// Balance says what Solve balances before it solves.
type Balance string

const (
	ByCount Balance = "count" // observations
	ByWork  Balance = "work"  // operations of the blocks and rows, halo included, counted beforehand
	ByTime  Balance = "time"  // seconds of a trial set-up; not the same from run to run
	Never   Balance = "none"  // cells of equal size
)

// Options of Solve. The zero value of every field but Kernel and Lambda is the
// documented default.
type Options struct {
	Kernel        Kernel
	Lambda        float64 // > 0
	Mean          bool    // fit the observations minus their weighted mean
	Method        Method  // "" = RASGMRES
	Balance       Balance // "" = ByCount
	Overlap       float64 // of the blocks, as a fraction of the kernel's radius; 0 = 0.5
	Block         int     // points owned by a block, about; 0 = chosen by predicted cost
	Tolerance     float64 // relative error of a; 0 = 1e-8
	MaxIterations int     // 0 = 200
	Progress      func(Progress)
}

// Progress is one line of news from a running solve, on rank 0.
type Progress struct {
	Phase            string // "balance", "set-up", "solve", "lambda 3 of 12"
	Iteration        int
	Residual, Target float64
}

// Fit is a fitted function. Numbers are global and the same on every rank.
type Fit struct {
	Coefficients []float64           // a of the points this rank owns, in the order of Points
	Points       *loadbalance.Points // that this rank owns
	Partition    *loadbalance.Partition
	Mean         float64

	Observations int // all of them
	Iterations   int
	Residual     float64
	ErrorBound   float64 // relative error of a
	Certified    bool
	Converged    bool
	History      []float64
	Misfit       float64 // sum ((f(x_i)-y_i)/sigma_i)^2
	Objective    float64
	Truncation   float64             // bound on the norm of what the truncated kernel left out of K; 0 for compact support
	Balanced     *loadbalance.Report // nil if not balanced

	// Of this rank.
	Setup, Solve, Compute float64 // seconds; Compute: those of both without waiting
	Factored              int64   // bytes
	Neighbours            float64 // mean entries of a row
	Blocks                int
	Largest               int // points of the largest extended block
}

// Solve fits the observations. Collective.
func Solve(ctx context.Context, comm ranks.Comm, obs *Observations, o Options) (*Fit, error) {
	panic("to come")
}

// Predict is f at any points (n x Dim), different ones on every rank. Collective.
func (f *Fit) Predict(x []float64) ([]float64, error) { panic("to come") }

// Variance is, approximately, lambda^-1 sigma-free predictive variance
// k(0) - k_x' (K + Lambda)^-1 k_x at any points, from the block around each point
// alone; it overestimates. Collective.
func (f *Fit) Variance(x []float64) ([]float64, error) { panic("to come") }
