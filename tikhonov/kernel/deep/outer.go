package deep

import (
	"context"

	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// residual is how exactly every linear system is solved, ||b - A x|| / ||b||.
const residual = 1e-10

// outer is g = K2(., Z) beta on its own partition of feature space, with the value
// of what it minimises.
type outer struct {
	part       *loadbalance.Partition
	pts        *loadbalance.Points // features of the observations that this rank owns there, with y and sigma
	sys        *kernel.System
	beta       []float64 // of the points that this rank owns there
	misfit     float64   // sum ((g(Z_i) - y_i) / sigma_i)^2
	norm       float64   // ||g||^2
	iterations int
	balance    *loadbalance.Report
}

// fitOuter is the g-step. pts are the features of this rank's observations, with y
// and sigma as attributes; part is the partition to start from, nil = one of cells
// of equal size. Collective.
func fitOuter(ctx context.Context, comm ranks.Comm, part *loadbalance.Partition, pts *loadbalance.Points, o *Options) (*outer, error) {
	if part == nil {
		lo, hi, err := loadbalance.Bounds(comm, pts)
		if err != nil {
			return nil, err
		}
		if part, err = loadbalance.Strips(lo, hi, comm.Size()); err != nil {
			return nil, err
		}
	}
	pts, err := loadbalance.Distribute(comm, part, pts)
	if err != nil {
		return nil, err
	}
	g := &outer{}
	if g.part, pts, g.balance, err = loadbalance.Rebalance(comm, part, pts, loadbalance.Options{}); err != nil {
		return nil, err
	}
	g.pts = pts
	n := pts.Len()
	y, noise := make([]float64, n), make([]float64, n)
	for i := range n {
		sigma := pts.Attr[2*i+1]
		y[i], noise[i] = pts.Attr[2*i], o.OuterLambda*sigma*sigma
	}
	if g.sys, err = kernel.NewSystem(ctx, comm, g.part, pts, kernel.SystemOptions{Kernel: o.Outer, Diagonal: noise}); err != nil {
		return nil, err
	}
	g.beta = make([]float64, n)
	report, err := g.sys.SolveResidual(ctx, g.beta, y, residual)
	if err != nil {
		return nil, err
	}
	g.iterations = report.Iterations
	value := make([]float64, n)
	if err := g.sys.Apply(value, g.beta); err != nil {
		return nil, err
	}
	sums := make([]float64, 2)
	for i, b := range g.beta {
		value[i] -= noise[i] * b
		d := (value[i] - y[i]) / pts.Attr[2*i+1]
		sums[0] += d * d
		sums[1] += b * value[i]
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	g.misfit, g.norm = sums[0], sums[1]
	return g, nil
}
