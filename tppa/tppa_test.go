package tppa

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/train"
)

func onRanks(t testing.TB, n int, body func(comm ranks.Comm) error) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error { return body(comm) })
	if err != nil {
		t.Fatalf("%d ranks: %v", n, err)
	}
}

// newRun is a run of net for a blur of 5 x 5 pixels on a frame, with missing pixels if masked.
func newRun(comm ranks.Comm, net *Network, shape []int, channels int, border halo.Border, masked bool) (*Run, *halo.Decomposition, error) {
	frame, err := halo.Decompose(shape, comm.Size())
	if err != nil {
		return nil, nil, err
	}
	psf, err := forward.Gaussian(5, math.Sqrt2)
	if err != nil {
		return nil, nil, err
	}
	h, err := forward.NewBlur(comm, frame, channels, psf, border)
	if err != nil {
		return nil, nil, err
	}
	var w forward.Weights
	if masked {
		whole := make([]float64, shape[0]*shape[1])
		for i := range whole {
			if i%9 != 4 {
				whole[i] = 0.7 + 0.3*random.New(1, 2).Uniform(uint64(i))
			}
		}
		w = cut(frame, comm, whole, 1)
	}
	r, err := NewRun(context.Background(), comm, net, frame, channels, h, w, border)
	return r, frame, err
}

func cut(frame *halo.Decomposition, comm ranks.Comm, whole []float64, channels int) []float64 {
	box := frame.Owned(comm.Rank())
	part := make([]float64, channels*box.Size())
	n := len(whole) / channels
	for c := range channels {
		halo.CopyBox(part[c*box.Size():(c+1)*box.Size()], box, whole[c*n:(c+1)*n], frame.Domain(), box)
	}
	return part
}

// somewhere are parameters away from the identity.
func somewhere(n *Network) []float64 {
	theta := n.Identity()
	s := random.New(7)
	for i := range theta {
		theta[i] += 0.002 * s.Normal(uint64(i))
	}
	return theta
}

func small(t testing.TB, axes int, shared bool) *Network {
	n, err := NewNetwork(axes, Options{Layers: 4, Shared: shared, Average: Grid{-0.05, 0.75, 17}, Difference: Grid{-0.12, 0.12, 21}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The gradient against differences of the loss, for 200 parameters that have a gradient: every step
// size and random coefficients; on 1 and on 3 ranks, whose gradients add up to that of one.
func TestGradient(t *testing.T) {
	for name, c := range map[string]struct {
		border halo.Border
		masked bool
		shared bool
	}{"reflect": {border: halo.Reflect}, "periodic, masked": {halo.Periodic, true, false}, "zero, shared": {halo.Zero, false, true}} {
		t.Run(name, func(t *testing.T) {
			net := small(t, 2, c.shared)
			const rows, cols = 24, 22
			truth := simulate.Cells{Seed: 1, Rows: rows, Cols: cols}.Draw(0)
			theta := somewhere(net)
			var first []float64
			for _, n := range []int{1, 3} {
				onRanks(t, n, func(comm ranks.Comm) error {
					r, frame, err := newRun(comm, net, []int{rows, cols}, 1, c.border, c.masked)
					if err != nil {
						return err
					}
					x := cut(frame, comm, truth, 1)
					y := make([]float64, len(x))
					if err := r.a.Apply(y, x); err != nil {
						return err
					}
					box := frame.Owned(comm.Rank())
					simulate.AddNoise(y, 1, simulate.Box{R0: box.Lo[0], R1: box.Hi[0], C0: box.Lo[1], C1: box.Hi[1]}, cols, 3, 0.01)
					g := make([]float64, len(theta))
					if _, err := r.Gradient(theta, y, x, g); err != nil {
						return err
					}
					if err := comm.Allreduce(g, g, ranks.Sum); err != nil {
						return err
					}
					if n > 1 {
						for i, v := range g {
							if comm.Rank() == 0 && math.Abs(v-first[i]) > 1e-11*math.Abs(first[i])+1e-14 {
								t.Errorf("parameter %d: %g on %d ranks, %g on one", i, v, n, first[i])
							}
						}
						return nil
					}
					first = g
					again := make([]float64, len(theta))
					if n := testing.AllocsPerRun(3, func() {
						if _, err := r.Gradient(theta, y, x, again); err != nil {
							t.Error(err)
						}
					}); n > 0 {
						t.Errorf("a gradient allocates %g objects", n)
					}
					loss := func(i int, by float64) float64 {
						moved := slices.Clone(theta)
						moved[i] += by
						l, err := r.Gradient(moved, y, x, make([]float64, len(theta)))
						if err != nil {
							t.Fatal(err)
						}
						return l
					}
					largest := 0.0
					for _, v := range g {
						largest = max(largest, math.Abs(v))
					}
					checked := 0
					for k := 0; checked < 200 && k < 3*len(theta); k++ {
						i := k
						if k >= net.Layers {
							i = int(random.New(9).Bits(uint64(k)) % uint64(len(theta)))
						}
						if math.Abs(g[i]) < 1e-4*largest {
							continue // differences would be rounding alone
						}
						checked++
						// A spline has jumps in its third derivative: the error of four points is small enough.
						const e = 1e-4
						d := (8*(loss(i, e)-loss(i, -e)) - (loss(i, 2*e) - loss(i, -2*e))) / (12 * e)
						if math.Abs(d-g[i]) > 1e-6*max(math.Abs(g[i]), 1e-2*largest) {
							t.Errorf("parameter %d: gradient %.9g, differences %.9g", i, g[i], d)
						}
					}
					if checked < 100 {
						t.Errorf("only %d parameters have a gradient", checked)
					}
					return nil
				})
			}
		})
	}
}

// A network restores a frame alike on any number of ranks; the identity is FISTA.
func TestRestore(t *testing.T) {
	net := small(t, 2, false)
	const rows, cols = 40, 37
	truth := append(simulate.Cells{Seed: 1, Rows: rows, Cols: cols}.Draw(0), simulate.Cells{Seed: 1, Rows: rows, Cols: cols}.Draw(1)...)
	for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
		var want []float64
		for _, n := range []int{1, 2, 3, 4, 7} {
			onRanks(t, n, func(comm ranks.Comm) error {
				r, frame, err := newRun(comm, net, []int{rows, cols}, 2, border, true)
				if err != nil {
					return err
				}
				y := cut(frame, comm, truth, 2)
				x, err := r.Restore(somewhere(net), y)
				if err != nil {
					return err
				}
				whole, err := frame.GatherTo(comm, 0, x, 2)
				if err != nil || comm.Rank() > 0 {
					return err
				}
				if n == 1 {
					want = whole
				}
				for i, v := range whole {
					if math.Abs(v-want[i]) > 1e-12 {
						t.Errorf("%d ranks, border %v: %v, want %v", n, border, v, want[i])
						break
					}
				}
				return nil
			})
		}
	}
	onRanks(t, 1, func(comm ranks.Comm) error {
		r, _, err := newRun(comm, net, []int{rows, cols}, 1, halo.Periodic, false)
		if err != nil {
			return err
		}
		y := truth[:rows*cols]
		got, err := r.Restore(net.Identity(), y)
		if err != nil {
			return err
		}
		x, err := r.start(y)
		if err != nil {
			return err
		}
		before, s, g, q := slices.Clone(x), slices.Clone(x), make([]float64, len(x)), 1.0
		for range net.Layers {
			if err := r.gradient(g, s, y); err != nil {
				return err
			}
			before, x = x, before
			for i := range x {
				x[i] = s[i] - g[i]/r.bound
			}
			next := (1 + math.Sqrt(1+4*q*q)) / 2
			for i := range s {
				s[i] = x[i] + (q-1)/next*(x[i]-before[i])
			}
			q = next
		}
		for i, v := range got {
			if math.Abs(v-x[i]) > 1e-12 {
				t.Fatalf("the identity gives %g, FISTA %g", v, x[i])
			}
		}
		return nil
	})
}

// training is that of some crops of cells.
func training(comm ranks.Comm, net *Network, count, side int, noise float64) (*Training, error) {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return nil, err
	}
	r, _, err := newRun(alone, net, []int{side, side}, 1, halo.Reflect, false)
	if err != nil {
		return nil, err
	}
	set := &Training{Count: count, Run: r}
	lo, hi := halo.Split(count, comm.Size(), comm.Rank())
	for k := lo; k < hi; k++ {
		p := Pair{Truth: simulate.Cells{Seed: 11, Rows: side, Cols: side}.Draw(k), Data: make([]float64, side*side)}
		if err := r.a.Apply(p.Data, p.Truth); err != nil {
			return nil, err
		}
		simulate.AddNoise(p.Data, 1, simulate.Box{R1: side, C1: side}, side, uint64(k), noise)
		set.Pairs = append(set.Pairs, p)
	}
	return set, nil
}

// Training lowers the loss, has the same bits on 1 to 4 ranks and twice, and
// the same bits when it is cut in two.
func TestTraining(t *testing.T) {
	net := small(t, 2, false)
	for _, o := range []train.Options{{Steps: 12, Rate: 2e-3}, {Steps: 12, Method: train.Nesterov, Rate: 1e-4}, {Steps: 12, Batch: 3, Rate: 2e-3}} {
		learn := func(n int, o train.Options) (*train.Result, *train.State, string) {
			var result *train.Result
			var middle *train.State
			var digest string
			onRanks(t, n, func(comm ranks.Comm) error {
				set, err := training(comm, net, 7, 20, 0.01)
				if err != nil {
					return err
				}
				o := o
				o.Each = func(s *train.State) error {
					if comm.Rank() == 0 && s.Step == 5 {
						middle = &train.State{Step: 5, Theta: slices.Clone(s.Theta), Optimiser: slices.Clone(s.Optimiser), Losses: slices.Clone(s.Losses)}
					}
					return nil
				}
				r, err := set.Train(context.Background(), comm, net.Identity(), o)
				if err != nil {
					return err
				}
				d, err := set.Digest(comm)
				if comm.Rank() == 0 {
					result, digest = r, d
				}
				return err
			})
			return result, middle, digest
		}
		want, middle, digest := learn(1, o)
		if want.Losses[11] >= want.Losses[0] {
			t.Errorf("%s: the loss goes from %g to %g", o.Method, want.Losses[0], want.Losses[11])
		}
		for _, n := range []int{1, 2, 3, 4} {
			got, _, other := learn(n, o)
			for i, v := range got.Theta {
				if v != want.Theta[i] {
					t.Errorf("%d ranks: parameter %d is %v, want %v", n, i, v, want.Theta[i])
					break
				}
			}
			if other != digest {
				t.Errorf("%d ranks: digest %s, want %s", n, other, digest)
			}
		}
		o.From = middle
		got, _, _ := learn(1, o)
		if !slices.Equal(got.Theta, want.Theta) || !slices.Equal(got.Losses, want.Losses) {
			t.Error("a training that was cut in two ends elsewhere")
		}
	}
}

// A training that is cancelled on one rank stops on all; wrong arguments are errors of all.
func TestTrainingStops(t *testing.T) {
	net := small(t, 2, false)
	var errs [2]error
	onRanks(t, 2, func(comm ranks.Comm) error {
		set, err := training(comm, net, 3, 16, 0.01)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := train.Options{Steps: 1000, Each: func(s *train.State) error {
			if s.Step == 2 && comm.Rank() == 1 {
				cancel()
			}
			return nil
		}}
		r, err := set.Train(ctx, comm, net.Identity(), o)
		if errs[comm.Rank()] = err; r == nil || r.Steps != 2 {
			t.Errorf("rank %d stops with %+v", comm.Rank(), r)
		}
		set.Pairs = set.Pairs[:comm.Rank()]
		if _, err := set.Train(ctx, comm, net.Identity(), o); err == nil {
			t.Error("one rank without its pairs is no error")
		}
		if _, err := train.Run(ctx, comm, &train.Problem{}, o); err == nil {
			t.Error("no problem is no error")
		}
		return nil
	})
	if !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("ranks end with %v", errs)
	}
}
