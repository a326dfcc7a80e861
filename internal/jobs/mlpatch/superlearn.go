package mlpatch

import (
	"context"
	"math"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/train"
)

// teach sets the model to one that is learned from the pictures, from the checkpoint if the run resumes one. Collective.
func (r *superRun) teach(ctx context.Context) error {
	c, s := r.c, &r.c.Superres
	begin := r.Comm.Wtime()
	r.Progress.Phase("pictures")
	d := &mlpatch.Shrunk{Kept: c.Data.Validation, Low: s.Low, High: s.High, Noise: s.Noise, Seed: c.Seed}
	m := &upscaler{}
	var err error
	if d.Pictures, d.Rows, d.Cols, m.Scale, err = readPictures(ctx, r.Comm, c.pictures()); err != nil {
		return err
	}
	if err := d.Check(c.MLPatch.Block); err != nil {
		return err
	}
	count := len(d.Pictures) - d.Kept
	seen, err := see(r.Comm, d.Pictures[:count], d.Rows, d.Cols)
	if err != nil {
		return err
	}
	net := c.MLPatch.network(1, 1)
	m.seen = *seen
	m.aboutUpscaler = aboutUpscaler{
		Network: *net, Scale: m.Scale, Low: d.Low, High: d.High, Noise: d.Noise, Pictures: count, Rows: d.Rows, Cols: d.Cols,
		Digest: digest(d.Pictures, d.Low, d.High, d.Noise, float64(d.Kept)), Farthest: seen.Farthest, Loss: c.MLPatch.Loss,
	}
	r.learn.Describe(c.pictures(), len(d.Pictures), d.Rows, d.Cols, net.Parameters(), m.Scale)
	r.m.Seconds.Read += r.Comm.Wtime() - begin
	var curve mlpatch.Curve
	result, err := teachNetwork(ctx, &r.learn, &c.MLPatch, net, m.Digest, c.Seed, &curve, func(t *mlpatch.Training) {
		t.Placed, t.Draw = true, d.Draw
		if d.Kept > 0 {
			t.Validation = c.MLPatch.Blocks
		}
	})
	if err != nil {
		return err
	}
	m.theta, m.Steps, m.Reached = result.Theta, result.Steps, result.Losses[len(result.Losses)-1]
	a := r.learn.Metrics
	r.m.Training = &learnMetrics{Pictures: count, Rows: d.Rows, Cols: d.Cols, Steps: a.Iterations, Losses: a.Losses, Curve: curveOf(&curve), Seconds: lifecycle.Number(a.Seconds.Solve)}
	if at := r.m.Training.Curve; at != nil {
		m.Reached = float64(at.Best)
	}
	r.model = m
	return r.test(ctx, d)
}

// teachNetwork learns the parameters of a network as a section says, from the checkpoint if the run resumes one of this
// digest. set says what the blocks are. The parameters are those of float32, as they are used. Collective.
func teachNetwork(ctx context.Context, learn *training.Run, s *trainSection, net *mlpatch.Network, digest string, seed uint64, curve *mlpatch.Curve, set func(*mlpatch.Training)) (*train.Result, error) {
	from, err := learn.Begin(digest, curve)
	if err != nil {
		return nil, err
	}
	o := learn.Options(train.Options{Rate: s.Rate, Cosine: true, Steps: s.Steps, From: from}, s.Every)
	t := &mlpatch.Training{Net: net, Loss: mlpatch.Loss(s.Loss), Side: s.Block, Batch: s.Batch, Every: s.Every, Patience: s.Patience}
	set(t)
	lo, hi := halo.Split(s.Batch, learn.Comm.Size(), learn.Comm.Rank())
	result, err := learn.Learn(float64(hi-lo), func() (*train.Result, error) {
		return t.Train(ctx, learn.Comm, net.Start(seed), curve, o)
	})
	if err != nil {
		return nil, err
	}
	for i, v := range result.Theta {
		result.Theta[i] = float64(float32(v))
	}
	return result, nil
}

// test enlarges the coarse forms of the pictures that were not learned from, a part of the pictures on each rank, at the
// scales of superres.tests. Collective.
func (r *superRun) test(ctx context.Context, d *mlpatch.Shrunk) error {
	scales := r.c.Superres.Tests
	if d.Kept == 0 || len(scales) == 0 {
		return nil
	}
	alone, err := r.Comm.Split(r.Comm.Rank(), 0)
	if err != nil {
		return err
	}
	sums := make([]float64, 2*len(scales))
	compare := func() error {
		lo, hi := halo.Split(d.Kept, r.Comm.Size(), r.Comm.Rank())
		x := make([]float64, d.Rows*d.Cols)
		for k := lo; k < hi; k++ {
			for i, v := range d.Pictures[len(d.Pictures)-d.Kept+k] {
				x[i] = float64(v)
			}
			for l, scale := range scales {
				if err := ctx.Err(); err != nil {
					return err
				}
				coarse, low, high := mlpatch.Shrink(x, d.Rows, d.Cols, scale)
				frame, err := halo.Decompose(low[:], 1)
				if err != nil {
					return err
				}
				u, err := mlpatch.NewUpscaler(alone, &r.model.Network, r.model.theta, frame, halo.Reflect, scale, 1)
				if err != nil {
					return err
				}
				learned, plain := make([]float64, high[0]*high[1]), make([]float64, high[0]*high[1])
				if err := u.Apply(learned, plain, coarse); err != nil {
					return err
				}
				errors := [2]float64{}
				for i := range learned {
					v := x[i/high[1]*d.Cols+i%high[1]]
					errors[0] += (plain[i] - v) * (plain[i] - v)
					errors[1] += (learned[i] - v) * (learned[i] - v)
				}
				for j, e := range errors {
					sums[2*l+j] += 10 * math.Log10(float64(len(learned))/max(e, 1e-30)) / float64(d.Kept)
				}
			}
		}
		return nil
	}
	if err := ranks.AgreeError(r.Comm, compare()); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	for l, scale := range scales {
		r.m.Validation = append(r.m.Validation, training.Validation{
			Pictures: d.Kept, Scale: lifecycle.Some(scale),
			Quality: map[string]*lifecycle.Quality{cubicColumn: {PSNR: lifecycle.Some(sums[2*l])}, lifecycle.AnswerColumn: {PSNR: lifecycle.Some(sums[2*l+1])}},
		})
	}
	return nil
}
