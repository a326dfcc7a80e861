package psf

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// A few weights of 65535 in one stamp are named in a warning on any number of ranks; weights that differ by less are not.
func TestHeavyWeights(t *testing.T) {
	dir := t.TempDir()
	const count, side = 5, 11
	data, psfs, weights := make([]float64, count*side*side), make([]float64, side*side), make([]float64, count*side*side)
	psfs[side*side/2] = 1
	for i := range data {
		data[i], weights[i] = float64(i%7), 1.0/9
	}
	for _, c := range []struct {
		ranks  int
		weight float64
		warned bool
	}{{1, 65535, true}, {3, 65535, true}, {2, 100, false}} {
		weights[3*side*side+17] = c.weight
		out, err := jobtest.Run(t, Load, c.ranks, `job = "psf"`, fmt.Sprintf("stack.path=%q", jobtest.WriteNpy(t, dir, "y.npy", data, count, side, side)),
			fmt.Sprintf("stack.weights=%q", jobtest.WriteNpy(t, dir, "w.npy", weights, count, side, side)), fmt.Sprintf("psf.path=%q", jobtest.WriteNpy(t, dir, "p.npy", psfs, 1, side, side)), "psf.iterations=5")
		if err != nil && !strings.Contains(err.Error(), "onverge") {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(out, "run.log"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(log), "the first is stamp 3 with 65535"); got != c.warned || strings.Contains(string(log), "times the median of all stamps") != c.warned {
			t.Errorf("%g on %d ranks: a warning: %v", c.weight, c.ranks, got)
		}
	}
}

// Stamps that have lost their flux are called no restoration, and no bias: only where the iteration has not converged.
func TestLostFlux(t *testing.T) {
	for _, c := range []struct {
		status lifecycle.Status
		change float64
		lost   bool
	}{{lifecycle.NotConverged, -0.98, true}, {lifecycle.NotConverged, 3, true}, {lifecycle.NotConverged, 0.02, false}, {lifecycle.HasConverged, -0.98, false}} {
		m := &metrics{FluxChange: &lifecycle.Quartiles{Median: lifecycle.Number(c.change)}, Bounded: true, Checks: make([]checkMetrics, 1)}
		m.Status = c.status
		var b strings.Builder
		table := lifecycle.NewTable(&b)
		m.Report(table)
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		bias := strings.Contains(b.String(), "psf.debias")
		if (m.lost() != "") != c.lost || c.lost && bias {
			t.Errorf("%v: %q, advice to remove a bias: %v", c, m.lost(), bias)
		}
	}
}

// An infinite pixel of a stamp is missing, as one that is NaN, and a mark of a missing value in a PSF is found before the run, as in jobs of frames.
func TestInfiniteAndMarks(t *testing.T) {
	dir := t.TempDir()
	const count, side = 3, 11
	data, psfs := make([]float64, count*side*side), make([]float64, side*side)
	psfs[side*side/2] = 1
	text := fmt.Sprintf("job = \"psf\"\n[stack]\npath = %q\n[psf]\npath = %q\niterations = 3\n", filepath.Join(dir, "y.npy"), filepath.Join(dir, "p.npy"))
	jobtest.WriteNpy(t, dir, "p.npy", psfs, 1, side, side)
	for i := range data {
		data[i] = float64(i % 7)
	}
	var solutions [][]float64
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		data[200] = v
		jobtest.WriteNpy(t, dir, "y.npy", data, count, side, side)
		out, err := jobtest.Run(t, Load, 2, text)
		if err != nil {
			t.Fatalf("%g: %v", v, err)
		}
		if m := jobtest.Metrics(t, out); m["missing_pixels"].(float64) != 1 {
			t.Errorf("%g: %v pixels are missing", v, m["missing_pixels"])
		}
		solutions = append(solutions, jobtest.ReadNpy(t, out, "solution.npy"))
		if d := jobtest.Farthest(solutions[0], solutions[len(solutions)-1]); d != 0 {
			t.Errorf("%g: the stamps differ by %g from those with NaN", v, d)
		}
	}
	for _, v := range []float64{-9999, 1e30} {
		psfs[3*side+2] = v
		jobtest.WriteNpy(t, dir, "p.npy", psfs, 1, side, side)
		j, err := jobtest.Parse(Load, text)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), "psf.path") || !strings.Contains(err.Error(), "PSF 0: row 3, column 2 is ") {
			t.Errorf("a PSF with %g: %v", v, err)
		}
	}
}
