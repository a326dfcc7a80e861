package main

import (
	"fmt"
	"math"
	"path/filepath"

	"tessera/internal/imageio"
)

// difference is the relative difference of the numbers of two files, in the 2-norm: the
// largest one of the arrays of an npz file. NaN must be in the same places.
func difference(a, b string) (float64, error) {
	x, err := arrays(a)
	if err != nil {
		return 0, err
	}
	y, err := arrays(b)
	if err != nil {
		return 0, err
	}
	if len(x) != len(y) {
		return 0, fmt.Errorf("%s has %d arrays, want %d", b, len(y), len(x))
	}
	largest := 0.0
	for k := range x {
		if len(x[k]) != len(y[k]) {
			return 0, fmt.Errorf("%s has %d numbers, want %d", b, len(y[k]), len(x[k]))
		}
		diff, norm := 0.0, 0.0
		for i, v := range x[k] {
			w := y[k][i]
			if math.IsNaN(v) && math.IsNaN(w) {
				continue
			}
			diff += (v - w) * (v - w)
			norm += v * v
		}
		if diff > 0 || math.IsNaN(diff) {
			largest = math.Max(largest, math.Sqrt(diff/norm))
		}
	}
	return largest, nil
}

// arrays are the numbers of a file of a result.
func arrays(path string) ([][]float64, error) {
	switch filepath.Ext(path) {
	case ".npz":
		members, err := imageio.ReadNpz(path, nil)
		if err != nil {
			return nil, err
		}
		var all [][]float64
		for _, m := range members {
			all = append(all, m.Data)
		}
		return all, nil
	case ".npy":
		a, err := imageio.ReadNpy(path)
		if err != nil {
			return nil, err
		}
		return [][]float64{a.Data}, nil
	}
	f, err := imageio.ReadFrame(path)
	if err != nil {
		return nil, err
	}
	return [][]float64{f.Data}, nil
}
