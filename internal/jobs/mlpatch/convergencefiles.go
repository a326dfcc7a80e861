package mlpatch

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
)

// ConvergenceFiles are a simulated sky and the shear that a survey of galaxies measures of it: kappa.npy, e1.npy, e2.npy, counts.npy (galaxies
// of a pixel; 0 where stars or the edge mask it) and spectrum.npy, the power of the sky, as the job darkmatter reads them.
type ConvergenceFiles struct {
	Seed       uint64
	Rows, Cols int     // pixels
	Pixel      float64 // side of a pixel, arcmin
	RMS        float64 // of kappa
	Turn       float64 // multipole from which on the power falls: 1/(1 + (ell/Turn)^2)^1.2
	Shift      float64 // kappa > -Shift x RMS
	Density    float64 // galaxies per square arcmin
	Sigma      float64 // ellipticity of a galaxy: standard deviation of each component
	Masked     float64 // share of the sky that round masks hide
}

const (
	forMasks  = 40 // purposes of the random numbers
	forCounts = 41
)

// Check says what is wrong with the fields, by the names of the flags.
func (c *ConvergenceFiles) Check() error {
	switch {
	case c.Rows < 8 || c.Cols < 8 || c.Rows > 1<<14 || c.Cols > 1<<14:
		return fmt.Errorf("-rows %d -cols %d, want 8 to %d pixels", c.Rows, c.Cols, 1<<14)
	case !(c.Pixel > 0) || c.Pixel > 600:
		return fmt.Errorf("-pixel %g, want more than 0 and at most 600 arcmin", c.Pixel)
	case !(c.RMS > 0) || c.RMS > 100:
		return fmt.Errorf("-rms %g, want more than 0 and at most 100", c.RMS)
	case !(c.Turn > 0) || math.IsInf(c.Turn, 0):
		return fmt.Errorf("-turn %g, want a multipole of more than 0", c.Turn)
	case !(c.Shift > 0) || c.Shift > 1000:
		return fmt.Errorf("-shift %g, want more than 0 and at most 1000", c.Shift)
	case !(c.Density > 0) || c.Density > 1e6:
		return fmt.Errorf("-density %g, want more than 0 and at most 1e6 galaxies per square arcmin", c.Density)
	case !(c.Sigma > 0) || c.Sigma > 100:
		return fmt.Errorf("-ellipticity %g, want more than 0 and at most 100", c.Sigma)
	case !(c.Masked >= 0) || c.Masked > 0.9:
		return fmt.Errorf("-masked %g, want a share of 0 to 0.9", c.Masked)
	}
	return nil
}

// Refuse returns a *lifecycle.ExistsError if the directory holds one of the files.
func (c *ConvergenceFiles) Refuse(dir string) error {
	return lifecycle.RefuseFiles(dir, "kappa.npy", "e1.npy", "e2.npy", "counts.npy", "spectrum.npy")
}

// spectrum is that of the sky, from the largest scale to half a cycle a pixel diagonally.
func (c *ConvergenceFiles) spectrum() *massmap.Spectrum {
	const count = 60
	pixel := c.Pixel * arcmin
	low, high := 2*math.Pi/(float64(max(c.Rows, c.Cols))*pixel), 2*math.Pi*0.75/pixel
	s := &massmap.Spectrum{}
	for i := range count {
		l := low * math.Pow(high/low, float64(i)/(count-1))
		s.Ell, s.Power = append(s.Ell, l), append(s.Power, math.Pow(1+l*l/c.Turn/c.Turn, -1.2))
	}
	variance := 0.0
	for i := range c.Rows * c.Cols {
		y, x := float64(i/c.Cols)/float64(c.Rows), float64(i%c.Cols)/float64(c.Cols)
		if k := math.Hypot(min(y, 1-y), min(x, 1-x)); k > 0 {
			variance += s.At(2*math.Pi*k/pixel) / pixel / pixel / float64(c.Rows*c.Cols)
		}
	}
	for i := range s.Power {
		s.Power[i] *= c.RMS * c.RMS / variance
	}
	return s
}

// counts are the galaxies of each pixel: Poisson numbers, 0 in the masks, round ones of 2 to 8 % of the shorter side until they hide the share
// that is asked for.
func (c *ConvergenceFiles) counts() []float64 {
	n := c.Rows * c.Cols
	list := make([]float64, n)
	mean := c.Density * c.Pixel * c.Pixel
	draw := random.New(c.Seed, forCounts)
	for i := range list {
		list[i] = poisson(draw, uint64(i), mean)
	}
	hidden := make([]bool, n)
	masks := random.New(c.Seed, forMasks)
	for k, count := uint64(0), 0; float64(count) < c.Masked*float64(n); k += 3 {
		radius := (0.02 + 0.06*masks.Uniform(k)) * float64(min(c.Rows, c.Cols))
		y, x := masks.Uniform(k+1)*float64(c.Rows), masks.Uniform(k+2)*float64(c.Cols)
		for r := max(0, int(y-radius)); r < min(c.Rows, int(y+radius)+1); r++ {
			for q := max(0, int(x-radius)); q < min(c.Cols, int(x+radius)+1); q++ {
				if i := r*c.Cols + q; !hidden[i] && math.Hypot(float64(r)+0.5-y, float64(q)+0.5-x) <= radius {
					hidden[i], list[i] = true, 0
					count++
				}
			}
		}
	}
	return list
}

// poisson is number k of a stream: the place of a uniform number in the distribution, a normal number for large means.
func poisson(s random.Stream, k uint64, mean float64) float64 {
	if mean > 500 {
		return max(0, math.Round(mean+math.Sqrt(mean)*s.Normal(k)))
	}
	u, p, n := s.Uniform(k), math.Exp(-mean), 0.0
	for sum := p; u > sum && p > 0 && n < 1e4; sum += p {
		n++
		p *= mean / n
	}
	return n
}

// Write draws the sky and writes the files; rank 0 draws and the others wait. Collective; the error is the same on all
// ranks.
func (c *ConvergenceFiles) Write(ctx context.Context, comm ranks.Comm, dir string) error {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return err
	}
	err = ranks.OnRoot(comm, func() error { return c.write(alone, dir) })
	if err != nil {
		return err
	}
	return ranks.AgreeError(comm, ctx.Err())
}

func (c *ConvergenceFiles) write(alone ranks.Comm, dir string) error {
	s := c.spectrum()
	sky := &massmap.Skies{Rows: c.Rows, Cols: c.Cols, Pixel: c.Pixel * arcmin, Spectrum: s, Low: c.Shift, High: c.Shift, Seed: c.Seed}
	if err := sky.Check(); err != nil {
		return err
	}
	kappa, counts := sky.Draw(0), c.counts()
	n := len(kappa)
	frame, err := strips(c.Rows, c.Cols, 1)
	if err != nil {
		return err
	}
	shear, err := forward.NewShear(alone, frame, 1, nil)
	if err != nil {
		return err
	}
	g, weights := make([]float64, 2*n), make([]float64, 2*n)
	if err := shear.Apply(g, kappa); err != nil {
		return err
	}
	for i := range weights {
		weights[i] = counts[i%n] / c.Sigma / c.Sigma
	}
	for i, v := range massmap.Noise(alone, frame, weights, c.Seed, 0) {
		if g[i] += v; weights[i] == 0 {
			g[i] = 0
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	shape := []int{c.Rows, c.Cols}
	for _, f := range []struct {
		name  string
		shape []int
		data  []float64
	}{
		{"e1.npy", shape, g[:n]}, {"e2.npy", shape, g[n:]}, {"counts.npy", shape, counts},
		{"spectrum.npy", []int{2, len(s.Ell)}, append(append([]float64(nil), s.Ell...), s.Power...)}, {"kappa.npy", shape, kappa},
	} {
		if err := imageio.WriteNpy(filepath.Join(dir, f.name), f.shape, f.data); err != nil {
			return err
		}
	}
	return nil
}
