package scdl

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/simulate"
)

var update = flag.Bool("update", false, "write the data in configs/data anew")

// The data that the configs of these jobs read are those of the simulator: spectra that no dictionary has learned from, with their
// true high samples (one in each column), pictures of cells to learn from, and a small one that is not among them.
func TestShippedData(t *testing.T) {
	const folder, count = "../../../configs/data", 200
	s := simulate.Spectra{Seed: 1, High: 25, Noise: 0.002}
	high, low := make([]float64, s.High*count), make([]float64, s.Low()*count)
	for i := range count {
		h, l := make([]float64, s.High), make([]float64, s.Low())
		s.Draw(4000+i, h, l) // behind those that the shipped configs learn from
		for j, v := range h {
			high[j*count+i] = v
		}
		for j, v := range l {
			low[j*count+i] = v
		}
	}
	for name, want := range map[string][]float64{"spectra-high.npy": high, "spectra-low.npy": low} {
		path, rows := filepath.Join(folder, name), len(want)/count
		if *update {
			single := make([]float32, len(want))
			for i, v := range want {
				single[i] = float32(v)
			}
			if err := imageio.WriteNpy(path, []int{rows, count}, single); err != nil {
				t.Fatal(err)
			}
		}
		got, err := imageio.ReadMatrix(path, imageio.Box{R1: rows, C1: count})
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, got, want, 1e-5)
	}
	pictures := map[string]simulate.Cells{"small.png": {Seed: 3, Rows: 96, Cols: 96}}
	for k := range 4 {
		pictures[fmt.Sprintf("pictures/cells-%d.png", k+1)] = simulate.Cells{Seed: 4 + uint64(k), Rows: 160, Cols: 160}
	}
	for name, c := range pictures {
		path, want := filepath.Join(folder, name), c.Draw(0)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := imageio.WritePNG(path, &imageio.Frame{Channels: 1, Rows: c.Rows, Cols: c.Cols, Data: want}, imageio.Linear(0, 1)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := imageio.ReadFrame(path)
		if err != nil {
			t.Fatal(err)
		}
		unit := slices.Max(want) / slices.Max(got.Data) // of a picture's values, whatever white is
		for i := range got.Data {
			got.Data[i] *= unit
		}
		near(t, name, got.Data, want, 0.01)
	}
}

// near fails unless two arrays agree to a difference.
func near(t *testing.T, name string, got, want []float64, most float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", name, len(got), len(want))
		return
	}
	for i, v := range got {
		if !(math.Abs(v-want[i]) <= most) {
			t.Errorf("%s: number %d is %g, want %g: write the files with go test -run TestShippedData -update", name, i, v, want[i])
			return
		}
	}
}
