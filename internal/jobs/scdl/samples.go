package scdl

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/scdl"
)

// matrixShape is a matrix of samples as it is meant, whatever the order in the file.
type matrixShape struct{ rows, count int }

// statMatrix tells the shape of a matrix of samples.
func statMatrix(path, samples string) (matrixShape, error) {
	rows, cols, err := imageio.StatMatrix(path)
	if samples == "rows" {
		rows, cols = cols, rows
	}
	return matrixShape{rows, cols}, err
}

// checkMatrix records a problem unless the file at key is there; what is in it is
// seen when it is read.
func checkMatrix(f *config.File, key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		f.Fail(key, "%v", withoutPath(err))
	}
}

// checkSamples records a problem unless the file at key is a matrix, and returns its
// shape; nil for an empty path or a problem. Its numbers are not looked at.
func checkSamples(f *config.File, key, path, samples string) *matrixShape {
	if path == "" {
		return nil
	}
	shape, err := statMatrix(path, samples)
	if err != nil {
		f.Fail(key, "%v", withoutPath(err))
		return nil
	}
	return &shape
}

// withoutPath is an error of the system without the path, which stands beside it.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// sameCount holds two files of samples to have equally many.
func sameCount(path string, a int, other string, b int) error {
	if a != b {
		return fmt.Errorf("%s has %d samples, %s has %d: they do not match", path, a, other, b)
	}
	return nil
}

// readSamples reads samples of a matrix, count x rows: first, first+1, ..., each that
// keep has a true for.
func readSamples(path, samples string, rows, first int, keep []bool) ([]float64, error) {
	n := len(keep)
	box := imageio.Box{R0: first, R1: first + n, C0: 0, C1: rows}
	next, across := rows, 1 // from a sample to the next one, and from a number of it
	if samples == "columns" {
		box = imageio.Box{R0: 0, R1: rows, C0: first, C1: first + n}
		next, across = 1, n
	}
	block, err := imageio.ReadMatrix(path, box)
	if err != nil {
		return nil, err
	}
	kept := 0
	for _, ok := range keep {
		if ok {
			kept++
		}
	}
	if kept == n && across == 1 {
		return block, nil
	}
	x := make([]float64, 0, kept*rows)
	for i, ok := range keep {
		for j := 0; ok && j < rows; j++ {
			x = append(x, block[i*next+j*across])
		}
	}
	return x, nil
}

// heldOut says which samples are not learned from: a matter of the seed and of the
// number of the sample alone.
type heldOut struct {
	seed     uint64
	fraction float64
}

// each calls visit with the samples 0, 1, ... and whether they are held out, until it
// says false.
func (h heldOut) each(visit func(k int, held bool) bool) {
	source := new(rand.PCG)
	draw := rand.New(source)
	for k := 0; ; k++ {
		source.Seed(h.seed, uint64(k)|1<<40)
		if !visit(k, draw.Float64() < h.fraction) {
			return
		}
	}
}

// learned counts the samples of so many that are not held out, up to enough of them.
func (h heldOut) learned(count, enough int) int {
	n := 0
	h.each(func(k int, held bool) bool {
		if k < count && !held {
			n++
		}
		return k < count && n < enough
	})
	return n
}

// cover is the smallest range of samples with the lo-th to the (hi-1)-th in it of
// those that are held out, or of those that are not: its first sample, and for each
// whether it is one of them.
func (h heldOut) cover(held bool, lo, hi int) (first int, keep []bool) {
	seen := 0 // of them
	h.each(func(k int, is bool) bool {
		if seen == hi {
			return false
		}
		if is == held {
			if seen == lo {
				first = k
			}
			seen++
		}
		if seen > lo {
			keep = append(keep, is == held)
		}
		return true
	})
	return first, keep
}

// transposed turns n x rows numbers into rows x n.
func transposed(d []float64, rows int) []float64 {
	n := len(d) / rows
	t := make([]float64, len(d))
	for i := range n {
		for j := range rows {
			t[j*n+i] = d[i*rows+j]
		}
	}
	return t
}

// pictures are the PNG and JPEG files of a folder, by name.
func pictures(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, withoutPath(err)
	}
	var paths []string
	for _, e := range list {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg":
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, errors.New("holds no PNG or JPEG pictures")
	}
	return paths, nil
}

// withoutColour is the luminance of a picture (ITU-R BT.601); missing pixels are black.
func withoutColour(f *imageio.Frame) *scdl.Image {
	n := f.Rows * f.Cols
	x := &scdl.Image{Rows: f.Rows, Cols: f.Cols, Data: make([]float64, n)}
	for i := range n {
		v := f.Data[i]
		if f.Channels == 3 {
			v = 0.299*f.Data[i] + 0.587*f.Data[n+i] + 0.114*f.Data[2*n+i]
		}
		if !math.IsNaN(v) {
			x.Data[i] = v
		}
	}
	return x
}
