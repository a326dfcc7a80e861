package mlpatch

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
	"tessera/train"
)

// Training is what a network learns from: blocks, of which a batch is drawn anew in every step.
type Training struct {
	Net   *Network
	Loss  Loss
	Side  int // of a block, pixels
	Batch int // blocks of a step, spread over the ranks in order
	// Draw makes block i of a step. It depends on its arguments alone, so that the number of ranks has
	// no effect. Steps count from 0; those of the validation are negative.
	Draw       func(step, i int, b *Block[float32])
	Validation int  // blocks of the validation; 0 = none
	Every      int  // steps between two validations
	Placed     bool // Draw makes blocks whose pixels have places of their own
	Patience   int  // validations without a better one after which the training ends; 0 = never
}

// Curve is what the validations of a training have found; the same on all ranks.
type Curve struct {
	Steps  []int
	Losses []float64
	Best   []float64 // parameters with the smallest loss
}

// Least is the smallest loss and its place.
func (c *Curve) Least() (at int, loss float64) {
	loss = math.Inf(1)
	for i, v := range c.Losses {
		if v < loss {
			at, loss = i, v
		}
	}
	return at, loss
}

// Train minimises the mean loss from the parameters start on. curve holds what validations
// have found so far, where the training goes on from a state. With validation the parameters of the
// result are those with the smallest loss of it. Collective, with the results of train.Run.
func (t *Training) Train(ctx context.Context, comm ranks.Comm, start []float64, curve *Curve, o train.Options) (*train.Result, error) {
	e, err := NewLearner[float32](t.Net, t.Loss)
	if err == nil && (t.Side < 1 || t.Batch < 1 || t.Draw == nil || t.Validation > 0 && t.Every < 1) {
		err = fmt.Errorf("mlpatch: batches of %d blocks of %d pixels, validation every %d steps: want 1 or more of each", t.Batch, t.Side, t.Every)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	b := NewBlock[float32](t.Net, t.Side)
	if t.Placed {
		b = NewPlacedBlock[float32](t.Net, t.Side)
	}
	step, fresh := 0, false
	p := &train.Problem{Start: start, Items: t.Batch, Begin: func(s int) { step, fresh = s, false }}
	p.Gradient = func(item int, theta, g []float64) (float64, error) {
		if !fresh {
			e.Take(theta)
			fresh = true
		}
		t.Draw(step, item, b)
		return e.Loss(b, g), nil
	}
	o.Batch = 0
	if t.Validation > 0 {
		o.Enough = func(s *train.State) (bool, error) {
			if s.Step%t.Every != 0 && s.Step != o.Steps || len(curve.Steps) > 0 && curve.Steps[len(curve.Steps)-1] >= s.Step {
				return false, nil
			}
			loss, err := t.validate(comm, e, b, s.Theta)
			if err != nil {
				return false, err
			}
			if _, least := curve.Least(); loss < least {
				curve.Best = append(curve.Best[:0], s.Theta...)
			}
			curve.Steps, curve.Losses = append(curve.Steps, s.Step), append(curve.Losses, loss)
			at, _ := curve.Least()
			return t.Patience > 0 && len(curve.Losses)-1-at >= t.Patience, nil
		}
	}
	r, err := train.Run(ctx, comm, p, o)
	if err == nil && len(curve.Best) > 0 {
		r.Theta = curve.Best
	}
	return r, err
}

// validate is the mean loss of the blocks of the validation. Collective.
func (t *Training) validate(comm ranks.Comm, e *Learner[float32], b *Block[float32], theta []float64) (float64, error) {
	lo, hi := halo.Split(t.Validation, comm.Size(), comm.Rank())
	all := make([]float64, t.Validation)
	e.Take(theta)
	for i := lo; i < hi; i++ {
		t.Draw(-1, i, b)
		all[i] = e.Loss(b, nil)
	}
	if err := comm.Allreduce(all, all, ranks.Sum); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(t.Validation), nil
}
