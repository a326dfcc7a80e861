package mlpatch

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/tv"
)

// bandSection is the section [bands]: frames that the ranks do not hold.
type bandSection struct {
	Rows int `toml:"rows"` // of the frame that a rank computes at a time; 0 = its whole part
}

// streams tells whether the frame is streamed.
func (w *work) streams() bool { return w.bands != nil && w.bands.Rows > 0 }

// check records what a frame that is streamed cannot have.
func (s *bandSection) check(f *config.File, image *frames.ImageSection, tvRule string, sigma float64) {
	f.Want(s.Rows >= 0 && s.Rows <= 1<<20, "bands.rows", "0 to %d; 0 = the whole part of a rank", 1<<20)
	if s.Rows <= 0 {
		return
	}
	f.Want(image.Path != "", "image.path", "a file, from which bands.rows rows are read at a time")
	f.Want(image.Mask == "" && image.DQ == "" && image.Sigma == "" && image.Variance == "" && image.Weights == "", "bands.rows", "0 for a frame with a mask or weights")
	f.Want(image.Truth == "", "bands.rows", "0 with image.truth: a frame that is streamed is not compared")
	f.Want(tvRule == noTV, "tv.rule", "%q with bands.rows: total variation needs the whole frame, and so does %q", noTV, tv.Discrepancy)
	f.Want(sigma > 0, "noise.sigma", "the standard deviation of the noise with bands.rows")
}

// stream takes the noise out of the frame band after band, into the file of the result. Collective.
func (r *run) stream(ctx context.Context) error {
	w, m := r.w, r.m
	start := r.Comm.Wtime()
	var shape imageio.Frame
	err := ranks.OnRoot(r.Comm, func() error {
		f, err := imageio.Stat(w.image.Path)
		if err == nil {
			shape = *f
			r.Took(frames.DescribeFrame(w.image.Path, f, -1, 0))
			if !f.ReadsBoxes() {
				err = fmt.Errorf("%s: a %s file has to be decoded whole: bands.rows = 0, or a npy or FITS file", w.image.Path, f.Format)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := ranks.Share(r.Comm, &shape.Channels, &shape.Rows, &shape.Cols); err != nil {
		return err
	}
	m.Source, m.Channels, m.Rows, m.Cols = w.image.Path+", observed, streamed", shape.Channels, shape.Rows, shape.Cols
	m.Of = shape.Rows * shape.Cols // of which none may be missing
	m.Known(w.sigma, frames.NoiseGiven)
	if err := lifecycle.CheckRoom(r.Comm, w.bandBytes(&shape, &r.model.Network), "bands.rows"); err != nil {
		return err
	}
	m.Seconds.Read = r.Comm.Wtime() - start
	frame, err := strips(shape.Rows, shape.Cols, r.Comm.Size())
	if err != nil {
		return err
	}
	r.Obs = &frames.Observation{Channels: shape.Channels, Frame: frame}
	return r.Finish(lifecycle.Ending{
		Write:   func() error { return r.bands(ctx, &shape) },
		Solves:  true,
		Metrics: m,
		Chosen:  r.chosen,
	})
}

// bands reads, computes and writes. Collective.
func (r *run) bands(ctx context.Context, shape *imageio.Frame) error {
	w, model := r.w, r.model
	var file *imageio.PartsFile
	defer func() { file.Drop() }()
	path := r.Path("solution.npy")
	var layout []byte
	err := ranks.OnRoot(r.Comm, func() (err error) {
		if file, err = imageio.CreateParts(path, &imageio.Frame{Channels: shape.Channels, Rows: shape.Rows, Cols: shape.Cols, ChannelsLast: shape.ChannelsLast, Type: map[bool]string{true: "float32"}[r.Single()]}); err == nil {
			layout, err = json.Marshal(file.Layout())
		}
		return err
	})
	if err != nil {
		return err
	}
	length := len(layout)
	if err := ranks.Share(r.Comm, &length); err != nil {
		return err
	}
	if r.Comm.Rank() != 0 {
		layout = make([]byte, length)
	}
	if err := r.Comm.BcastBytes(layout, 0); err != nil {
		return err
	}
	if r.Comm.Rank() != 0 {
		var l imageio.PartsLayout
		if err = json.Unmarshal(layout, &l); err == nil {
			file, err = imageio.OpenParts(path, l)
		}
	}
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	alone, err := r.Comm.Split(r.Comm.Rank(), 0)
	if err != nil {
		return err
	}
	const bins = mlpatch.Histograms * mlpatch.Bins
	sums := make([]float64, bins+4)
	histogram, fit := sums[:bins], sums[bins:] // fit: squared residual and its number, flux of the data and of the answer
	level := w.sigma / model.Scale
	var band []float64 // the rows from ... to - 1 that the answer is compared with
	var from, to int
	b := &mlpatch.Bands{
		Net: &model.Network, Theta: model.theta, Rows: shape.Rows, Cols: shape.Cols, Channels: shape.Channels, Band: w.bands.Rows,
		Border: frames.Borders[w.model.Border], Symmetries: int(w.model.Average), Levels: []float64{level},
		Read: func(lo, hi int) ([]float64, error) {
			f, err := imageio.ReadBox(w.image.Path, imageio.Box{R0: lo, R1: hi, C1: shape.Cols})
			if err != nil {
				return nil, err
			}
			if w.image.Outliers != frames.OutliersKeep {
				marks := frames.OutlierSearch{Plane: "channel", Planes: shape.Channels, Rows: hi - lo, Cols: shape.Cols, Box: imageio.Box{R1: hi - lo, C1: shape.Cols}, Data: f.Data, Apart: true, Marks: true}
				found, err := marks.Find(nil)
				if err != nil {
					return nil, err
				}
				if said := found.WholePlanes(&marks); said != "" {
					return nil, fmt.Errorf("%s: rows %d to %d: %s: a frame with missing pixels needs bands.rows = 0 (image.outliers = %q takes it as data)",
						w.image.Path, lo, hi-1, said, frames.OutliersKeep)
				}
				for _, o := range found.Own {
					return nil, fmt.Errorf("%s: row %d, column %d is %.6g, which marks a missing value: a frame with missing pixels needs bands.rows = 0 (image.outliers = %q takes it as data)",
						w.image.Path, lo+o.Row, o.Col, o.Value, frames.OutliersKeep)
				}
			}
			for i, v := range f.Data {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("%s: row %d, column %d is %g: a frame with missing pixels needs bands.rows = 0", w.image.Path, lo+i/shape.Cols%(hi-lo), i%shape.Cols, v)
				}
				f.Data[i] = v / model.Scale
			}
			if band == nil {
				band, from, to = f.Data, lo, hi
			}
			return f.Data, nil
		},
		Write: func(lo, hi int, x []float64) error {
			d, err := halo.Decompose([]int{hi - lo, shape.Cols}, 1)
			if err != nil {
				return err
			}
			h, err := mlpatch.Histogram(alone, d, shape.Channels, x)
			if err != nil {
				return err
			}
			for i, v := range h {
				histogram[i] += v * float64(hi-lo) / float64(shape.Rows)
			}
			rows := hi - lo
			for i := range x {
				plane, row, col := i/shape.Cols/rows, lo+i/shape.Cols%rows, i%shape.Cols
				y := band[(plane*(to-from)+row-from)*shape.Cols+col] * model.Scale
				x[i] *= model.Scale
				fit[0] += (y - x[i]) * (y - x[i])
				fit[1]++
				fit[2] += y
				fit[3] += x[i]
			}
			band = nil
			if r.Comm.Rank() == 0 {
				r.Progress.Count("rows", hi, shape.Rows/r.Comm.Size(), "")
			}
			return file.WriteBox(imageio.Box{R0: lo, R1: hi, C1: shape.Cols}, x)
		},
	}
	begin := r.Comm.Wtime()
	stop := ranks.Measure(r.Comm)
	err = b.Apply(ctx, r.Comm)
	work := stop()
	if err == nil {
		err = ranks.AgreeError(r.Comm, file.Close())
	}
	if err != nil {
		return err
	}
	if err := ranks.OnRoot(r.Comm, file.Publish); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	score, strange, err := model.seen.Score(histogram)
	if err != nil {
		return err
	}
	r.m.Model = modelMetrics{w.model.Model, model.Digest, model.Network.Parameters(), lifecycle.Number(score), strange, 0}
	if level < 0.999*model.Low || level > 1.001*model.High {
		r.m.Model.Outside = 1
	}
	for _, line := range r.m.warnings() {
		r.Log.Warn("model", "warning", line)
	}
	r.m.Fit = &lifecycle.Fit{ResidualRMS: lifecycle.Number(math.Sqrt(fit[0] / fit[1])), FluxData: lifecycle.Some(fit[2]), FluxAnswer: lifecycle.Some(fit[3])}
	seconds := r.Comm.Wtime() - begin
	own := float64(r.Obs.Frame.Owned(r.Comm.Rank()).Size() * shape.Channels)
	r.m.Seconds.Solve = seconds
	r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, own, 0, own)
	return err
}

// bandBytes is the memory of a rank that streams.
func (w *work) bandBytes(shape *imageio.Frame, net *mlpatch.Network) float64 {
	rows := float64(min(w.bands.Rows, shape.Rows) + 2*net.Geometry.Room())
	return 8 * rows * float64(shape.Cols) * (2*float64(shape.Channels) + 5)
}

// planBands is what streaming on n ranks would cost.
func (w *work) planBands(comm ranks.Comm, n int) (*lifecycle.Plan, error) {
	shape, err := imageio.Stat(w.image.Path)
	if err != nil {
		return nil, err
	}
	model, err := readModel(w.model.Model)
	if err != nil {
		return nil, err
	}
	const small = 64
	frame, err := halo.Decompose([]int{small, small}, 1)
	if err != nil {
		return nil, err
	}
	f, err := mlpatch.NewField(comm, &model.Network, model.theta, frame, frames.Borders[w.model.Border], int(w.model.Average))
	if err != nil {
		return nil, err
	}
	x, y := make([]float64, small*small), make([]float64, small*small)
	seconds := 0.0
	for range 2 { // the first pays for page faults
		if seconds, err = frames.Timed(func() error { return f.Apply(y, x, []float64{model.Low}) }); err != nil {
			return nil, err
		}
	}
	values := float64(shape.Channels) * float64(shape.Rows) * float64(shape.Cols)
	around := 1 + 2*float64(model.Network.Geometry.Room())/float64(w.bands.Rows)
	p := &lifecycle.Plan{Ranks: n, Compute: seconds / (small * small) * values * around / float64(n), MemoryBytes: w.bandBytes(shape, &model.Network) + layerBytes(&model.Network)}
	if n > 1 {
		t := lifecycle.NewTraffic(n)
		t.Allreduce(1, math.Ceil(float64(shape.Rows)/float64(n*w.bands.Rows)))
		t.Into(p, lifecycle.Link{})
	}
	p.Row("frame", "%d x %d x %d, %d rows at a time on a rank", shape.Channels, shape.Rows, shape.Cols, w.bands.Rows)
	return p, nil
}
