package scdl

import (
	"archive/zip"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/linalg"
)

const data = "../../shared/data/"

// readMatrix reads a matrix of rows x samples into samples x rows.
func readMatrix(t testing.TB, path string) (x []float64, rows int) {
	t.Helper()
	a, err := imageio.ReadNpy(path)
	if err != nil {
		if strings.HasPrefix(path, data) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	return columns[float64](a.Data, a.Shape[1]), a.Shape[0]
}

// readZip reads one array of an npz archive.
func readZip(t *testing.T, path, name string) []float64 {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Skip(err)
	}
	defer z.Close()
	f, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), name+".npy")
	if err := os.WriteFile(out, b, 0o666); err != nil {
		t.Fatal(err)
	}
	a, err := imageio.ReadNpy(out)
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// columns transposes samples x rows to rows x samples, or back.
func columns[T linalg.Float](x []float64, rows int) []T {
	n := len(x) / rows
	out := make([]T, len(x))
	for i := range n {
		for j := range rows {
			out[j*n+i] = T(x[i*rows+j])
		}
	}
	return out
}

// TestParity compares Sequential with the output of the program itself for 100 spectra.
// Without these files it is skipped; TestCompatible always runs.
func TestParity(t *testing.T) {
	high, p := readMatrix(t, data+"reference/scdl_hs100_Sh.npy")
	low, m := readMatrix(t, data+"reference/scdl_hs100_Sl.npy")
	out := data + "reference/scdl_out_hs100_A64_it100_asis.npz"
	s := &Samples{P: p, M: m, Total: 100, High: high, Low: low}
	r := learn(t, 1, s, Options{Atoms: 64, MaxIterations: 100, Compatibility: Sequential})
	if d := worst(columns[float64](r.High, p), readZip(t, out, "dh")); d > 1e-10 {
		t.Errorf("D_h off by %.1e", d)
	}
	if d := worst(columns[float64](r.Low, m), readZip(t, out, "dl")); d > 1e-10 {
		t.Errorf("D_l off by %.1e", d)
	}
	if d := worst(r.ErrorHigh, readZip(t, out, "err_h")); d > 1e-11 {
		t.Errorf("high errors off by %.1e", d)
	}
	if d := worst(r.ErrorLow, readZip(t, out, "err_l")); d > 1e-11 {
		t.Errorf("low errors off by %.1e", d)
	}
}

// worst is the largest absolute difference.
func worst(got, want []float64) (d float64) {
	for i, v := range want {
		d = max(d, math.Abs(v-got[i]))
	}
	return d
}

// TestCompatible compares Sequential and Spark with the arrays of testdata, which a second
// implementation made (testdata/README.md).
func TestCompatible(t *testing.T) {
	high, p := readMatrix(t, "testdata/high.npy")
	low, m := readMatrix(t, "testdata/low.npy")
	s := &Samples{P: p, M: m, Total: len(low) / m, High: high, Low: low}
	for _, mode := range []Compatibility{Sequential, Spark} {
		a, err := imageio.ReadNpy("testdata/" + string(mode) + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 2, 3} {
			r := learn(t, size, s, Options{Atoms: 16, MaxIterations: 20, Compatibility: mode})
			got := slices.Concat(r.High, r.Low, r.ErrorHigh, r.ErrorLow)
			if len(got) != len(a.Data) {
				t.Fatalf("%s on %d ranks: %d numbers, want %d", mode, size, len(got), len(a.Data))
			}
			if d := worst(got, a.Data); d > 1e-10 {
				t.Errorf("%s on %d ranks: largest difference %.1e", mode, size, d)
			}
		}
	}
}
