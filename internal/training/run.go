package training

import (
	"cmp"
	"encoding/json"
	"fmt"

	"tessera/internal/checkpoint"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/train"
)

// Run is a training on one rank.
type Run struct {
	*lifecycle.Run
	Kind    string     // of the job
	Every   float64    // seconds between checkpoints; 0 = only when it is told to stop
	Metrics *Metrics   // what metrics.json says of it
	Work    ranks.Work // of Learn, on this rank

	digest string
	extra  any // what a checkpoint holds beside the optimiser's state
	kept   *lifecycle.Checkpoints
	saved  float64 // when the last checkpoint was taken, by this rank's clock
}

// state is what a checkpoint holds.
type state struct {
	Digest string
	State  train.State
	Extra  json.RawMessage `json:",omitempty"`
}

// Describe keeps in the metrics what is learned from.
func (r *Run) Describe(p Pictures, count, rows, cols, parameters int, scale float64) {
	if p.Truth != "" && r.Comm.Rank() == 0 {
		r.Took(p.took(count, rows, cols, scale))
	}
	m := r.Metrics
	m.Source = cmp.Or(p.Truth, "simulated cells")
	m.Pictures, m.Rows, m.Cols, m.Parameters, m.Scale = count-p.Validation, rows, cols, parameters, lifecycle.Number(scale)
}

// Begin finds the checkpoint if the run resumes one, and returns the state to go on from; nil
// = the start. A checkpoint of another training set, by its digest, is refused. extra points to
// what else belongs to the state and is set; nil = nothing.
func (r *Run) Begin(digest string, extra any) (*train.State, error) {
	r.digest, r.extra, r.Metrics.Digest = digest, extra, digest
	r.kept = lifecycle.NewCheckpoints(r.Run, r.Kind)
	from, err := r.kept.Begin(r.Resume)
	if err != nil || from == nil {
		return nil, err
	}
	var s state
	err = json.Unmarshal(from.Meta, &s)
	if err == nil && s.Digest == digest && extra != nil {
		err = json.Unmarshal(s.Extra, extra)
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint in %s: %w", r.Dir, err)
	}
	if s.Digest != digest {
		return nil, fmt.Errorf("the checkpoint in %s is of other pictures or other noise: run with the config and the files of then, or begin anew with -force", r.Dir)
	}
	return &s.State, nil
}

// Options adds to o what keeps checkpoints and tells of the progress; the log has a line every
// few steps.
func (r *Run) Options(o train.Options, every int) train.Options {
	o.Each = r.each
	if r.Comm.Rank() == 0 {
		o.Progress = func(step, of int, loss float64) {
			r.Progress.Count("training", step, of, fmt.Sprintf("loss %.4g", loss))
			if step%every == 0 || step == of {
				r.Log.Info("step", "step", step, "loss", lifecycle.Number(loss))
			}
		}
	}
	return o
}

// Learn measures a training that has the options of Options. items is what this rank has of
// the work, for the balance of the ranks. A training that is told to stop leaves a checkpoint.
func (r *Run) Learn(items float64, learn func() (*train.Result, error)) (*train.Result, error) {
	r.saved = r.Comm.Wtime()
	begin := r.saved
	stop := ranks.Measure(r.Comm)
	result, err := learn()
	work := stop()
	r.Work = work
	if err != nil {
		if result != nil { // told to stop
			if e := r.keep(result.State); e != nil {
				return nil, e
			}
		}
		return nil, err
	}
	m := r.Metrics
	if m.RanksDid, err = lifecycle.Accounts(r.Comm, work, items, 0, items); err != nil {
		return nil, err
	}
	m.Seconds.Solve = r.Comm.Wtime() - begin
	m.Losses, m.Iterations = result.Losses, result.Steps
	return result, nil
}

// Stopped adds to the error of a run that was told to stop where its checkpoint is.
func (r *Run) Stopped(err error) error {
	if r.kept == nil {
		return err
	}
	return r.kept.Stopped(err)
}

// Remove deletes the checkpoint of a training whose result is written; without a training nothing. Rank 0 alone.
func (r *Run) Remove() error {
	if r.kept == nil {
		return nil
	}
	return r.kept.Remove()
}

// each keeps a checkpoint when rank 0's clock says so.
func (r *Run) each(s *train.State) error {
	if r.Every == 0 {
		return nil
	}
	due := 0
	if now := r.Comm.Wtime(); now-r.saved >= r.Every {
		due, r.saved = 1, now
	}
	if err := ranks.Share(r.Comm, &due); err != nil || due == 0 {
		return err
	}
	return r.keep(s)
}

// keep saves a state, which all ranks hold.
func (r *Run) keep(s *train.State) error {
	k := state{Digest: r.digest, State: *s}
	var err error
	if r.extra != nil {
		k.Extra, err = json.Marshal(r.extra)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(k)
	}
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	return r.kept.Keep(&checkpoint.Snapshot{Meta: text, RecordBytes: 8, Fill: func(int, []byte) {}})
}
