package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/internal/simulate"
)

// frameFiles writes a frame in several formats, its weights and a PSF. The job reads the
// FITS file; the others are read by the readers of all jobs of images. Keys are the paths
// of frame and weights, and the section of the blur.
func frameFiles(frame, weights, blur string) func(context.Context, *try) ([]string, error) {
	return func(_ context.Context, t *try) ([]string, error) {
		const rows, cols = 40, 36
		data, ivar := wave(rows, cols), make([]float64, rows*cols)
		for i := range ivar {
			ivar[i] = 1 + float64(i%3)
		}
		ivar[100], data[200] = 0, math.NaN()
		f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: data}
		if err := imageio.WriteFITS(t.path("frame.fits"), f); err != nil {
			return nil, err
		}
		if err := imageio.WriteNpy(t.path("weights.npy"), []int{rows, cols}, ivar); err != nil {
			return nil, err
		}
		psf := []float64{1, 2, 1, 2, 4, 2, 1, 2, 1}
		if err := imageio.WriteNpy(t.path("psf.npy"), []int{3, 3}, psf); err != nil {
			return nil, err
		}
		sets := []string{
			fmt.Sprintf("%s=%q", frame, t.path("frame.fits")), fmt.Sprintf("%s=%q", weights, t.path("weights.npy")),
			blur + ".kind=file", fmt.Sprintf("%s.path=%q", blur, t.path("psf.npy")),
		}
		return sets, nil
	}
}

// wave is an image with edges and slopes.
func wave(rows, cols int) []float64 {
	data := make([]float64, rows*cols)
	for i := range data {
		r, c := float64(i/cols), float64(i%cols)
		data[i] = 0.5 + 0.3*math.Sin(r/7)*math.Cos(c/11) + 0.2*math.Copysign(1, math.Sin((r+2*c)/30))
	}
	return data
}

// observationFiles writes a table of scattered observations and, with a key for it, one of
// places.
func observationFiles(places string) func(context.Context, *try) ([]string, error) {
	return func(_ context.Context, t *try) ([]string, error) {
		const count = 120
		table := &imageio.Table{Names: []string{"x", "y", "value", "sigma"}, Rows: count, Cols: 4}
		for i := range count {
			x, y := t.rng.Float64(), t.rng.Float64()
			table.Data = append(table.Data, x, y, math.Sin(5*x)+y, 0.1+0.01*float64(i%4))
		}
		if err := imageio.WriteTable(t.path("observations.csv"), table); err != nil {
			return nil, err
		}
		sets := []string{fmt.Sprintf("observations.path=%q", t.path("observations.csv")), "evaluate.shape=[]"}
		if places == "" {
			return append(sets, "evaluate.shape=[5,5]"), nil
		}
		at := &imageio.Table{Names: []string{"x", "y"}, Rows: 3, Cols: 2, Data: []float64{0.1, 0.2, 0.5, 0.5, 0.9, 0.3}}
		if err := imageio.WriteTable(t.path("places.fits"), at); err != nil {
			return nil, err
		}
		return append(sets, fmt.Sprintf("%s=%q", places, t.path("places.fits"))), nil
	}
}

// stampFiles writes a stack of stamps, one of PSFs and the numbers of the PSFs.
func stampFiles(_ context.Context, t *try) ([]string, error) {
	const count, side = 12, 15
	var stamps, psfs []float64
	for range count {
		cx, cy := 7+t.rng.Float64(), 7+t.rng.Float64()
		for i := range side * side {
			r, c := float64(i/side)-cy, float64(i%side)-cx
			stamps = append(stamps, math.Exp(-(r*r+c*c)/8)+0.01*t.rng.NormFloat64())
		}
	}
	for k := range 2 {
		for i := range side * side {
			r, c := float64(i/side)-7, float64(i%side)-7
			psfs = append(psfs, math.Exp(-(r*r+c*c)/(2+float64(k))))
		}
	}
	index := &imageio.Table{Names: []string{"psf"}, Rows: count, Cols: 1, Data: make([]float64, count)}
	for i := range index.Data {
		index.Data[i] = float64(i % 2)
	}
	for name, write := range map[string]func(path string) error{
		"stamps.npy": func(path string) error { return imageio.WriteNpy(path, []int{count, side, side}, stamps) },
		"psfs.fits": func(path string) error {
			return imageio.WriteFITS(path, &imageio.Frame{Channels: 2, Rows: side, Cols: side, Data: psfs})
		},
		"index.csv": func(path string) error { return imageio.WriteTable(path, index) },
	} {
		if err := write(t.path(name)); err != nil {
			return nil, err
		}
	}
	return []string{
		fmt.Sprintf("stack.path=%q", t.path("stamps.npy")), fmt.Sprintf("psf.path=%q", t.path("psfs.fits")),
		fmt.Sprintf("psf.index=%q", t.path("index.csv")), "psf.iterations=10",
	}, nil
}

// samples are matched spectra, a sample a row.
func samples(count int) (high, low []float64, p, m int) {
	s := simulate.Spectra{Seed: 1, High: 25}
	p, m = 25, s.Low()
	high, low = make([]float64, count*p), make([]float64, count*m)
	for i := range count {
		s.Draw(i, high[i*p:(i+1)*p], low[i*m:(i+1)*m])
	}
	return high, low, p, m
}

// sampleFiles writes matched spectra in two formats.
func sampleFiles(_ context.Context, t *try) ([]string, error) {
	const count = 150
	high, low, p, m := samples(count)
	if err := imageio.WriteTable(t.path("high.csv"), &imageio.Table{Rows: count, Cols: p, Data: high}); err != nil {
		return nil, err
	}
	if err := imageio.WriteNpy(t.path("low.npy"), []int{count, m}, low); err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("data.high=%q", t.path("high.csv")), fmt.Sprintf("data.low=%q", t.path("low.npy")), "data.samples=rows", "scdl.iterations=5",
	}, nil
}

// train runs an scdl-train job whose dictionary another job uses, and keeps what that
// reads.
func (t *try) train(ctx context.Context, sets ...string) (string, error) {
	dir := t.path("dictionary")
	config := t.path("train.toml")
	if err := os.WriteFile(config, []byte("job = \"scdl-train\"\n"), 0o666); err != nil {
		return "", err
	}
	args := []string{"run", config, "-quiet", "-out", dir}
	for _, s := range append(sets, "scdl.atoms=16", "scdl.iterations=3") {
		args = append(args, "-set", s)
	}
	p, err := t.run(ctx, 1, args...)
	if err == nil && p.status != 0 {
		err = fmt.Errorf("training ends with status %d: %s", p.status, short(p.stderr.String()))
	}
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Name() != "dictionary.npz" && e.Name() != "dictionary.toml" {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	return fmt.Sprintf("dictionary.dir=%q", dir), os.Remove(config)
}

func spectraFiles(ctx context.Context, t *try) ([]string, error) {
	dictionary, err := t.train(ctx, "simulate.count=300", "simulate.high=25")
	if err != nil {
		return nil, err
	}
	const count = 4000
	_, low, _, m := samples(count)
	if err := imageio.WriteNpy(t.path("low.npy"), []int{count, m}, low); err != nil {
		return nil, err
	}
	return []string{dictionary, fmt.Sprintf("data.low=%q", t.path("low.npy")), "data.samples=rows"}, nil
}

func pictureFiles(ctx context.Context, t *try) ([]string, error) {
	folder := t.path("pictures")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	write := func(path string, rows, cols int) error {
		return imageio.WritePNG(path, &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: wave(rows, cols)}, imageio.Linear(0, 1))
	}
	if err := write(filepath.Join(folder, "a.png"), 60, 70); err != nil {
		return nil, err
	}
	dictionary, err := t.train(ctx, fmt.Sprintf("patches.images=%q", folder), "patches.count=400")
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(folder); err != nil {
		return nil, err
	}
	return []string{dictionary, fmt.Sprintf("image.path=%q", t.path("small.png"))}, write(t.path("small.png"), 60, 80)
}

// shortTraining is a training of a model for pictures of cells that takes about a second.
var shortTraining = []string{
	"simulate.count=8", "simulate.rows=24", "simulate.cols=24", "data.validation=2", "tppa.layers=3", "tppa.steps=40", "output.pictures=false",
}

// shortPatchTraining is a training of a denoiser that takes about a second.
var shortPatchTraining = []string{
	"simulate.count=8", "simulate.rows=24", "simulate.cols=24", "data.validation=2", "mlpatch.hidden=[12]", "mlpatch.side=5", "mlpatch.steps=300", "mlpatch.blocks=8", "output.pictures=false",
}

// shortEnlarging is a training of a model that enlarges, and what it enlarges, which takes about a second.
var shortEnlarging = []string{
	"simulate.count=8", "simulate.rows=24", "simulate.cols=24", "data.validation=2", "superres.scale=2.5", "superres.tests=[2]", "mlpatch.hidden=[12]", "mlpatch.side=5", "mlpatch.steps=150", "mlpatch.blocks=8", "superres.average=false", "output.pictures=false",
}

// enlargedFiles learns a model that enlarges, and writes a picture for it.
func enlargedFiles(ctx context.Context, t *try) ([]string, error) {
	if err := t.learned(ctx, "mlpatch-superres", shortEnlarging); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("superres.model=%q", t.path("model.npz")), fmt.Sprintf("image.path=%q", t.path("frame.fits"))}, t.waves()
}

// learned runs a training and keeps its model.npz.
func (t *try) learned(ctx context.Context, job string, sets []string) error {
	config, out := t.path("train.toml"), t.path("trained")
	if err := os.WriteFile(config, fmt.Appendf(nil, "job = %q\n", job), 0o666); err != nil {
		return err
	}
	args := []string{"run", config, "-out", out, "-quiet"}
	for _, set := range sets {
		args = append(args, "-set", set)
	}
	p, err := t.run(ctx, 1, args...)
	if err != nil {
		return err
	}
	if p.status != 0 {
		return fmt.Errorf("training a model ends with status %d: %s", p.status, short(p.stderr.String()))
	}
	return errors.Join(os.Rename(filepath.Join(out, "model.npz"), t.path("model.npz")), os.RemoveAll(out), os.Remove(config))
}

// waves writes a frame to restore.
func (t *try) waves() error {
	const rows, cols = 40, 36
	return imageio.WriteFITS(t.path("frame.fits"), &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: wave(rows, cols)})
}

// cellFiles trains a model on a few pictures of cells, and writes a picture to restore with it.
func cellFiles(ctx context.Context, t *try) ([]string, error) {
	if err := t.learned(ctx, "tppa-train", shortTraining); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("tppa.model=%q", t.path("model.npz")), fmt.Sprintf("image.path=%q", t.path("frame.fits")), "tv.noise=0.03"}, t.waves()
}

// denoiserFiles trains a denoiser on a few pictures of cells, and writes a picture to restore with it.
func denoiserFiles(ctx context.Context, t *try) ([]string, error) {
	if err := t.learned(ctx, "mlpatch-train", shortPatchTraining); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("mlpatch.model=%q", t.path("model.npz")), fmt.Sprintf("image.path=%q", t.path("frame.fits")), "noise.sigma=0.03"}, t.waves()
}
