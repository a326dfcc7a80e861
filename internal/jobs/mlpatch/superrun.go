package mlpatch

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/ranks"
)

// superRun is the state of one rank of an mlpatch-superres job.
type superRun struct {
	frames.Restoration
	c       *superSettings
	m       *superMetrics
	learn   training.Run // the training, where the config names no model
	model   *upscaler
	truth   []float64 // whole, fine, of a simulated frame; nil = not known
	wide    int       // its columns
	learned []float64 // this rank's part of the answer
}

func (r *superRun) run(ctx context.Context) error {
	if !r.c.learns() {
		model, err := readUpscaler(r.c.Superres.Model) // every rank reads it: it is small
		if err := ranks.AgreeError(r.Comm, err); err != nil {
			return err
		}
		r.model = model
		if r.Comm.Rank() == 0 {
			r.Took(model.took(r.c.Superres.Model))
		}
	}
	start := r.Comm.Wtime()
	if err := r.observe(ctx); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	begin, setup := r.Comm.Wtime(), 0.0
	if r.model == nil {
		read := r.m.Seconds.Read
		if err := r.teach(ctx); err != nil {
			return r.learn.Stopped(err)
		}
		setup = r.Comm.Wtime() - begin - (r.m.Seconds.Read - read)
		begin = r.Comm.Wtime()
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.learn.Stopped(err)
	}
	r.Progress.Phase("enlarging")
	stop := ranks.Measure(r.Comm)
	u, plain, err := r.enlarge()
	work := stop().Plus(r.learn.Work)
	if err != nil {
		return err
	}
	if _, err := r.Account(work, setup, r.Comm.Wtime()-begin, u.Reach(), 0); err != nil {
		return err
	}
	r.m.Seconds.Search = 0
	if err := r.settle(ctx, u, plain); err != nil {
		return err
	}
	// The result is there. A cancelled run keeps the earlier result in its directory.
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.learn.Stopped(err)
	}
	if err := r.measure(); err != nil {
		return err
	}
	return r.write()
}

// observe reads the frame, or makes a coarse one of a picture that is not learned from. Collective.
func (r *superRun) observe(ctx context.Context) error {
	c := r.c
	channels, rows, cols, err := 0, 0, 0, error(nil)
	if err := ranks.OnRoot(r.Comm, func() error { channels, rows, cols, err = c.coarse(); return err }); err != nil {
		return err
	}
	if err := ranks.Share(r.Comm, &channels, &rows, &cols); err != nil {
		return err
	}
	values := float64(channels) * float64(rows) * float64(cols)
	fine := values * c.Superres.Scale * c.Superres.Scale
	// The frame twice, the answer and the cubic interpolation; rank 0 a whole one.
	bytes := 8 * (2*values + 3*fine) / float64(r.Comm.Size())
	if r.Comm.Rank() == 0 {
		bytes += 8 * fine
	}
	if err := lifecycle.CheckRoom(r.Comm, bytes, "the size of the frame, or superres.scale"); err != nil {
		return err
	}
	if c.Image.Path != "" {
		return r.Observe(ctx, c.source(), forward.PSF{}, false, c.Output.Gather)
	}
	p := c.pictures()
	count, high, wide, err := p.SharedShape(r.Comm)
	if err != nil {
		return err
	}
	if p.Truth != "" {
		count-- // the last one of the file
	}
	list, err := p.Draw(ctx, count, count+1, high, wide) // every rank draws it
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	picture := list[0]
	r.truth, r.wide = picture, wide
	r.m.Source, r.m.Gathered = "simulated cells", true
	if p.Truth != "" {
		r.m.Source = "the last picture of " + p.Truth
	}
	r.m.Source += fmt.Sprintf(", shrunk by %g", c.Superres.Scale)
	coarse, low, _ := mlpatch.Shrink(picture, high, wide, c.Superres.Scale)
	frame, err := halo.Decompose(low[:], r.Comm.Size())
	if err != nil {
		return err
	}
	r.Obs = &frames.Observation{Channels: 1, Frame: frame}
	if r.Obs.Data, err = frame.ScatterFrom(r.Comm, 0, coarse, 1); err != nil {
		return err
	}
	r.m.Channels, r.m.Rows, r.m.Cols = 1, low[0], low[1]
	return nil
}

// enlarge sets r.learned, and returns the cubic interpolation. Channels of which nothing was observed are NaN.
// Collective.
func (r *superRun) enlarge() (u *mlpatch.Upscaler, plain []float64, err error) {
	o, s := r.Obs, &r.c.Superres
	border := frames.Borders[s.Border]
	u, err = mlpatch.NewUpscaler(r.Comm, &r.model.Network, r.model.theta, o.Frame, border, s.Scale, int(s.Average))
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return nil, nil, err
	}
	x, err := fill(r.Comm, o, border)
	if err != nil {
		return nil, nil, err
	}
	for i := range x {
		x[i] /= r.model.Scale
	}
	counts, err := o.Observed(r.Comm)
	if err != nil {
		return nil, nil, err
	}
	n, fine := len(x)/o.Channels, u.Frame().Owned(r.Comm.Rank()).Size()
	r.learned, plain = make([]float64, o.Channels*fine), make([]float64, o.Channels*fine)
	for c := range o.Channels {
		if err := u.Apply(r.learned[c*fine:(c+1)*fine], plain[c*fine:(c+1)*fine], x[c*n:(c+1)*n]); err != nil {
			return nil, nil, err
		}
		if counts[c] == 0 {
			for i := c * fine; i < (c+1)*fine; i++ {
				r.learned[i], plain[i] = math.NaN(), math.NaN()
			}
		}
	}
	return u, plain, nil
}

// settle judges the answer, brings it into the unit of the frame and puts the fine grid in the place of the coarse one. Collective.
func (r *superRun) settle(ctx context.Context, u *mlpatch.Upscaler, plain []float64) error {
	coarse, m := r.Obs, r.m
	m.Scale, m.CoarseRows, m.CoarseCols = lifecycle.Number(r.c.Superres.Scale), m.Rows, m.Cols
	high := &frames.Observation{Channels: coarse.Channels, Frame: u.Frame(), Data: plain, Source: coarse.Source, FITS: coarse.FITS}
	m.Rows, m.Cols = high.Shape()
	histogram, err := mlpatch.Histogram(r.Comm, high.Frame, high.Channels, r.learned)
	if err != nil {
		return err
	}
	score, strange, err := r.model.seen.Score(histogram)
	if err != nil {
		return err
	}
	m.Model = upscalerMetrics{
		Path: r.c.Superres.Model, Digest: r.model.Digest, Parameters: r.model.Network.Parameters(), Peak: lifecycle.Number(r.model.Scale),
		Low: lifecycle.Number(r.model.Low), High: lifecycle.Number(r.model.High), Outside: r.model.outside(r.c.Superres.Scale),
		Score: lifecycle.Number(score), Strange: strange,
	}
	if r.c.learns() {
		m.Model.Path = "model.npz"
	}
	for _, line := range m.warnings() {
		r.Log.Warn("model", "warning", line)
	}
	for i := range r.learned {
		r.learned[i] *= r.model.Scale
		plain[i] *= r.model.Scale
	}
	if err := r.fit(u); err != nil {
		return err
	}
	r.Obs = high
	if r.c.Image.Truth != "" {
		return r.ReadTruth(ctx, &r.c.Image)
	}
	if r.truth == nil {
		return nil
	}
	box, cols := high.Frame.Owned(r.Comm.Rank()), r.wide
	for i := box.Lo[0]; i < box.Hi[0]; i++ {
		high.Truth = append(high.Truth, r.truth[i*cols+box.Lo[1]:i*cols+box.Hi[1]]...)
	}
	r.truth = nil
	return nil
}

// fit notes how the means of the answer over the pixels of the frame agree with the frame. Collective.
func (r *superRun) fit(u *mlpatch.Upscaler) error {
	o := r.Obs
	n, fine := len(o.Data)/o.Channels, len(r.learned)/o.Channels
	over, residual := make([]float64, len(o.Data)), make([]float64, len(o.Data))
	for c := range o.Channels {
		if err := u.Means(over[c*n:(c+1)*n], r.learned[c*fine:(c+1)*fine]); err != nil {
			return err
		}
	}
	for i, y := range o.Data {
		residual[i] = (y - over[i]) * math.Sqrt(o.Weights.At(i))
	}
	return r.JudgeFine(r.learned, over, residual)
}

// measure compares with the truth, where that is known. Collective.
func (r *superRun) measure() error {
	err := r.AgainstTruth(frames.Column{Name: lifecycle.AnswerColumn, Values: r.learned})
	if q := r.m.Quality; q != nil { // rank 0; the observation is the interpolated one
		q[cubicColumn] = q[lifecycle.ObservedColumn]
		delete(q, lifecycle.ObservedColumn)
	}
	return err
}
