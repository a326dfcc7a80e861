package scdl

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tessera/internal/linalg"
)

// Codes satisfy the optimality conditions of the lasso, and agree with those of plain Go.
func testCode[T linalg.Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(5, 5))
	const atoms, rows, lambda = 83, 13, 0.05
	c := newCoder[T](atoms, rows, lambda, 0.8, 3000)
	for a := range atoms {
		for j := range c.side.atom(a) {
			c.side.atom(a)[j] = r.NormFloat64()
		}
		linalg.Scale(1/linalg.Norm2(c.side.atom(a)), c.side.atom(a))
	}
	if err := c.side.prepare(atoms); err != nil {
		t.Fatal(err)
	}
	s := make([]float64, 50*rows)
	for i := range s {
		s[i] = r.NormFloat64()
	}
	c.side.load(s, newUnits(0, 1))
	c.code()
	v := make([]T, rows*TileSamples)
	c.side.residue(atoms, c.codes, v)
	nonzero := 0
	for a := range atoms {
		for j := range TileSamples {
			pull := 0.0
			for i, d := range c.side.atom(a) {
				pull += d * float64(v[i*TileSamples+j])
			}
			z := float64(c.codes[a*TileSamples+j])
			switch {
			case z != 0:
				nonzero++
				if math.Abs(pull-math.Copysign(lambda, z)) > tolerance {
					t.Fatalf("atom %d of sample %d: code %g, D'(s - D z) = %g", a, j, z, pull)
				}
			case math.Abs(pull) > lambda+tolerance:
				t.Fatalf("atom %d of sample %d: no code, D'(s - D z) = %g", a, j, pull)
			}
		}
	}
	if nonzero < 50 || nonzero > 50*rows*2 {
		t.Errorf("%d codes are not 0", nonzero)
	}
	codes := slices.Clone(c.codes)
	clear(c.state)
	c.codePlain()
	for i, x := range c.codes {
		if math.Abs(float64(x-codes[i])) > tolerance {
			t.Fatalf("code %d is %g, plain %g", i, codes[i], x)
		}
	}
}

func TestCode(t *testing.T) {
	testCode[float32](t, 1e-3)
	testCode[float64](t, 2e-4)
}

// On patches of pictures Online predicts better than raw atoms. The high spectra are nearly
// linear in the low ones, so that raw atoms are as good; there it must reach a PSNR only.
func TestOnline(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     *Samples
		least float64 // decibels of the held-out ones, and more than raw atoms have
		more  float64
	}{{"made up", spectra(1500, 3), 50, -1}, {"real", realSpectra(t), 41, -2}, {"patches", patches(t, Grid{Scale: 2, Patch: 5, Blur: 0.8}, 2000, madeUp(1, 160), madeUp(2, 160)), 30, 0.2}} {
		if c.s == nil {
			continue
		}
		train, test := split(c.s, c.s.Total*4/5)
		r, err := dealt(2, train, Options{Atoms: 100, MaxIterations: 4, Batch: 512, Seed: 1}, Online)
		if err != nil {
			t.Fatal(err)
		}
		learned, raw, linear := compare(t, train, test, &r.Pair, Code{Method: "ridge", Lambda: 1e-2})
		last := len(r.ErrorHigh) - 1
		t.Logf("%s: error %.4f to %.4f, %.3f of the codes not 0, held-out %.2f dB, raw atoms %.2f dB, linear %.2f dB", c.name, r.ErrorHigh[0], r.ErrorHigh[last], r.SparsityHigh, learned, raw, linear)
		if last != 3 || r.ErrorHigh[last] > r.ErrorHigh[0] || learned < c.least || learned < raw+c.more {
			t.Errorf("%s: held-out %.2f dB, raw atoms %.2f dB, errors %v", c.name, learned, raw, r.ErrorHigh)
		}
	}
}

// The result is the same on any number of ranks, without or with an interruption.
func TestOnlineRanks(t *testing.T) {
	s := spectra(300, 4)
	o := Options{Atoms: 30, MaxIterations: 3, Batch: 100, CodeIterations: 10, Precision: Double, Seed: 2}
	whole := map[int]*Result{}
	for _, size := range []int{1, 2, 3, 7} {
		r, err := dealt(size, s, o, Online)
		if err != nil {
			t.Fatal(err)
		}
		whole[size] = r
		same(t, "ranks", r, whole[1], 1e-9)
		again, err := dealt(size, s, o, Online)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "again", again, r, 0)
	}
	for _, size := range []int{1, 2, 7} {
		ctx, cancel := context.WithCancel(context.Background())
		k, o := &kept{}, o
		o.Save = k.save
		o.Progress = func(p Progress) {
			if p.Iteration == 1 {
				cancel()
			}
		}
		if _, err := dealtWith(ctx, 2, s, o, Online); !errors.Is(err, context.Canceled) || k.saves == 0 {
			t.Fatal(err)
		}
		o.Progress, o.Resume = nil, k.snapshot()
		r, err := dealt(size, s, o, Online)
		if err != nil {
			t.Fatal(err)
		}
		tolerance := 1e-9
		if size == 2 {
			tolerance = 0
		}
		same(t, "resumed", r, whole[size], tolerance)
		if r.Resumed != 1 {
			t.Errorf("went on from pass %d, stopped after 1", r.Resumed)
		}
	}
	for want, change := range map[string]func(*Options){
		"no Records": func(o *Options) {
			k := &kept{}
			o.Save, o.SaveEvery = k.save, time.Nanosecond
			if _, err := dealt(1, s, *o, Online); err != nil {
				t.Fatal(err)
			}
			o.Resume = &Snapshot{Meta: k.meta}
		},
		"no state to keep": func(o *Options) { o.Folder = t.TempDir() },
		"compatible with":  func(o *Options) { o.Compatibility = Spark },
		"mini-batches":     func(o *Options) { o.Batch = -1 },
	} {
		o := o
		change(&o)
		if _, err := dealt(1, s, o, Online); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
