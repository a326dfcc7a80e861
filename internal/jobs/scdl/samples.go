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
	"tessera/internal/outliers"
	"tessera/internal/tables"
	"tessera/scdl"
)

// matrixShape is the shape of a matrix of samples, whether a sample is a row or a column of
// the file.
type matrixShape struct {
	rows  int // numbers of a sample
	count int // samples
}

// statMatrix tells the shape of a matrix of samples.
func statMatrix(path, samples string) (matrixShape, error) {
	rows, cols, err := imageio.StatMatrix(path)
	if samples == "rows" {
		rows, cols = cols, rows
	}
	return matrixShape{rows, cols}, err
}

// checkSamples records a problem unless the file at key is a matrix, and returns its
// shape; nil for an empty path or a problem. It reads the numbers of at most mostChecked.
func checkSamples(f *config.File, key, path, samples string) *matrixShape {
	if path == "" {
		return nil
	}
	shape, err := statMatrix(path, samples)
	if err == nil {
		err = tables.CheckSamples(path, samples == "columns")
	}
	if err == nil && float64(shape.rows)*float64(shape.count) <= mostChecked {
		rows, cols := shape.count, shape.rows
		if samples == "columns" {
			rows, cols = cols, rows
		}
		_, err = imageio.ReadMatrix(path, imageio.Box{R1: rows, C1: cols})
	}
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

// sameCount returns an error unless two files have as many samples.
func sameCount(path string, a int, other string, b int) error {
	if a != b {
		return fmt.Errorf("%s has %d samples, %s has %d: they do not match", path, a, other, b)
	}
	return nil
}

// readSamples reads those of the samples first, first+1, ... for which keep is true: as many
// x rows numbers.
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
	if i := outliers.FirstMark(block); i >= 0 && outliers.LooksHuge(block[i]) {
		w := box.C1 - box.C0
		return nil, fmt.Errorf("%s: row %d, column %d, counted from 1: %.6g, which marks a missing value; a sample is known everywhere: leave it out", path, box.R0+i/w+1, box.C0+i%w+1, block[i])
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

// heldOut says which samples are not learned from. It depends on the seed and on the number
// of the sample alone.
type heldOut struct {
	seed     uint64
	fraction float64
}

// each calls visit with the number of each sample from 0 on and whether it is held out,
// until visit returns false.
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

// learned counts which of the first count samples are not held out. It stops at enough.
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

// cover is the smallest range of samples that contains the lo-th to the (hi-1)-th of those
// that are held out (held = true) or that are not: the first sample of the range, and for
// each sample of it whether it is one of them.
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

// pictures are the PNG, JPEG and TIFF files of a folder, by name; others are the names of its
// other files. Names that begin with a dot are passed over: systems keep notes of their own in
// such files.
func pictures(dir string) (paths, others []string, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, withoutPath(err)
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg", ".tif", ".tiff":
			paths = append(paths, filepath.Join(dir, e.Name()))
		default:
			others = append(others, e.Name())
		}
	}
	switch {
	case len(paths) > 0:
		return paths, others, nil
	case len(others) > 0:
		return nil, nil, fmt.Errorf("holds no PNG, JPEG or TIFF pictures; it has %s", imageio.Listed(others))
	}
	return nil, nil, errors.New("holds no PNG, JPEG or TIFF pictures")
}

// checkPicture tells whether the values of a picture are brightness and reach over a patch of
// so many pixels a side.
func checkPicture(path string, f *imageio.Frame, side int) error {
	switch {
	case f.Rows < side || f.Cols < side:
		return fmt.Errorf("%s: %d x %d pixels, want at least %d x %d, the size of a high patch", path, f.Rows, f.Cols, side, side)
	case !f.Photograph():
		return fmt.Errorf("%s: a picture of %s samples, want brightness in 8 or 16 bits without a sign", path, f.Type)
	}
	return nil
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
