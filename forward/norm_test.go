package forward_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// launch runs body on n ranks.
func launch(n int, body func(ctx context.Context, comm ranks.Comm) error) error {
	return ranks.Launch(context.Background(), ranks.Options{Ranks: n}, body)
}

// Norms that are known in closed form.
func TestKnownNorms(t *testing.T) {
	for name, c := range map[string]struct {
		build func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error)
		want  float64
	}{
		"differences, periodic": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewDifferences(comm, frame, 1, halo.Periodic)
		}, 2 * math.Sqrt2},
		// Eigenvalues of D'D with the condition of Neumann: 4 sin^2(pi k / 2n), k < n.
		"differences, reflect": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewDifferences(comm, frame, 1, halo.Reflect)
		}, 2 * math.Hypot(math.Sin(7*math.Pi/16), math.Sin(9*math.Pi/20))},
		// Eigenvalues of the Laplacian with zeros outside: -4 sin^2(pi k / 2(n+1)), k <= n.
		"Laplacian, zero": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewLaplacian(comm, frame, 1, halo.Zero)
		}, 4*math.Pow(math.Sin(8*math.Pi/18), 2) + 4*math.Pow(math.Sin(10*math.Pi/22), 2)},
		"blur, periodic": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			psf, err := forward.Box(3)
			if err != nil {
				return nil, err
			}
			return forward.NewBlur(comm, frame, 1, psf, halo.Periodic)
		}, 1},
		"identity": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewIdentity(frame.Owned(comm.Rank()).Size())
		}, 1},
		"zero": {func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewWeighting(comm, frame, 1, make(forward.Weights, frame.Owned(comm.Rank()).Size()))
		}, 0},
		"nothing": {func(ranks.Comm, *halo.Decomposition) (forward.Operator, error) { return forward.NewIdentity(0) }, 0},
	} {
		err := launch(4, func(ctx context.Context, comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{8, 10}, comm.Size())
			if err != nil {
				return err
			}
			op, err := c.build(comm, frame)
			if err != nil {
				return err
			}
			got, err := forward.Norm(ctx, comm, op, forward.NormOptions{Tolerance: 1e-13, MaxIterations: 20000})
			if math.Abs(got-c.want) > 1e-9*c.want || got > c.want*(1+1e-13) {
				t.Errorf("%s, rank %d: norm %.15g, want %.15g and never more", name, comm.Rank(), got, c.want)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The default start of an operator without a frame counts the values of all ranks one
// after the other: pieces of a line give the same norm on any number of ranks, and so
// does a start vector of the caller.
func TestStartVector(t *testing.T) {
	for _, byCaller := range []bool{false, true} {
		var one float64
		for _, n := range []int{1, 2, 3, 4, 7} {
			err := launch(n, func(ctx context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{40}, comm.Size())
				if err != nil {
					return err
				}
				owned := frame.Owned(comm.Rank())
				d, err := forward.NewDifferences(comm, frame, 1, halo.Zero)
				if err != nil {
					return err
				}
				same, err := forward.NewIdentity(owned.Size())
				if err != nil {
					return err
				}
				hidden, err := forward.Compose(d, same) // does not know its frame
				if err != nil {
					return err
				}
				o := forward.NormOptions{Seed: 3, Tolerance: 1e-4}
				if byCaller {
					o.Start = func(x []float64) {
						for i := range x {
							x[i] = math.Sin(float64(owned.Lo[0] + i))
						}
					}
				}
				got, err := forward.Norm(ctx, comm, hidden, o)
				if err != nil {
					return err
				}
				if n == 1 {
					one = got
				}
				if math.Abs(got-one) > 1e-10*one {
					t.Errorf("by the caller %v, %d ranks: norm %.15g, on 1 rank %.15g", byCaller, n, got, one)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNormErrors(t *testing.T) {
	type result struct {
		estimate float64
		err      error
	}
	run := func(o forward.NormOptions, cancelOn int, root float64) []result {
		results := make([]result, 3)
		err := launch(3, func(ctx context.Context, comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{64}, comm.Size())
			if err != nil {
				return err
			}
			d, err := forward.NewDifferences(comm, frame, 1, halo.Reflect)
			if err != nil {
				return err
			}
			op, err := forward.Scale(root, d)
			if err != nil {
				return err
			}
			if comm.Rank() == cancelOn {
				cancelled, cancel := context.WithCancel(ctx)
				cancel()
				ctx = cancelled
			}
			r := &results[comm.Rank()]
			r.estimate, r.err = forward.Norm(ctx, comm, op, o)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return results
	}
	for rank, r := range run(forward.NormOptions{MaxIterations: 5, Tolerance: 1e-12}, -1, 1) {
		var used *forward.NormError
		if !errors.As(r.err, &used) || used.Iterations != 5 || !(used.Change > used.Tolerance) || !(r.estimate > 1.5 && r.estimate < 2) {
			t.Errorf("rank %d: after 5 iterations %v, %v", rank, r.estimate, r.err)
		}
	}
	for rank, r := range run(forward.NormOptions{}, 1, 1) {
		if !errors.Is(r.err, context.Canceled) {
			t.Errorf("rank %d: one rank is cancelled, the error is %v", rank, r.err)
		}
	}
	for want, o := range map[string]forward.NormOptions{
		"tolerance -1":          {Tolerance: -1},
		"tolerance NaN":         {Tolerance: math.NaN()},
		"at most -3 iterations": {MaxIterations: -3},
	} {
		for rank, r := range run(o, -1, 1) {
			if r.err == nil || !strings.Contains(r.err.Error(), want) {
				t.Errorf("rank %d: error %v, want %q", rank, r.err, want)
			}
		}
	}
	for rank, r := range run(forward.NormOptions{}, -1, 1e300) {
		if r.err == nil || !strings.Contains(r.err.Error(), "not finite in iteration 1") {
			t.Errorf("rank %d: overflow gives %v, %v", rank, r.estimate, r.err)
		}
	}
}

// Constructors say what does not fit.
func TestConstructorErrors(t *testing.T) {
	onOne(t, func(comm ranks.Comm) error {
		frame, err1 := halo.Decompose([]int{4, 5}, 1)
		other, err2 := halo.Decompose([]int{4, 5}, 2)
		line, err3 := halo.Decompose([]int{9}, 1)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		d, err := forward.NewDifferences(comm, frame, 1, halo.Zero)
		if err != nil {
			return err
		}
		same, err := forward.NewIdentity(20)
		if err != nil {
			return err
		}
		of := func(_ any, err error) error { return err }
		for _, c := range []struct {
			err  error
			want string
		}{
			{of(forward.Compose()), "forward: Compose: no operators"},
			{of(forward.Stack()), "forward: Stack: no operators"},
			{of(forward.Stack(same, nil)), "Stack: operator 2 of 2 is nil"},
			{of(forward.Compose(d, d)), "Compose: Differences takes 20 values, but Differences gives 40"},
			{of(forward.Stack(same, forward.NewGram(same), must(forward.NewIdentity(3)))), "Stack: Identity takes 20 values, but Identity takes 3"},
			{of(forward.Scale(math.Inf(1), d)), "Scale: factor +Inf"},
			{of(forward.Scale(1, nil)), "Scale: no operator"},
			{of(forward.NewIdentity(-1)), "NewIdentity: -1 values"},
			{of(forward.NewDifferences(comm, nil, 1, halo.Zero)), "NewDifferences: no frame"},
			{of(forward.NewDifferences(comm, other, 1, halo.Zero)), "NewDifferences: the frame is cut for 2 ranks, the communicator has 1"},
			{of(forward.NewLaplacian(comm, frame, 0, halo.Zero)), "NewLaplacian: 0 channels"},
			{of(forward.NewLaplacian(comm, frame, 1, halo.Border(7))), "NewLaplacian: unknown border Border(7)"},
			{of(forward.NewDifferences(comm, frame, 1, halo.Border(-1))), "NewDifferences: unknown border Border(-1)"},
			{of(forward.NewBlur(comm, line, 1, forward.PSF{}, halo.Zero)), "NewBlur: frame of 1 axes, want 2"},
			{of(forward.NewBlur(comm, frame, 0, forward.PSF{}, halo.Zero)), "NewBlur: 0 channels"},
			{of(forward.NewWeighting(comm, frame, 1, make(forward.Weights, 3))), "NewWeighting: 3 weights, want 20"},
			{of(forward.NewWeighting(comm, line, 1, forward.Weights{1, 1, 1, -2, 1, 1, 1, 1, 1})), "NewWeighting: weight -2 at pixel 3"},
			{of(forward.NewNormal(comm, &forward.Problem{Frame: frame, Channels: 1, Weights: make(forward.Weights, 3)})), "NewNormal: 3 weights, want 20"},
			{of(forward.NewNormal(comm, &forward.Problem{Frame: frame, Channels: 1, Regulariser: "tv"})), `unknown regulariser "tv"`},
		} {
			if c.err == nil || !strings.Contains(c.err.Error(), c.want) || !strings.Contains(c.err.Error(), "forward: ") {
				t.Errorf("error %v, want %q", c.err, c.want)
			}
		}
		composed, err := forward.Compose(d, same)
		if err != nil {
			return err
		}
		const want = "forward: Compose(Differences, Identity).Apply: dst has 39 values and src 20, want 40 and 20"
		if err := composed.Apply(make([]float64, 39), make([]float64, 20)); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, err := forward.Dot(comm, make([]float64, 2), make([]float64, 3)); err == nil {
			t.Error("Dot takes 2 and 3 values")
		}
		return nil
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A blur of a frame of which a rank owns nothing is an error on all ranks.
func TestBlurWantsPixelsOnEveryRank(t *testing.T) {
	errs := make([]error, 2)
	err := launch(2, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.FromBoxes([]int{4, 5}, []halo.Box{{Lo: []int{0, 0}, Hi: []int{4, 5}}, {Lo: []int{4, 0}, Hi: []int{4, 5}}})
		if err == nil {
			_, errs[comm.Rank()] = forward.NewBlur(comm, frame, 1, forward.PSF{}, halo.Zero)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "rank 1 owns no pixels") {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

// Weights that are wrong on one rank are an error of NewWeighting on all ranks.
func TestWeightingAgreesOnErrors(t *testing.T) {
	errs := make([]error, 3)
	err := launch(3, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{9}, comm.Size())
		if err != nil {
			return err
		}
		w := forward.Weights{1, 1, 1}
		if comm.Rank() == 2 {
			w[1] = math.NaN()
		}
		_, errs[comm.Rank()] = forward.NewWeighting(comm, frame, 1, w)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "weight NaN at pixel 1") {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}
