package job

import (
	"errors"
	"fmt"
	"math"
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
	t, err := imageio.ReadTable(path)
	if err != nil {
		return matrixShape{}, err
	}
	if samples == "rows" {
		return matrixShape{t.Cols, t.Rows}, nil
	}
	return matrixShape{t.Rows, t.Cols}, nil
}

// checkMatrix records a problem unless the file at key is there; what is in it is
// seen when it is read.
func checkMatrix(f *config.File, key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		f.Fail(key, "%v", err)
	}
}

// readMatrix reads a matrix of samples, count x rows.
func readMatrix(path, samples string) ([]float64, error) {
	t, err := imageio.ReadTable(path)
	if err != nil {
		return nil, err
	}
	for i, v := range t.Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s: %s, column %d: %g", path, t.Where(i/t.Cols), i%t.Cols+1, v)
		}
	}
	if samples == "rows" {
		return t.Data, nil
	}
	return transposed(t.Data, t.Cols), nil
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
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, err
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
