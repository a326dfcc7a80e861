package forward

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/random"
	"tessera/ranks"
)

// NormOptions say how Norm iterates. The zero value of a field is its default.
type NormOptions struct {
	// Seed of the start vector: standard normal numbers by (Seed, index in the whole of
	// x). The index is the row-major place in channels x frame where the operator is
	// Framed, else the place in the parts of x of all ranks one after the other.
	Seed uint64
	// Start, if not nil, fills this rank's part of another start vector.
	Start func(x []float64)
	// Tolerance is the relative change of the estimate in one iteration at which the
	// iteration stops; 0 = 1e-6. The error of the estimate may be larger.
	Tolerance float64
	// MaxIterations is the largest number of iterations; 0 = 1000. Each takes one Apply,
	// one Adjoint and one Allreduce.
	MaxIterations int
}

// NormError says that Norm used up its iterations. The estimate beside it is a lower
// bound of the norm all the same.
type NormError struct {
	Iterations        int
	Change, Tolerance float64 // relative change of the estimate in the last iteration, and the one wanted
}

func (e *NormError) Error() string {
	return fmt.Sprintf("forward: Norm: after %d iterations the estimate still changes by %.2g of its value an iteration, want %.2g",
		e.Iterations, e.Change, e.Tolerance)
}

// Norm estimates ||A||, the largest singular value, by power iteration on A'A:
//
//	y = A x,  z = A'y,  estimate = ||z|| / ||y||,  x = z / ||z||.
//
// The estimate grows with every iteration and never exceeds the norm, but for rounding.
// A step size that must not be too large needs a margin, or the NormBound of a Bounded
// operator. On a *NormError the estimate so far is returned too.
//
// Collective. The estimate and the error are the same on all ranks; on another number
// of ranks the estimate is the same up to rounding, about 1e-13 of its value, where the
// index of Seed does not depend on the decomposition. Once ctx is cancelled on one rank
// all ranks return its error. It keeps three vectors while it runs.
func Norm(ctx context.Context, comm ranks.Comm, op Operator, o NormOptions) (estimate float64, err error) {
	if o.Tolerance == 0 {
		o.Tolerance = 1e-6
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 1000
	}
	if !(o.Tolerance > 0) || math.IsInf(o.Tolerance, 0) || o.MaxIterations < 0 {
		return 0, fmt.Errorf("forward: Norm: tolerance %g and at most %d iterations, want both above 0", o.Tolerance, o.MaxIterations)
	}
	m, n := op.Dims()
	x, y, z := make([]float64, n), make([]float64, m), make([]float64, n)
	if o.Start != nil {
		o.Start(x)
	} else if err := drawStart(comm, op, x, o.Seed); err != nil {
		return 0, err
	}
	xx := linalg.Dot(x, x)
	if err := sumWithStop(ctx, comm, &xx); err != nil {
		return 0, err
	}
	if xx == 0 {
		return 0, nil // no values, or a start vector of zeros
	}
	scale(x, 1/math.Sqrt(xx), x)
	change := math.Inf(1)
	for k := 1; k <= o.MaxIterations; k++ {
		if err := op.Apply(y, x); err != nil {
			return estimate, err
		}
		if err := op.Adjoint(z, y); err != nil {
			return estimate, err
		}
		yy, zz := linalg.Dot(y, y), linalg.Dot(z, z)
		if err := sumWithStop(ctx, comm, &yy, &zz); err != nil {
			return estimate, err
		}
		if yy == 0 || zz == 0 {
			return 0, nil
		}
		before := estimate
		estimate = math.Sqrt(zz / yy)
		if math.IsNaN(estimate) || math.IsInf(estimate, 0) {
			return estimate, fmt.Errorf("forward: Norm of %s: values that are not finite in iteration %d", name(op), k)
		}
		change = math.Abs(estimate-before) / estimate
		if change <= o.Tolerance {
			return estimate, nil
		}
		scale(x, 1/math.Sqrt(zz), z)
	}
	return estimate, &NormError{Iterations: o.MaxIterations, Change: change, Tolerance: o.Tolerance}
}

// drawStart fills this rank's part of the start vector. Collective.
func drawStart(comm ranks.Comm, op Operator, x []float64, seed uint64) error {
	r := random.New(seed)
	frame, channels := frameOf(op)
	if frame == nil {
		counts, err := ranks.Counts(comm, len(x))
		if err != nil {
			return err
		}
		first := 0
		for _, n := range counts[:comm.Rank()] {
			first += n
		}
		for i := range x {
			x[i] = r.Normal(uint64(first + i))
		}
		return nil
	}
	domain, owned := frame.Domain(), frame.Owned(comm.Rank())
	for c := range channels {
		part := x[c*owned.Size() : (c+1)*owned.Size()]
		eachLine(domain.Shape(), owned, func(local, global, n int) {
			for i := range n {
				part[local+i] = r.Normal(uint64(c*domain.Size() + global + i))
			}
		})
	}
	return nil
}

// eachLine calls f for every line of box along the last axis: its n values start at
// index local of an array over the box and at index global of one over shape.
func eachLine(shape []int, box halo.Box, f func(local, global, n int)) {
	last := len(shape) - 1
	n := box.Hi[last] - box.Lo[last]
	at := append([]int(nil), box.Lo...)
	for local := 0; local < box.Size(); local += n {
		global := 0
		for k, size := range shape {
			global = global*size + at[k]
		}
		f(local, global, n)
		for k := last - 1; k >= 0; k-- {
			if at[k]++; at[k] < box.Hi[k] {
				break
			}
			at[k] = box.Lo[k]
		}
	}
}

// sumWithStop replaces every number by its sum over the ranks, and returns the error of
// ctx on all ranks if it is cancelled on one. Collective.
func sumWithStop(ctx context.Context, comm ranks.Comm, numbers ...*float64) error {
	sums := make([]float64, len(numbers)+1)
	for i, v := range numbers {
		sums[i] = *v
	}
	stop := &sums[len(numbers)]
	if ctx.Err() != nil {
		*stop = 1
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	for i, v := range numbers {
		*v = sums[i]
	}
	if *stop > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return context.Canceled
	}
	return nil
}

// scale sets dst = factor x.
func scale(dst []float64, factor float64, x []float64) {
	for i, v := range x {
		dst[i] = factor * v
	}
}
