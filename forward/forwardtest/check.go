package forwardtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tessera/forward"
	"tessera/ranks"
)

// check tests one operator on one rank.
type check struct {
	*Built
	comm      ranks.Comm
	tolerance float64
	m, n      int
}

// direction is A or A', for the tests that are the same for both.
type direction struct {
	name    string
	call    func(dst, src []float64) error
	dst     int // lengths
	src     int
	layouts []Layout // of src
}

// all runs every test and returns what is compared between numbers of ranks. Collective.
func (k *check) all(ctx context.Context) (out outcome, err error) {
	rank := k.comm.Rank()
	k.m, k.n = k.Operator.Dims()
	if m, n := total(k.Y, rank), total(k.X, rank); k.m != m || k.n != n {
		return out, fmt.Errorf("Dims are %d, %d, the layouts of Y and X %d, %d", k.m, k.n, m, n)
	}
	apply := direction{"Apply", k.Operator.Apply, k.m, k.n, k.X}
	adjoint := direction{"Adjoint", k.Operator.Adjoint, k.n, k.m, k.Y}
	x, y := draw(k.X, rank, 1), draw(k.Y, rank, 2)
	ax, err := k.checked(apply, x)
	if err != nil {
		return out, err
	}
	aty, err := k.checked(adjoint, y)
	if err != nil {
		return out, err
	}
	for _, step := range []func() error{
		func() error { return k.adjointness(x, y, ax, aty) },
		func() error { return k.linear(apply, x, ax) },
		func() error { return k.linear(adjoint, y, aty) },
		func() error { return k.lengths(apply) },
		func() error { return k.lengths(adjoint) },
		func() error { out.norm, err = k.norm(ctx); return err },
	} {
		if err := step(); err != nil {
			return out, err
		}
	}
	if out.ax, err = gather(k.comm, k.Y, ax); err != nil {
		return out, err
	}
	out.aty, err = gather(k.comm, k.X, aty)
	return out, err
}

// checked calls d twice, into a dst of NaN, and returns the result. Collective.
func (k *check) checked(d direction, src []float64) ([]float64, error) {
	before := slices.Clone(src)
	var results [2][]float64
	for i := range results {
		dst := make([]float64, d.dst)
		for j := range dst {
			dst[j] = math.NaN()
		}
		if err := d.call(dst, src); err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		if !equalBits(src, before) {
			return nil, fmt.Errorf("%s changes src", d.name)
		}
		for j, v := range dst {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("%s leaves %v at value %d of dst, which held NaN", d.name, v, j)
			}
		}
		results[i] = dst
	}
	if !equalBits(results[0], results[1]) {
		return nil, fmt.Errorf("%s gives other bits the second time", d.name)
	}
	return results[0], nil
}

// adjointness is <A x, y> = <x, A'y>. Collective.
func (k *check) adjointness(x, y, ax, aty []float64) error {
	var v [6]float64
	for i, pair := range [6][2][]float64{{ax, y}, {x, aty}, {ax, ax}, {y, y}, {x, x}, {aty, aty}} {
		var err error
		if v[i], err = forward.Dot(k.comm, pair[0], pair[1]); err != nil {
			return err
		}
	}
	size := math.Sqrt(max(v[2]*v[3], v[4]*v[5]))
	if !(math.Abs(v[0]-v[1]) <= adjointTolerance*size) {
		return fmt.Errorf("<A x, y> = %.17g, <x, A'y> = %.17g: %.2g of the norms apart, want %g at most",
			v[0], v[1], math.Abs(v[0]-v[1])/size, adjointTolerance)
	}
	return nil
}

// linear is A(2 x - 3 u) = 2 A x - 3 A u for another random u. Collective.
func (k *check) linear(d direction, x, ax []float64) error {
	u := draw(d.layouts, k.comm.Rank(), 3)
	au, err := k.checked(d, u)
	if err != nil {
		return err
	}
	mixed := make([]float64, len(x))
	for i := range x {
		mixed[i] = 2*x[i] - 3*u[i]
	}
	got, err := k.checked(d, mixed)
	if err != nil {
		return err
	}
	worst := []float64{0, 5 * max(largest(ax), largest(au))}
	for i, g := range got {
		worst[0] = max(worst[0], math.Abs(g-(2*ax[i]-3*au[i])))
	}
	if err := k.comm.Allreduce(worst, worst, ranks.Max); err != nil {
		return err
	}
	if !(worst[0] <= k.tolerance*worst[1]) {
		return fmt.Errorf("%s is not linear: the image of 2 x - 3 u is off by %.2g, %.2g of its largest value", d.name, worst[0], worst[0]/worst[1])
	}
	return nil
}

// lengths gives arrays of wrong lengths, on all ranks at once. Collective.
func (k *check) lengths(d direction) error {
	for _, wrong := range [][2]int{{d.dst + 1, d.src}, {d.dst, d.src + 1}, {d.dst - 1, d.src}, {d.dst, d.src - 1}} {
		if min(wrong[0], wrong[1]) < 0 {
			continue
		}
		err := d.call(make([]float64, wrong[0]), make([]float64, wrong[1]))
		given := wrong[0]
		if wrong[0] == d.dst {
			given = wrong[1]
		}
		switch {
		case err == nil:
			return fmt.Errorf("%s takes dst of %d values and src of %d, want an error: Dims are %d, %d", d.name, wrong[0], wrong[1], k.m, k.n)
		case !strings.Contains(err.Error(), strconv.Itoa(given)):
			return fmt.Errorf("%s with a wrong length: the message %q does not name the length %d", d.name, err, given)
		}
	}
	return nil
}

// norm compares the bound with the norm by power iteration, which it returns where it
// should not depend on the decomposition. Collective.
func (k *check) norm(ctx context.Context) (float64, error) {
	// The tolerance is never met by chance, so that all numbers of ranks iterate as often.
	estimate, err := forward.Norm(ctx, k.comm, k.Operator, forward.NormOptions{Seed: 4, Tolerance: 1e-300, MaxIterations: normSteps})
	if err != nil && !errors.As(err, new(*forward.NormError)) {
		return 0, fmt.Errorf("Norm: %w", err)
	}
	if b, ok := k.Operator.(forward.Bounded); ok {
		bound := b.NormBound()
		all, err := ranks.Numbers(k.comm, bound)
		if err != nil {
			return 0, err
		}
		if slices.Min(all) != slices.Max(all) {
			return 0, fmt.Errorf("NormBound differs between the ranks: %v", all)
		}
		if !(estimate <= bound*(1+1e-12)) {
			return 0, fmt.Errorf("NormBound is %v, but the norm is at least %v", bound, estimate)
		}
	}
	if f, ok := k.Operator.(forward.Framed); ok {
		if frame, _ := f.Frame(); frame != nil {
			return estimate, nil
		}
	}
	return math.NaN(), nil
}
