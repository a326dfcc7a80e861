package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
)

// Problem is what is minimised.
type Problem struct {
	Start []float64 // theta to begin with; the same on all ranks
	Items int       // of all ranks; rank r owns those of halo.Split(Items, ranks, r)
	// Gradient adds the gradient of the loss of an item that this rank owns to g, and returns
	// the loss. It is called on one rank and must not communicate with others.
	Gradient func(item int, theta, g []float64) (loss float64, err error)
	// Begin is called on every rank before the gradients of a step with the number of steps
	// done so far, for losses that draw random numbers in each step; nil = nothing.
	Begin func(step int)
}

// Options of Run, the same on every rank but for the functions. The zero value of every
// field but Steps is the documented default.
type Options struct {
	Method   Method  // "" = Adam
	Rate     float64 // of Adam: the size of a step of a parameter; of Nesterov: the factor of the gradient; 0 = 1e-3
	Cosine   bool    // the rate of step t is Rate (1 + cos(pi t/Steps))/2
	Steps    int     // 1 or more, and no less than From.Step
	Batch    int     // items a step; 0 = all
	Seed     uint64  // of the permutations
	From     *State  // to go on from; nil = from the start
	Progress func(step, of int, loss float64)
	// Each is called on every rank after each step with the state so far, which it must not
	// keep; an error ends the run on all ranks in the next step. nil = nothing. Collective.
	Each func(s *State) error
	// Enough is called before Each on every rank after each step, and ends the run with status Converged where
	// it returns true, which it does on all ranks or on none. nil = never. Collective.
	Enough func(s *State) (bool, error)
}

// State is what the next steps depend on; the same on all ranks.
type State struct {
	Step      int // steps done
	Theta     []float64
	Optimiser []float64
	Losses    []float64 // mean loss of the batch, before each step
}

// Result is what Run leaves; the same on all ranks.
type Result struct {
	Theta  []float64
	Steps  int
	Losses []float64
	Status krylov.Status // IterationLimit: all steps are done; Converged: Enough said so; Cancelled
	State  *State        // to go on from
}

func (o Options) withDefaults() Options {
	if o.Method == "" {
		o.Method = Adam
	}
	if o.Rate == 0 {
		o.Rate = 1e-3
	}
	return o
}

// rate is that of a step, counted from 0.
func (o *Options) rate(step int) float64 {
	if !o.Cosine {
		return o.Rate
	}
	return o.Rate * (1 + math.Cos(math.Pi*float64(step)/float64(o.Steps))) / 2
}

func (p *Problem) check(o *Options) error {
	switch {
	case p == nil || p.Gradient == nil || len(p.Start) == 0:
		return errors.New("train: no parameters or no gradient")
	case p.Items < 1:
		return fmt.Errorf("train: %d items, want 1 or more", p.Items)
	case o.Method != Adam && o.Method != Nesterov:
		return fmt.Errorf("train: unknown method %q", o.Method)
	case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
		return fmt.Errorf("train: rate %g, want more than 0", o.Rate)
	case o.Steps < 1:
		return fmt.Errorf("train: %d steps, want 1 or more", o.Steps)
	case o.Batch < 0 || o.Batch > p.Items:
		return fmt.Errorf("train: batches of %d items, want 1 to %d; 0 = all", o.Batch, p.Items)
	case o.From != nil && len(o.From.Theta) != len(p.Start):
		return fmt.Errorf("train: the state to go on from has %d parameters, want %d", len(o.From.Theta), len(p.Start))
	case o.From != nil && o.From.Step > o.Steps:
		return fmt.Errorf("train: the checkpoint has made %d steps, the options allow %d: continue with %d or more", o.From.Step, o.Steps, o.From.Step)
	}
	return nil
}

// Run minimises the mean loss. Collective; see the package's comment.
func Run(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := ranks.AgreeError(comm, p.check(&o)); err != nil {
		return nil, err
	}
	if err := krylov.Same(comm, "train: the options, the start and the number of items", o.Method, o.Rate, o.Cosine, o.Steps, o.Batch, o.Seed, p.Items, p.Start); err != nil {
		return nil, err
	}
	n := len(p.Start)
	s := &State{Theta: append([]float64(nil), p.Start...)}
	move := newOptimiser(&o, n)
	if from := o.From; from != nil {
		s.Step, s.Losses = from.Step, append([]float64(nil), from.Losses...)
		copy(s.Theta, from.Theta)
		if err := ranks.AgreeError(comm, move.restore(from.Optimiser)); err != nil {
			return nil, err
		}
	}
	lo, hi := halo.Split(p.Items, comm.Size(), comm.Rank())
	sum := &sum{width: n + 1} // of gradient and loss
	batches := newBatches(o.Seed, p.Items, o.Batch)
	result := func(status krylov.Status) *Result {
		s.Optimiser = move.state
		return &Result{Theta: s.Theta, Steps: s.Step, Losses: s.Losses, Status: status, State: s}
	}
	var failed error // of this rank, until the sums of a step tell the others
	for s.Step < o.Steps {
		if p.Begin != nil {
			p.Begin(s.Step)
		}
		batch := batches.of(s.Step)
		slices.Sort(batch)
		first, _ := slices.BinarySearch(batch, lo)
		last, _ := slices.BinarySearch(batch, hi)
		for place := first; place < last; place++ {
			v := sum.vector()
			if failed == nil {
				v[n], failed = p.Gradient(batch[place], s.Theta, v[:n])
			}
			sum.add(place, v)
		}
		var said [2]float64 // how many ranks are told to stop, and how many have failed
		if ctx.Err() != nil {
			said[0] = 1
		}
		if failed != nil {
			said[1] = 1
		}
		sums, err := sum.total(comm, first, len(batch), said[:])
		if err != nil {
			return nil, err
		}
		if sums[n+2] > 0 {
			return nil, ranks.AgreeError(comm, failed)
		}
		if sums[n+1] > 0 {
			err := context.Cause(ctx)
			if err == nil {
				err = context.Canceled
			}
			return result(krylov.Cancelled), err
		}
		for i := range sums[:n+1] {
			sums[i] /= float64(len(batch))
		}
		if loss := sums[n]; math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("train: the loss of step %d is %g: use a smaller rate than %g", s.Step+1, loss, o.Rate)
		}
		s.Losses = append(s.Losses, sums[n])
		move.rate = o.rate(s.Step)
		move.move(s.Theta, sums[:n])
		s.Step++
		if o.Progress != nil {
			o.Progress(s.Step, o.Steps, sums[n])
		}
		if o.Enough != nil {
			s.Optimiser = move.state
			enough, err := o.Enough(s)
			if err := ranks.AgreeError(comm, err); err != nil {
				return nil, err
			}
			if enough {
				return result(krylov.Converged), nil
			}
		}
		if o.Each != nil {
			s.Optimiser = move.state
			failed = o.Each(s)
		}
	}
	if err := ranks.AgreeError(comm, failed); err != nil {
		return nil, err
	}
	return result(krylov.IterationLimit), nil
}
