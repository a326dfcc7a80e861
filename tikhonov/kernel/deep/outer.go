package deep

import (
	"context"

	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// outer is g = K2(., Z) beta on its own partition of feature space, with the value
// of what it minimises.
type outer struct {
	part       *loadbalance.Partition
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
	n := pts.Len()
	y, noise := make([]float64, n), make([]float64, n)
	for i := range n {
		sigma := pts.Attr[2*i+1]
		y[i], noise[i] = pts.Attr[2*i], o.OuterLambda*sigma*sigma
	}
	if g.sys, err = kernel.NewSystem(ctx, comm, g.part, pts, kernel.SystemOptions{Kernel: o.Outer, Diagonal: noise}); err != nil {
		return nil, err
	}
	bound, err := normBound(comm, nil, noise)
	if err != nil {
		return nil, err
	}
	if g.beta, g.iterations, err = solve(ctx, comm, g.sys, y, bound); err != nil {
		return nil, err
	}
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

// normBound bounds the norm of K o (S S') + diag(d) by the trace of its first part,
// which is positive semidefinite with k(0) = 1, and the largest d. scale nil: S is
// one column of ones. Collective.
func normBound(comm ranks.Comm, scale, diagonal []float64) (float64, error) {
	trace, most := []float64{float64(len(diagonal))}, []float64{0}
	if scale != nil {
		trace[0] = 0
		for _, s := range scale {
			trace[0] += s * s
		}
	}
	for _, d := range diagonal {
		most[0] = max(most[0], d)
	}
	if err := comm.Allreduce(trace, trace, ranks.Sum); err != nil {
		return 0, err
	}
	err := comm.Allreduce(most, most, ranks.Max)
	return trace[0] + most[0], err
}
