package tppa

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"tessera/internal/checkpoint"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/train"
)

// trainMetrics is metrics.json of a tppa-train job.
type trainMetrics struct {
	lifecycle.Record

	Pictures   int              `json:"pictures"` // learned from
	Rows       int              `json:"rows"`
	Cols       int              `json:"cols"`
	Parameters int              `json:"parameters"`
	Method     string           `json:"method"`
	Steps      int              `json:"steps"`
	Digest     string           `json:"digest"`
	Scale      lifecycle.Number `json:"scale"`
	Losses     lifecycle.Series `json:"losses"`
	Gammas     lifecycle.Series `json:"gammas"`
	Validation *validation      `json:"validation,omitempty"`
	Seconds    trainSeconds     `json:"seconds"`
	BytesSent  int64            `json:"bytes_sent"`
	Memory     float64          `json:"peak_memory_mb"`
}

// validation are mean SNR over pictures that were not learned from, in dB.
type validation struct {
	Pictures int              `json:"pictures"`
	Observed lifecycle.Number `json:"snr_observed_db"`
	Identity lifecycle.Number `json:"snr_identity_db"` // the network before training
	Trained  lifecycle.Number `json:"snr_trained_db"`
}

type trainSeconds struct {
	Read  float64 `json:"read"` // or simulate
	Train float64 `json:"train"`
	Total float64 `json:"total"`
}

// trainRun is the state of one rank of a tppa-train job.
type trainRun struct {
	*lifecycle.Run
	c     *trainSettings
	m     *trainMetrics
	net   *tppa.Network
	learn *tppa.Training
	model learned
	kept  *lifecycle.Checkpoints
	saved float64 // when the last checkpoint was taken, by this rank's clock
}

func (r *trainRun) run(ctx context.Context) (err error) {
	start := r.Comm.Wtime()
	r.Progress.Phase("pictures")
	if r.net, err = r.c.network(); err != nil {
		return err
	}
	var test *tppa.Training
	if r.learn, test, r.model.psf, r.model.Scale, err = r.c.sets(ctx, r.Comm); err != nil {
		return err
	}
	if err := r.describe(); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := r.train(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	if err := r.validate(test); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.kept.Stopped(err)
	}
	return r.write()
}

// describe fills the description of the model but for what training finds. Collective.
func (r *trainRun) describe() error {
	digest, err := r.learn.Digest(r.Comm)
	if err != nil {
		return err
	}
	seen, err := r.learn.Look(r.Comm)
	if err != nil {
		return err
	}
	var rows, cols int
	if err := ranks.OnRoot(r.Comm, func() (err error) { _, rows, cols, err = r.c.shape(); return err }); err != nil {
		return err
	}
	if path := r.c.Data.Truth; path != "" && r.Comm.Rank() == 0 {
		r.Took(lifecycle.Input{
			File: path, Part: "npy", Axes: axesOfPictures(r.learn.Count+r.c.Data.Validation, rows, cols),
			Missing: "no value missing", Units: fmt.Sprintf("largest value %.6g", r.model.Scale),
		})
	}
	m := &r.model
	m.seen = *seen
	m.about = about{
		Network: *r.net, Scale: m.Scale, SNR: r.c.Noise.SNR, Border: r.c.TPPA.Border, PSFRows: m.psf.Rows, PSFCols: m.psf.Cols,
		Pictures: r.learn.Count, Rows: rows, Cols: cols, Digest: digest, Farthest: seen.Farthest, Method: r.c.TPPA.Method,
	}
	r.m.Pictures, r.m.Rows, r.m.Cols, r.m.Parameters = r.learn.Count, rows, cols, r.net.Parameters()
	r.m.Digest, r.m.Scale = digest, lifecycle.Number(m.Scale)
	return nil
}

// keptState is what a checkpoint holds.
type keptState struct {
	Digest string
	State  train.State
}

// train learns the parameters, from the checkpoint if the run resumes one. Collective.
func (r *trainRun) train(ctx context.Context) error {
	s := &r.c.TPPA
	r.kept = lifecycle.NewCheckpoints(r.Run, "tppa-train")
	from, err := r.kept.Begin(r.Resume)
	if err != nil {
		return err
	}
	o := train.Options{Method: train.Method(s.Method), Rate: s.Rate, Steps: s.Steps, Batch: s.Batch, Seed: r.c.Seed, Each: r.each}
	if from != nil {
		var k keptState
		if err := json.Unmarshal(from.Meta, &k); err != nil {
			return fmt.Errorf("the checkpoint in %s: %w", r.c.Output.Dir, err)
		}
		if k.Digest != r.model.Digest {
			return fmt.Errorf("the checkpoint in %s is of other pictures: run with the config and the files of then, or begin anew with -force", r.c.Output.Dir)
		}
		o.From = &k.State
	}
	if r.Comm.Rank() == 0 {
		o.Progress = func(step, of int, loss float64) {
			r.Progress.Count("training", step, of, fmt.Sprintf("loss %.4g", loss))
			r.Log.Info("step", "step", step, "loss", lifecycle.Number(loss))
		}
	}
	r.saved = r.Comm.Wtime()
	begin := r.saved
	stop := ranks.Measure(r.Comm)
	result, err := r.learn.Train(ctx, r.Comm, r.net.Identity(), o)
	work := stop()
	if err != nil {
		if result != nil { // told to stop
			if e := r.keep(result.State); e != nil {
				return e
			}
		}
		return err
	}
	pictures := float64(len(r.learn.Pairs))
	if r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, pictures, 0, pictures); err != nil {
		return err
	}
	sent := []float64{float64(work.BytesSent)}
	if err := r.Comm.Allreduce(sent, sent, ranks.Sum); err != nil {
		return err
	}
	r.m.BytesSent, r.m.Seconds.Train = int64(sent[0]), r.Comm.Wtime()-begin
	r.m.Losses, r.m.Steps = result.Losses, result.Steps
	r.model.theta, r.model.Steps, r.model.Loss = result.Theta, result.Steps, result.Losses[len(result.Losses)-1]
	for t := range r.net.Layers {
		gamma, _ := r.net.Step(result.Theta, t)
		r.m.Gammas = append(r.m.Gammas, gamma)
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
	text, err := json.Marshal(keptState{r.model.Digest, *s})
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	return r.kept.Keep(&checkpoint.Snapshot{Meta: text, RecordBytes: 8, Fill: func(int, []byte) {}})
}

// validate restores the pictures that were not learned from. Collective.
func (r *trainRun) validate(test *tppa.Training) error {
	if test.Count == 0 {
		return nil
	}
	sums := make([]float64, 3)
	restore := func() error {
		for _, p := range test.Pairs {
			before, err := test.Run.Restore(r.net.Identity(), p.Data)
			if err != nil {
				return err
			}
			after, err := test.Run.Restore(r.model.theta, p.Data)
			if err != nil {
				return err
			}
			for i, x := range [][]float64{p.Data, before, after} {
				sums[i] += snr(x, p.Truth) / float64(test.Count)
			}
		}
		return nil
	}
	if err := ranks.AgreeError(r.Comm, restore()); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	n := func(i int) lifecycle.Number { return lifecycle.Number(sums[i]) }
	r.m.Validation = &validation{test.Count, n(0), n(1), n(2)}
	return nil
}

// snr is 10 log10(||truth||^2 / ||x - truth||^2), dB.
func snr(x, truth []float64) float64 {
	a, b := 0.0, 0.0
	for i, v := range truth {
		a += v * v
		b += (x[i] - v) * (x[i] - v)
	}
	return 10 * math.Log10(a/b)
}

// trainFiles are those that a run may leave.
func trainFiles() []string {
	return []string{"model.npz", "parameters.npy", "losses.png", "losses.svg", "functions.png", "functions.svg"}
}

// write leaves the model, pictures and metrics.json. Collective.
func (r *trainRun) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			return ranks.OnRoot(r.Comm, func() error {
				if err := r.model.write(r.Path("model.npz")); err != nil {
					return err
				}
				if err := imageio.WriteNpy(r.Path("parameters.npy"), []int{len(r.model.theta)}, r.model.theta); err != nil || !r.c.Output.Pictures {
					return err
				}
				return r.plots()
			})
		},
		Metrics: func(total, memory float64) any {
			r.m.Memory, r.m.Seconds.Total = memory, total
			return r.m
		},
		Remove:  r.kept.Remove,
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// plots draws the losses and the learned functions minus the identity. Rank 0 alone.
func (r *trainRun) plots() error {
	loss := report.Series{Name: "training"}
	for i, v := range r.m.Losses {
		loss.X, loss.Y = append(loss.X, float64(i+1)), append(loss.Y, v)
	}
	if err := both(&report.Plot{Title: "training of " + r.m.Method, X: "step", Y: "mean of 1/2 ||x - truth||^2", LogY: true, Series: []report.Series{loss}}, r.Path, "losses"); err != nil {
		return err
	}
	p := &report.Plot{Title: "learned functions of the row differences", X: "coefficient u (largest true value = 1)", Y: "phi(u) - u"}
	for t := range r.net.Layers {
		if t > 0 && r.net.Shared {
			break
		}
		s := report.Series{Name: fmt.Sprintf("layer %d", t+1)}
		g := r.net.Difference
		for i := range 121 {
			u := g.Low + (g.High-g.Low)*float64(i)/120
			s.X, s.Y = append(s.X, u), append(s.Y, r.net.Function(r.model.theta, t, 1, u)-u)
		}
		if t == 0 || t == r.net.Layers/2 || t == r.net.Layers-1 {
			p.Series = append(p.Series, s)
		}
	}
	return both(p, r.Path, "functions")
}

func both(p *report.Plot, path func(string) string, name string) error {
	for _, end := range []string{".png", ".svg"} {
		if err := p.Write(path(name + end)); err != nil {
			return err
		}
	}
	return nil
}

// summary writes the short table at the end of a run.
func (m *trainMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("pictures", "%d of %d x %d pixels, largest value %.4g", m.Pictures, m.Rows, m.Cols, m.Scale)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("model", "%d parameters, %s, %d steps", m.Parameters, m.Method, m.Steps)
	row("loss", "%.4g before, %.4g in the last step", m.Losses[0], m.Losses[len(m.Losses)-1])
	if v := m.Validation; v != nil {
		row("SNR", "%.2f dB observed, %.2f dB before training, %.2f dB trained (%d pictures that were not learned from)", v.Observed, v.Identity, v.Trained, v.Pictures)
	}
	row("seconds", "%.2f training, %.2f in all", m.Seconds.Train, m.Seconds.Total)
	row("written to", "%s", dir)
	return t.Flush()
}
