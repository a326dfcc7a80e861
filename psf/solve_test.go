package psf

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// native tells whether the native kernels are compiled in. Without them the tests of
// quality take fewer stamps and iterations.
var native = !strings.Contains(linalg.Backend(), "gonum")

// notShort skips a slow test in short mode.
func notShort(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds, minutes with the race detector")
	}
}

// stretch is one rank's part of a stack and its options.
func stretch(s *Stack, o Options, size, rank int) (*Stack, Options) {
	lo, hi := halo.Split(s.Total, size, rank)
	n, m := s.Side*s.Side, s.PSFSide*s.PSFSide
	p := *s
	p.First, p.Data = lo, s.Data[lo*n:hi*n]
	if s.Weights != nil && hi > lo { // a rank without stamps needs no weights
		p.Weights = s.Weights[lo*n : hi*n]
	} else {
		p.Weights = nil
	}
	switch {
	case s.PSFOf != nil:
		p.PSFOf = s.PSFOf[lo:hi]
	case len(s.PSFs) == s.Total*m:
		p.PSFs = s.PSFs[lo*m : hi*m]
		if hi-lo == 0 {
			p.PSFOf = []int{}
		}
	}
	if o.Given != nil {
		o.Given = o.Given[lo*n : hi*n]
	}
	return &p, o
}

// trySolve restores a stack on size ranks. The result is that of rank 0, with the data
// and the iterations of all stamps, and Made of all ranks.
func trySolve(size int, s *Stack, o Options, adapt func(ranks.Comm, *Options)) (*Result, error) {
	var mu sync.Mutex
	all := &Result{Data: make([]float64, len(s.Data)), StampIterations: make([]int, s.Total)}
	var checks []Check
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
		part, own := stretch(s, o, size, c.Rank())
		if adapt != nil {
			adapt(c, &own)
		}
		r, err := Deconvolve(ctx, c, part, own)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		copy(all.Data[part.First*s.Side*s.Side:], r.Data)
		copy(all.StampIterations[part.First:], r.StampIterations)
		if checks != nil && !slices.Equal(checks, r.Checks) {
			return fmt.Errorf("the ranks disagree: %v, %v", checks, r.Checks)
		}
		checks = r.Checks
		if c.Rank() == 0 {
			data, iterations, made := all.Data, all.StampIterations, all.Made
			*all = *r
			all.Data, all.StampIterations, all.Made = data, iterations, made+r.Made
		} else {
			all.Made += r.Made
		}
		return nil
	})
	return all, err
}

func solve(t testing.TB, size int, s *Stack, o Options) *Result {
	t.Helper()
	r, err := trySolve(size, s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// survey draws a stack of n stamps of 41 x 41 pixels as `tessera simulate survey` does;
// snr is the signal-to-noise ratio.
func survey(n, psfs int, snr float64, seed uint64) (s *Stack, truth []float64) {
	const side = 41
	const p = side * side
	f := simulate.NewField(seed, side, psfs)
	s = &Stack{Side: side, Total: n, PSFSide: side, PSFs: make([]float64, psfs*p), Data: make([]float64, n*p)}
	conv := fourier.NewSmallZeroConvolver[float64](side, side)
	var filters []fourier.Filter[float64]
	for i := range psfs {
		f.PSF(i, s.PSFs[i*p:(i+1)*p])
		filters = append(filters, conv.Filter(side, s.PSFs[i*p:(i+1)*p], identity))
	}
	truth = make([]float64, n*p)
	rms := 0.0
	for i := range n {
		x, y := truth[i*p:(i+1)*p], s.Data[i*p:(i+1)*p]
		f.Galaxy(i, x)
		s.PSFOf = append(s.PSFOf, f.PSFOf(i))
		conv.Apply(y, x, filters[s.PSFOf[i]])
		rms += linalg.Norm2(y) / side
	}
	for i := range n {
		f.AddNoise(i, s.Data[i*p:(i+1)*p], rms/float64(n)/snr)
	}
	return s, truth
}
