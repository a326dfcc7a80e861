package scdl

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/ranks"
)

func learn(t testing.TB, size int, s *Samples, o Options) *Result {
	t.Helper()
	r, err := dealt(size, s, o, Train)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The error decreases in every iteration, and the trained pair predicts the evaluation set
// better than raw atoms.
func TestCorrected(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     *Samples
		atoms int
		least float64 // decibels of the held-out ones
	}{
		{"spectra, made up", spectra(1500, 3), 128, 50},
		{"spectra", realSpectra(t), 128, 43},
		{"patches, made up", patches(t, Grid{Scale: 2, Patch: 5, Blur: 0.8}, 1500, madeUp(1, 160), madeUp(2, 160)), 100, 35},
		{"patches", realPatches(t), 256, 28},
	} {
		if c.s == nil {
			continue
		}
		train, test := split(c.s, c.s.Total*5/6)
		r := learn(t, 2, train, Options{Atoms: c.atoms, MaxIterations: 30, Seed: 1})
		for k := 1; k < len(r.ErrorHigh); k++ {
			if r.ErrorHigh[k] > r.ErrorHigh[k-1] {
				t.Errorf("%s: the error rises from %g to %g at iteration %d", c.name, r.ErrorHigh[k-1], r.ErrorHigh[k], k+1)
			}
		}
		learned, raw, linear := compare(t, train, test, &r.Pair, Code{Method: "ridge", Lambda: 1e-3})
		t.Logf("%s: error %.4f to %.4f, held-out %.2f dB, raw atoms %.2f dB, linear %.2f dB", c.name, r.ErrorHigh[0], r.ErrorHigh[29], learned, raw, linear)
		if learned < raw || learned < c.least {
			t.Errorf("%s: held-out %.2f dB, raw atoms %.2f dB", c.name, learned, raw)
		}
	}
}

// An error does not depend on CheckEvery.
func TestCheckEvery(t *testing.T) {
	s := spectra(100, 4)
	for name, o := range forms {
		o.Atoms, o.MaxIterations = 20, 10
		all := learn(t, 2, s, o)
		o.CheckEvery = 4
		some := learn(t, 2, s, o)
		if !slices.Equal(some.At, []int{4, 8, 10}) {
			t.Errorf("%s: errors at %v", name, some.At)
		}
		for i, k := range some.At {
			if some.ErrorHigh[i] != all.ErrorHigh[k-1] || some.ErrorLow[i] != all.ErrorLow[k-1] {
				t.Errorf("%s: error at %d is %g, without a window %g", name, k, some.ErrorHigh[i], all.ErrorHigh[k-1])
			}
		}
		o.CheckEvery, o.MaxIterations, o.Tolerance = 2, 300, 1e-2
		early := learn(t, 2, s, o)
		if n := len(early.At); !early.Converged || early.Iterations >= 300 || n < 2 || math.Abs(early.ErrorHigh[n-1]-early.ErrorHigh[n-2]) > 1e-2*early.ErrorHigh[n-1] {
			t.Errorf("%s: %d iterations, converged %v, errors at %v", name, early.Iterations, early.Converged, early.At)
		}
	}
}

// A sample of zeros is no atom, and an unused atom is replaced.
func TestZeroSamples(t *testing.T) {
	s := spectra(120, 6)
	for _, i := range []int{0, 5, 9} {
		clear(s.Low[i*s.M : (i+1)*s.M])
		clear(s.High[i*s.P : (i+1)*s.P])
	}
	r := learn(t, 2, s, Options{Atoms: 117, MaxIterations: 5})
	for i, v := range r.High {
		if math.IsNaN(v) {
			t.Fatalf("number %d is NaN", i)
		}
	}
	if r = learn(t, 3, s, Options{Atoms: 20, MaxIterations: 40, FirstColumns: true}); r.Reseeded != 3 {
		t.Errorf("%d atoms replaced, want the 3 that are zero", r.Reseeded)
	}
	// The compatible modes, which begin with the zero samples, give no NaN either.
	r = learn(t, 2, s, Options{Atoms: 20, MaxIterations: 5, Compatibility: Spark})
	for i, v := range r.High {
		if math.IsNaN(v) {
			t.Fatalf("spark: number %d is NaN", i)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Samples, *Options)
		want   string
	}{
		"atoms":     {func(_ *Samples, o *Options) { o.Atoms = 31 }, "31 atoms for 30 samples"},
		"no atoms":  {func(_ *Samples, o *Options) { o.Atoms = 0 }, "0 atoms"},
		"NaN":       {func(s *Samples, _ *Options) { s.High[27] = math.NaN() }, "high sample 1: number 2 is NaN"},
		"mismatch":  {func(s *Samples, _ *Options) { s.Low = s.Low[9:] }, "not matched samples"},
		"precision": {func(_ *Samples, o *Options) { o.Precision = "half" }, `precision "half"`},
		"all zero":  {func(s *Samples, _ *Options) { clear(s.High) }, "0 samples are not zero, too few for 5 atoms"},
		"lambda":    {func(_ *Samples, o *Options) { o.Lambda = -1 }, "must be positive"},
	} {
		s, o := spectra(30, 1), Options{Atoms: 5, MaxIterations: 2}
		c.change(s, &o)
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			_, err := Train(ctx, comm, s, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
