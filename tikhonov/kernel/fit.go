package kernel

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// Balance says what Solve distributes evenly over the ranks before it solves.
type Balance string

const (
	ByCount Balance = "count" // number of observations
	ByWork  Balance = "work"  // operations of the blocks and rows, halo included, counted beforehand
	ByTime  Balance = "time"  // processor seconds of a trial set-up; not the same from run to run
	Never   Balance = "none"  // cells of equal size
)

// Options of Solve, the same on every rank but for Progress. The zero value of every
// field but Kernel and Lambda is the documented default.
type Options struct {
	Kernel        Kernel                // k
	Lambda        float64               // > 0; where sigma is the standard deviation of the noise, 1/Lambda is the prior variance of f
	Mean          bool                  // fit the observations minus their mean, weighted with 1/sigma^2
	Linear        bool                  // with Mean: minus the plane nearest to them by these weights, see Trend
	Method        krylov.Method         // RASGMRES, ASCG, RAS or CG; "" = krylov.RASGMRES
	Balance       Balance               // "" = ByCount
	OverlapRatio  float64               // by how much a block reaches beyond its own points, as a fraction of Kernel.Radius; 0 = half the support of a compact kernel, two length scales of the others; < 0 = none
	Block         int                   // most points that a block owns; 0 = chosen by predicted cost
	Tolerance     float64               // relative error of a to reach; 0 = 1e-8
	MaxIterations int                   // 0 = 200
	Restart       int                   // most Krylov vectors that ras-gmres keeps; 0 = 30
	Progress      func(krylov.Progress) // called on rank 0 as a phase begins and once per iteration; nil = silent
}

// Fit is a fitted function. It keeps the communicator of the ranks: Predict and Variance
// are collective, and have to be called from the goroutine that called Solve.
type Fit struct {
	Coefficients []float64              // a of the points that this rank owns, in the order of Points
	Points       *loadbalance.Points    // that this rank owns; attributes y and sigma
	Partition    *loadbalance.Partition // of space into the cells of the ranks

	// The same on every rank.
	Trend        Trend               // added to f
	Observations int                 // of all ranks
	Status       krylov.Status       // why the iteration stopped
	Converged    bool                // Status is krylov.Converged
	Iterations   int                 // of the solve
	Residual     float64             // ||y - (K + Lambda) a|| / ||y||, recomputed at the end
	ErrorBound   float64             // relative error of a: guaranteed if Certified, else estimated
	Certified    bool                // the condition number is small enough for a guarantee
	History      []float64           // relative residual before the first iteration and after each
	Misfit       float64             // sum ((f(x_i)-y_i)/sigma_i)^2
	Objective    float64             // Misfit + lambda ||f||^2
	Truncation   float64             // bound on the norm of what truncation left out of K; 0 for compact support
	Balanced     *loadbalance.Report // by count, from cells of equal size; nil if Balance is Never
	Refined      *loadbalance.Report // then by work or time; nil if Balance is neither

	// Of this rank.
	Setup, Solve float64 // seconds
	Compute      float64 // processor seconds of local work in both, without waiting
	FactorBytes  int64   // of the local factors
	Neighbours   float64 // mean number of entries of a row of K
	Blocks       int     // number of blocks
	Largest      int     // points of the largest extended block

	lambda float64
	system *System
}

// Solve fits the observations. Collective: every rank returns an error if one does. On a
// *krylov.NotConvergedError the Fit still says how far the iteration came; on any other
// error it is nil.
func Solve(ctx context.Context, comm ranks.Comm, obs *Observations, o Options) (*Fit, error) {
	if err := ranks.AgreeError(comm, o.check()); err != nil {
		return nil, err
	}
	if err := o.same(comm); err != nil {
		return nil, err
	}
	pts, err := obs.Numbered(comm)
	if err != nil {
		return nil, err
	}
	f := &Fit{lambda: o.Lambda}
	if err := f.place(comm, pts, &o); err != nil {
		return nil, err
	}
	if err := f.build(ctx, comm, &o); err != nil {
		return nil, err
	}
	return f.solve(ctx, comm, &o)
}

func (o *Options) check() error {
	if err := o.Kernel.check(); err != nil {
		return err
	}
	switch {
	case o.Linear && !o.Mean:
		return fmt.Errorf("kernel: Linear without Mean: want both, or no Linear")
	case !(o.Lambda > 0) || math.IsInf(o.Lambda, 0):
		return fmt.Errorf("kernel: lambda %v: want more than 0", o.Lambda)
	case !(o.Tolerance >= 0) || o.Tolerance >= 1:
		return fmt.Errorf("kernel: tolerance %v: want more than 0 and less than 1", o.Tolerance)
	case o.MaxIterations < 0 || o.Restart < 0:
		return fmt.Errorf("kernel: %d iterations, %d Krylov vectors", o.MaxIterations, o.Restart)
	}
	switch o.Balance {
	case "", ByCount, ByWork, ByTime, Never:
	default:
		return fmt.Errorf("kernel: unknown balance %q", o.Balance)
	}
	return checkBlocks(o.OverlapRatio, o.Block, o.Method)
}

// same agrees that every rank gives the same options. Collective.
func (o Options) same(comm ranks.Comm) error {
	o.Progress = nil
	return krylov.Same(comm, "kernel: the options", o)
}

// begin tells the caller on rank 0 that a phase begins.
func (o *Options) begin(comm ranks.Comm, phase string) {
	if o.Progress != nil && comm.Rank() == 0 {
		o.Progress(krylov.Progress{Phase: phase})
	}
}

// place moves the points to the ranks of cells of equal size and then, unless Balance is
// Never, of cells of equal count.
func (f *Fit) place(comm ranks.Comm, pts *loadbalance.Points, o *Options) error {
	o.begin(comm, "balance")
	lo, hi, err := loadbalance.Bounds(comm, pts)
	if err != nil {
		return err
	}
	part, err := loadbalance.Strips(lo, hi, comm.Size())
	if err != nil {
		return err
	}
	if f.Points, err = loadbalance.Distribute(comm, part, pts); err != nil {
		return err
	}
	f.Partition = part
	if o.Balance == Never {
		return nil
	}
	return f.rebalance(comm, nil)
}

func (f *Fit) rebalance(comm ranks.Comm, cost []float64) error {
	part, pts, report, err := loadbalance.Rebalance(comm, f.Partition, f.Points, loadbalance.Options{Cost: cost})
	if err != nil {
		return err
	}
	f.Partition, f.Points = part, pts
	if cost == nil {
		f.Balanced = report
	} else {
		f.Refined = report
	}
	return nil
}

// build sets up the system. To balance its cost it first prepares one on the partition
// by counts, which tells the cost of each point.
func (f *Fit) build(ctx context.Context, comm ranks.Comm, o *Options) error {
	if o.Balance == ByWork || o.Balance == ByTime {
		o.begin(comm, "balance")
		trial, err := prepare(comm, f.Partition, f.Points, f.systemOptions(o))
		if err != nil {
			return err
		}
		cost := trial.operations()
		if o.Balance == ByTime {
			if err := trial.build(ctx); err != nil {
				return err
			}
			total := 0.0
			for _, c := range cost {
				total += c
			}
			for i := range cost {
				cost[i] *= trial.busy / total
			}
		}
		if err := f.rebalance(comm, cost); err != nil {
			return err
		}
	}
	o.begin(comm, "set-up")
	start := comm.Wtime()
	var err error
	f.system, err = NewSystem(ctx, comm, f.Partition, f.Points, f.systemOptions(o))
	f.Setup = comm.Wtime() - start
	return err
}

func (f *Fit) systemOptions(o *Options) SystemOptions {
	diagonal := make([]float64, f.Points.Len())
	for i := range diagonal {
		sigma := f.Points.Attr[2*i+1]
		diagonal[i] = o.Lambda * sigma * sigma
	}
	return SystemOptions{Kernel: o.Kernel, Diagonal: diagonal, OverlapRatio: o.OverlapRatio, Block: o.Block, Method: o.Method}
}

func (f *Fit) solve(ctx context.Context, comm ranks.Comm, o *Options) (*Fit, error) {
	start := comm.Wtime()
	n := f.Points.Len()
	all := []float64{float64(n)}
	if err := comm.Allreduce(all, all, ranks.Sum); err != nil {
		return nil, err
	}
	f.Observations = int(all[0])
	var err error
	if f.Trend, err = trendOf(f.Points, o, summed(comm)); err != nil {
		return nil, err
	}
	y := f.Trend.subtract(f.Points)
	f.Coefficients = make([]float64, n)
	control := krylov.Control{Tolerance: o.Tolerance, MaxIterations: o.MaxIterations, Restart: o.Restart}
	if o.Progress != nil && comm.Rank() == 0 {
		control.Progress = o.Progress
	}
	report, err := f.system.Solve(ctx, f.Coefficients, y, control)
	if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
		return nil, err
	}
	f.Status, f.Converged = report.Status, report.Status == krylov.Converged
	f.Iterations, f.Residual, f.History = report.Iterations, report.Residual, report.History
	f.ErrorBound, f.Certified = report.ErrorBound, report.Certified
	if e := f.measure(comm, y); e != nil {
		return nil, e
	}
	s := f.system
	f.Solve, f.Compute = comm.Wtime()-start, s.busy
	f.Truncation, f.FactorBytes, f.Blocks, f.Largest = s.truncation, s.bytes, len(s.blocks), s.largest
	f.Neighbours = float64(len(s.rows.cols)) / max(1, float64(n))
	return f, err
}

// measure finds misfit and objective: f(x_i) - y_i = -Lambda_i a_i at the solution
// only, so K a is formed.
func (f *Fit) measure(comm ranks.Comm, y []float64) error {
	ka := make([]float64, len(y))
	if err := f.system.Apply(ka, f.Coefficients); err != nil {
		return err
	}
	sums := make([]float64, 2)
	for i, a := range f.Coefficients {
		ka[i] -= f.system.diagonal[i] * a
		sums[0] += sq((ka[i] - y[i]) / f.Points.Attr[2*i+1])
		sums[1] += a * ka[i]
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	f.Misfit, f.Objective = sums[0], sums[0]+f.lambda*sums[1]
	return nil
}

// Predict is f at any points (n x Dim), different ones on every rank. Collective: wrong
// points on one rank are the same error on every rank.
func (f *Fit) Predict(x []float64) ([]float64, error) {
	v, _, err := f.system.Evaluate(x, f.Coefficients, false)
	if err == nil {
		f.Trend.add(v, x, f.Points.Dim)
	}
	return v, err
}

// summed adds up numbers over the ranks, in place.
func summed(comm ranks.Comm) func([]float64) error {
	return func(v []float64) error { return comm.Allreduce(v, v, ranks.Sum) }
}
