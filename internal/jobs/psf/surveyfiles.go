package psf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/linalg"
	"tessera/internal/outdir"
	"tessera/ranks"
)

// SurveyFiles describes a simulated galaxy survey that is written to files. A psf job with
// the same numbers in its section simulate makes the same stamps itself.
type SurveyFiles struct {
	Seed   uint64
	Count  int     // stamps
	Side   int     // rows and columns of a stamp and of a PSF, pixels, odd
	PSFs   int     // different PSFs over the field
	SNR    float64 // mean over the stamps of their root mean square, divided by the noise
	Format string  // "npy" or "fits"
	Single bool    // true: float32, false: float64
}

// Check returns what is wrong with s.
func (s *SurveyFiles) Check() error {
	switch {
	case s.Count < 1 || s.Count > 1<<31:
		return fmt.Errorf("-count %d: want 1 to 2^31", s.Count)
	case s.Side < 3 || s.Side > 255 || s.Side%2 == 0:
		return fmt.Errorf("-side %d: want an odd number of pixels, 3 to 255", s.Side)
	case s.PSFs < 1 || s.PSFs > 1<<24:
		return fmt.Errorf("-psfs %d: want 1 to 2^24", s.PSFs)
	case !(s.SNR > 0) || math.IsInf(s.SNR, 0):
		return fmt.Errorf("-snr %v: want more than 0", s.SNR)
	case s.Format != "npy" && s.Format != "fits":
		return fmt.Errorf("-format %s: want npy or fits", s.Format)
	}
	return nil
}

// paths are the files in dir: the observed stamps, the stamps as they are, the PSFs, and a
// table of one column with the number of the PSF of each stamp.
func (s *SurveyFiles) paths(dir string) (observed, truth, psfs, index string) {
	in := func(name string) string { return filepath.Join(dir, name) }
	return in("observed." + s.Format), in("truth." + s.Format), in("psfs." + s.Format), in("index.npy")
}

// Refuse returns a *lifecycle.ExistsError if the directory holds one of the files.
func (s *SurveyFiles) Refuse(dir string) error {
	observed, truth, psfs, index := s.paths("")
	return lifecycle.RefuseFiles(dir, observed, truth, psfs, index)
}

// surveyBatch is how many stamps a rank draws before they are written.
const surveyBatch = 64

// Write draws the survey twice, first to know the standard deviation of the noise and then
// to write the stamps, so that no rank holds more than a batch of them. An earlier survey
// stays until this one is complete. The bytes do not depend on the number of ranks.
// Collective; the error is the same on all ranks.
func (s *SurveyFiles) Write(ctx context.Context, comm ranks.Comm, dir string) error {
	n := s.Side * s.Side
	sv := newSurvey(s.Seed, &fieldSection{Count: s.Count, Side: s.Side, PSFs: s.PSFs, SNR: s.SNR})
	truth, seen := make([]float64, n), make([]float64, n)
	lo, hi := halo.Split(s.Count, comm.Size(), comm.Rank())
	rms := make([]float64, 0, hi-lo)
	for i := lo; i < hi && ctx.Err() == nil; i++ {
		sv.draw(i, truth, seen)
		rms = append(rms, linalg.Norm2(seen)/float64(s.Side))
	}
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return err
	}
	sigma, err := noiseOf(comm, s.Count, rms, s.SNR)
	if err != nil {
		return err
	}
	var out surveyWriter
	var stage *outdir.Stage // of rank 0
	defer func() {
		out.abort()
		if stage != nil {
			_ = stage.Abandon()
		}
	}()
	err = ranks.OnRoot(comm, func() (err error) {
		if stage, err = outdir.NewStage(dir); err != nil {
			return err
		}
		return out.create(s, outdir.StagePath(dir, ""), sigma)
	})
	if err != nil {
		return err
	}
	size := comm.Size()
	counts := make([]int, size)
	var room, all []float64 // rank 0
	if comm.Rank() == 0 {
		room = make([]float64, size*surveyBatch*2*n)
	}
	mine := make([]float64, 0, surveyBatch*2*n)
	for at := 0; at < s.Count; at += size * surveyBatch {
		total := min(size*surveyBatch, s.Count-at)
		for r := range counts {
			lo, hi := halo.Split(total, size, r)
			counts[r] = (hi - lo) * 2 * n
		}
		lo, hi := halo.Split(total, size, comm.Rank())
		mine = mine[:0]
		for i := at + lo; i < at+hi; i++ {
			sv.draw(i, truth, seen)
			sv.field.AddNoise(i, seen, sigma)
			mine = append(append(mine, seen...), truth...)
		}
		if comm.Rank() == 0 {
			all = room[:2*total*n]
		}
		if err := comm.Gatherv(all, counts, mine, 0); err != nil {
			return err
		}
		err := ranks.OnRoot(comm, func() error { return out.write(all, n) })
		if err == nil {
			err = ranks.AgreeError(comm, ctx.Err())
		}
		if err != nil {
			return err
		}
	}
	return ranks.OnRoot(comm, func() error {
		if err := out.close(s, sv, outdir.StagePath(dir, "")); err != nil {
			return err
		}
		observed, _, _, _ := s.paths("")
		return stage.Publish(observed, nil)
	})
}

// surveyWriter is the two files of stamps, on rank 0.
type surveyWriter struct{ observed, truth *imageio.StackWriter }

func (w *surveyWriter) create(s *SurveyFiles, dir string, sigma float64) (err error) {
	observed, truth, _, _ := s.paths(dir)
	line := fmt.Sprintf("simulated survey: seed %d, %d PSFs, signal-to-noise ratio %g, noise %.6g", s.Seed, s.PSFs, s.SNR, sigma)
	if w.observed, err = imageio.CreateStack(observed, s.Count, s.Side, s.Side, s.Single, nil, line); err != nil {
		return err
	}
	w.truth, err = imageio.CreateStack(truth, s.Count, s.Side, s.Side, s.Single, nil, line)
	return err
}

// write appends stamps of n pixels, each as observed and as it is.
func (w *surveyWriter) write(pairs []float64, n int) error {
	for ; len(pairs) > 0; pairs = pairs[2*n:] {
		if err := errors.Join(w.observed.Write(pairs[:n]), w.truth.Write(pairs[n:2*n])); err != nil {
			return err
		}
	}
	return nil
}

// close writes the PSFs and the table, and last gives the files of stamps their names.
func (w *surveyWriter) close(s *SurveyFiles, sv *survey, dir string) error {
	_, _, psfs, index := s.paths(dir)
	n := s.Side * s.Side
	p, err := imageio.CreateStack(psfs, s.PSFs, s.Side, s.Side, s.Single, nil)
	if err != nil {
		return err
	}
	defer p.Abort()
	image := make([]float64, n)
	for k := range s.PSFs {
		sv.field.PSF(k, image)
		if err := p.Write(image); err != nil {
			return err
		}
	}
	t := &imageio.Table{Names: []string{"psf"}, Rows: s.Count, Cols: 1, Data: make([]float64, s.Count)}
	for i := range t.Data {
		t.Data[i] = float64(sv.field.PSFOf(i))
	}
	if err := imageio.WriteTable(index, t); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	if err := w.truth.Close(); err != nil {
		return err
	}
	return w.observed.Close()
}

func (w *surveyWriter) abort() {
	for _, f := range []*imageio.StackWriter{w.observed, w.truth} {
		if f != nil {
			f.Abort()
		}
	}
}
