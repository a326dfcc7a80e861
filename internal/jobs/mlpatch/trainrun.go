package mlpatch

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/checkpoint"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/train"
)

// trainRun is the state of one rank of an mlpatch-train job.
type trainRun struct {
	*lifecycle.Run
	c     *trainSettings
	m     *trainMetrics
	net   *mlpatch.Network
	set   *mlpatch.Noisy
	curve mlpatch.Curve
	model learned
	kept  *lifecycle.Checkpoints
	saved float64 // when the last checkpoint was taken, by this rank's clock
}

func (r *trainRun) run(ctx context.Context) (err error) {
	start := r.Comm.Wtime()
	r.Progress.Phase("pictures")
	r.net = r.c.network()
	if r.set, r.model.Scale, err = r.c.set(ctx, r.Comm); err != nil {
		return err
	}
	if err := r.describe(); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := r.train(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	if err := r.validate(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.kept.Stopped(err)
	}
	return r.write()
}

// describe fills the description of the model but for what training finds. Collective.
func (r *trainRun) describe() error {
	seen, err := see(r.Comm, r.set)
	if err != nil {
		return err
	}
	d := r.set
	count := len(d.Pictures) - d.Kept
	if path := r.c.Data.Truth; path != "" && r.Comm.Rank() == 0 {
		r.Took(lifecycle.Input{
			File: path, Part: "npy", Axes: fmt.Sprintf("%d pictures of %d rows x %d columns", len(d.Pictures), d.Rows, d.Cols),
			Missing: "no value missing", Units: fmt.Sprintf("largest value %.6g", r.model.Scale),
		})
	}
	m := &r.model
	m.seen = *seen
	m.about = about{
		Network: *r.net, Scale: m.Scale, Low: d.Low, High: d.High, Pictures: count, Rows: d.Rows, Cols: d.Cols,
		Digest: digest(d), Farthest: seen.Farthest, Loss: r.c.MLPatch.Loss,
	}
	r.m.Pictures, r.m.Rows, r.m.Cols, r.m.Parameters = count, d.Rows, d.Cols, r.net.Parameters()
	r.m.Operations, r.m.Digest, r.m.Scale = r.net.Operations(), m.Digest, lifecycle.Number(m.Scale)
	return nil
}

// keptState is what a checkpoint holds.
type keptState struct {
	Digest string
	State  train.State
	Curve  mlpatch.Curve
}

// train learns the parameters, from the checkpoint if the run resumes one. Collective.
func (r *trainRun) train(ctx context.Context) error {
	s := &r.c.MLPatch
	r.kept = lifecycle.NewCheckpoints(r.Run, "mlpatch-train")
	from, err := r.kept.Begin(r.Resume)
	if err != nil {
		return err
	}
	o := train.Options{Rate: s.Rate, Cosine: true, Steps: s.Steps, Each: r.each}
	if from != nil {
		var k keptState
		if err := json.Unmarshal(from.Meta, &k); err != nil {
			return fmt.Errorf("the checkpoint in %s: %w", r.c.Output.Dir, err)
		}
		if k.Digest != r.model.Digest {
			return fmt.Errorf("the checkpoint in %s is of other pictures or other noise: run with the config and the files of then, or begin anew with -force", r.c.Output.Dir)
		}
		o.From, r.curve = &k.State, k.Curve
	}
	if r.Comm.Rank() == 0 {
		o.Progress = func(step, of int, loss float64) {
			r.Progress.Count("training", step, of, fmt.Sprintf("loss %.4g", loss))
			if step%s.Every == 0 || step == of {
				r.Log.Info("step", "step", step, "loss", lifecycle.Number(loss))
			}
		}
	}
	r.saved = r.Comm.Wtime()
	begin := r.saved
	stop := ranks.Measure(r.Comm)
	t := &mlpatch.Training{Net: r.net, Loss: mlpatch.Loss(s.Loss), Side: s.Block, Batch: s.Batch, Draw: r.set.Draw, Every: s.Every, Patience: s.Patience}
	if r.set.Kept > 0 {
		t.Validation = s.Blocks
	}
	result, err := t.Train(ctx, r.Comm, r.net.Start(r.c.Seed), &r.curve, o)
	work := stop()
	if err != nil {
		if result != nil { // told to stop
			if e := r.keep(result.State); e != nil {
				return e
			}
		}
		return err
	}
	lo, hi := halo.Split(s.Batch, r.Comm.Size(), r.Comm.Rank())
	blocks := float64(hi - lo)
	if r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, blocks, 0, blocks); err != nil {
		return err
	}
	sent := []float64{float64(work.BytesSent)}
	if err := r.Comm.Allreduce(sent, sent, ranks.Sum); err != nil {
		return err
	}
	r.m.BytesSent, r.m.Seconds.Train = int64(sent[0]), r.Comm.Wtime()-begin
	r.m.Losses, r.m.Steps = result.Losses, result.Steps
	m := &r.model
	m.theta, m.Steps, m.Reached = result.Theta, result.Steps, result.Losses[len(result.Losses)-1]
	for i, v := range m.theta {
		m.theta[i] = float64(float32(v)) // as they are used
	}
	if r.m.Curve = curveOf(&r.curve); r.m.Curve != nil {
		m.Reached = float64(r.m.Curve.Best)
	}
	return nil
}

// each keeps a checkpoint when rank 0's clock says so. Collective.
func (r *trainRun) each(s *train.State) error {
	if r.c.Checkpoint.Every == 0 {
		return nil
	}
	due := 0
	if now := r.Comm.Wtime(); now-r.saved >= r.c.Checkpoint.Every {
		due, r.saved = 1, now
	}
	if err := ranks.Share(r.Comm, &due); err != nil || due == 0 {
		return err
	}
	return r.keep(s)
}

// keep saves a state, which all ranks hold. Collective.
func (r *trainRun) keep(s *train.State) error {
	text, err := json.Marshal(keptState{r.model.Digest, *s, r.curve})
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	return r.kept.Keep(&checkpoint.Snapshot{Meta: text, RecordBytes: 8, Fill: func(int, []byte) {}})
}

// forTest is the purpose of the noise of the pictures of the validation.
const forTest = 33

// validate takes the noise out of the pictures that were not learned from, at three levels of noise,
// a part of the pictures on each rank. Collective.
func (r *trainRun) validate(ctx context.Context) error {
	d := r.set
	if d.Kept == 0 {
		return nil
	}
	alone, err := r.Comm.Split(r.Comm.Rank(), 0)
	if err != nil {
		return err
	}
	levels := []float64{d.Low, (d.Low + d.High) / 2, d.High}
	sums := make([]float64, 2*len(levels))
	test := func() error {
		frame, err := halo.Decompose([]int{d.Rows, d.Cols}, 1)
		if err != nil {
			return err
		}
		f, err := mlpatch.NewField(alone, r.net, r.model.theta, frame, halo.Reflect, false)
		if err != nil {
			return err
		}
		lo, hi := halo.Split(d.Kept, r.Comm.Size(), r.Comm.Rank())
		x, y := make([]float64, d.Rows*d.Cols), make([]float64, d.Rows*d.Cols)
		for k := lo; k < hi; k++ {
			truth := d.Pictures[len(d.Pictures)-d.Kept+k]
			for l, level := range levels {
				if err := ctx.Err(); err != nil {
					return err
				}
				draw := random.New(r.c.Seed, forTest, uint64(k), uint64(l))
				for i, v := range truth {
					x[i] = float64(v) + level*draw.Normal(uint64(i))
				}
				if err := f.Apply(y, x, []float64{level}); err != nil {
					return err
				}
				sums[2*l] += psnr(x, truth) / float64(d.Kept)
				sums[2*l+1] += psnr(y, truth) / float64(d.Kept)
			}
		}
		return nil
	}
	if err := ranks.AgreeError(r.Comm, test()); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	for l, level := range levels {
		r.m.Validation = append(r.m.Validation, validation{lifecycle.Number(level), lifecycle.Number(sums[2*l]), lifecycle.Number(sums[2*l+1])})
	}
	return nil
}

// psnr is 10 log10(1 / mean squared error), dB: the largest true value is 1.
func psnr(x []float64, truth []float32) float64 {
	sum := 0.0
	for i, v := range truth {
		d := x[i] - float64(v)
		sum += d * d
	}
	return 10 * math.Log10(float64(len(truth))/max(sum, 1e-30))
}
