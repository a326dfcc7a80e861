package scdl

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tessera/ranks"
)

// spectra are samples like those of a spectrometer: smooth mixtures of a few bumps
// with noise; the low ones are every third number of the high ones.
func spectra(n int, seed uint64) *Samples {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &Samples{P: 25, M: 9, Total: n}
	centres, widths := make([]float64, 12), make([]float64, 12)
	for k := range centres {
		centres[k], widths[k] = 25*r.Float64(), 2+4*r.Float64()
	}
	for range n {
		x := make([]float64, s.P)
		for range 3 {
			k, a := r.IntN(len(centres)), r.Float64()
			for j := range x {
				d := (float64(j) - centres[k]) / widths[k]
				x[j] += a * math.Exp(-d*d/2) / 2
			}
		}
		for j := 0; j < s.P; j += 3 {
			s.Low = append(s.Low, x[j]+0.001*r.NormFloat64())
		}
		for _, v := range x {
			s.High = append(s.High, v+0.001*r.NormFloat64())
		}
	}
	return s
}

// split divides samples into a training set and an evaluation set.
func split(s *Samples, learn int) (a, b *Samples) {
	a, b = &Samples{P: s.P, M: s.M, Total: learn}, &Samples{P: s.P, M: s.M, Total: s.Total - learn}
	a.High, b.High = s.High[:learn*s.P], s.High[learn*s.P:]
	a.Low, b.Low = s.Low[:learn*s.M], s.Low[learn*s.M:]
	return a, b
}

// psnr is in dB, for a peak of 1.
func psnr(x, truth []float64) float64 {
	sum := 0.0
	for i, v := range truth {
		sum += (x[i] - v) * (x[i] - v)
	}
	return -20 * math.Log10(math.Sqrt(sum/float64(len(x))))
}

// compare is the PSNR on the evaluation set of a pair, of raw atoms and of linear
// regression.
func compare(t *testing.T, train, test *Samples, p *Pair, code Code) (learned, raw, linear float64) {
	t.Helper()
	x, err := p.Infer(t.Context(), test.Low, code)
	if err != nil {
		t.Fatal(err)
	}
	learned = psnr(x, test.High)
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, c ranks.Comm) error {
		atoms, err := RawAtoms(c, train, p.Atoms, 5)
		if err != nil {
			return err
		}
		if x, err = atoms.Infer(t.Context(), test.Low, code); err != nil {
			return err
		}
		raw = psnr(x, test.High)
		reg, err := Regress(c, train)
		if err != nil {
			return err
		}
		linear = psnr(reg.Apply(test.Low), test.High)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return
}

func patches(t *testing.T, g Grid, n int, images ...*Image) *Samples {
	t.Helper()
	s := &Samples{Total: n}
	if err := g.Pairs(images, 1, 0, n, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// realPatches are 17 x 17 pixels of photographs and 9 x 9 of what is seen of them; nil
// where these are not, or there is no time.
func realPatches(t *testing.T) *Samples {
	var images []*Image
	for _, name := range []string{"astronaut.png", "coffee.png", "brick.png", "chelsea.png", "grass.png"} {
		images = append(images, greyImage(t, name))
	}
	if slices.Contains(images, nil) || testing.Short() {
		return nil
	}
	return patches(t, Grid{Scale: 2, Patch: 9, Blur: 0.8}, 6000, images...)
}

// realSpectra is nil where the data is not, or there is no time.
func realSpectra(t *testing.T) *Samples {
	if testing.Short() {
		return nil
	}
	if _, err := os.Stat(data + "spectra-4000-high.npy"); err != nil {
		t.Log(err)
		return nil
	}
	high, p := readMatrix(t, data+"spectra-4000-high.npy")
	low, m := readMatrix(t, data+"spectra-4000-low.npy")
	return &Samples{P: p, M: m, Total: len(low) / m, High: high, Low: low}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		total int
		ends  []int // of each rank
	}{
		{0, []int{0, 0}},
		{1, []int{1, 1, 1}},
		{64, []int{64, 64}},
		{65, []int{64, 65, 65}},
		{256, []int{64, 128, 192, 256}},
		{300, []int{128, 256, 300}},
		{300, []int{192, 300}},
		{1000, []int{1000}},
	} {
		at := 0
		for rank, end := range c.ends {
			if lo, hi := Share(c.total, len(c.ends), rank); lo != at || hi != end {
				t.Errorf("rank %d of %d has %d to %d of %d samples, want %d to %d", rank, len(c.ends), lo, hi, c.total, at, end)
			}
			at = end
		}
	}
}

// A prediction by lasso is the same to the last bit in one call and in many, and stops
// when it is told to.
func TestInferStops(t *testing.T) {
	s := spectra(1000, 3)
	p := &Pair{P: s.P, M: s.M, Atoms: 40, High: s.High[:40*s.P], Low: s.Low[:40*s.M]}
	code := Code{Method: "lasso", Lambda: 0.01}
	got, err := p.Infer(t.Context(), s.Low, code)
	if err != nil {
		t.Fatal(err)
	}
	predict, err := p.Predictor(code)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := predict(s.Low); err != nil || !slices.Equal(got, want) {
		t.Errorf("Infer differs from one call of the predictor, %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, method := range []string{"ridge", "lasso"} {
		if _, err := p.Infer(ctx, s.Low, Code{Method: method, Lambda: 0.01}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: a cancelled prediction returns %v", method, err)
		}
	}
}
