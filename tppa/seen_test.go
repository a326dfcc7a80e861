package tppa

import (
	"maps"
	"math"
	"slices"
	"testing"

	"tessera/halo"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// Twenty pictures each of cells, of a lognormal texture and of blocks: the first are like the
// training set, but for one at most; of each of the others at least 19 are not.
func TestStrangePictures(t *testing.T) {
	const side, draws = 96, 20
	net, err := NewNetwork(2, Options{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]func(k int) []float64{
		"cells": func(k int) []float64 { return simulate.Cells{Seed: 99, Rows: side, Cols: side}.Draw(k) },
		"lognormal": func(k int) []float64 {
			x, s := make([]float64, side*side), random.New(3, uint64(k))
			for i := range x {
				x[i] = 0.2 * math.Exp(0.8*s.Normal(uint64(i)))
			}
			return x
		},
		"blocks": func(k int) []float64 {
			x, s := make([]float64, side*side), random.New(4, uint64(k))
			for i := range x {
				x[i] = s.Uniform(uint64(i/side/12*100 + i%side/12))
			}
			return x
		},
	}
	onRanks(t, 2, func(comm ranks.Comm) error {
		set, err := training(comm, net, 24, 64, 0.01)
		if err != nil {
			return err
		}
		seen, err := set.Look(comm)
		if err != nil {
			return err
		}
		r, frame, err := newRun(comm, net, []int{side, side}, 1, halo.Reflect, false)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(kinds)) { // the same order on all ranks
			draw := kinds[name]
			strange, least, most := 0, math.Inf(1), 0.0
			for k := range draws {
				x := cut(frame, comm, draw(k), 1)
				y := make([]float64, len(x))
				if err := r.a.Apply(y, x); err != nil {
					return err
				}
				h, err := r.Histogram(y)
				if err != nil {
					return err
				}
				score, unlike, err := seen.Score(h)
				if err != nil {
					return err
				}
				least, most = min(least, score), max(most, score)
				if unlike {
					strange++
				}
			}
			if comm.Rank() == 0 {
				t.Logf("%s: %d of %d unlike the training set, scores %.2f to %.2f", name, strange, draws, least, most)
				if name == "cells" && strange > 1 || name != "cells" && strange < 19 {
					t.Errorf("%s: %d of %d are unlike the training set", name, strange, draws)
				}
			}
		}
		return nil
	})
}
