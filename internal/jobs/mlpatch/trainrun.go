package mlpatch

import (
	"context"
	"math"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/train"
)

// trainRun is the state of one rank of an mlpatch-train job.
type trainRun struct {
	training.Run
	c     *trainSettings
	m     *trainMetrics
	net   *mlpatch.Network
	set   *mlpatch.Noisy
	curve mlpatch.Curve
	model learned
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
		return r.Stopped(err)
	}
	if err := r.validate(ctx); err != nil {
		return r.Stopped(err)
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.Stopped(err)
	}
	return r.write()
}

// describe fills the description of the model but for what training finds. Collective.
func (r *trainRun) describe() error {
	d := r.set
	count := len(d.Pictures) - d.Kept
	seen, err := see(r.Comm, d.Pictures[:count], d.Rows, d.Cols)
	if err != nil {
		return err
	}
	m := &r.model
	m.seen = *seen
	m.about = about{
		Network: *r.net, Scale: m.Scale, Low: d.Low, High: d.High, Pictures: count, Rows: d.Rows, Cols: d.Cols,
		Digest: digest(d.Pictures, d.Low, d.High, float64(d.Kept)), Farthest: seen.Farthest, Loss: r.c.MLPatch.Loss,
	}
	r.m.Operations = r.net.Operations()
	r.Describe(r.c.pictures(), len(d.Pictures), d.Rows, d.Cols, r.net.Parameters(), m.Scale)
	return nil
}

// train learns the parameters, from the checkpoint if the run resumes one. Collective.
func (r *trainRun) train(ctx context.Context) error {
	s := &r.c.MLPatch
	from, err := r.Begin(r.model.Digest, &r.curve)
	if err != nil {
		return err
	}
	o := r.Options(train.Options{Rate: s.Rate, Cosine: true, Steps: s.Steps, From: from}, s.Every)
	t := &mlpatch.Training{Net: r.net, Loss: mlpatch.Loss(s.Loss), Side: s.Block, Batch: s.Batch, Draw: r.set.Draw, Every: s.Every, Patience: s.Patience}
	if r.set.Kept > 0 {
		t.Validation = s.Blocks
	}
	lo, hi := halo.Split(s.Batch, r.Comm.Size(), r.Comm.Rank())
	result, err := r.Learn(float64(hi-lo), func() (*train.Result, error) {
		return t.Train(ctx, r.Comm, r.net.Start(r.c.Seed), &r.curve, o)
	})
	if err != nil {
		return err
	}
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
		f, err := mlpatch.NewField(alone, r.net, r.model.theta, frame, halo.Reflect, 1)
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
		r.m.Validation = append(r.m.Validation, training.Validation{
			Pictures: d.Kept, Noise: lifecycle.Some(level),
			Quality: map[string]*lifecycle.Quality{lifecycle.ObservedColumn: {PSNR: lifecycle.Some(sums[2*l])}, lifecycle.AnswerColumn: {PSNR: lifecycle.Some(sums[2*l+1])}},
		})
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
