package tikhonov

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// planOf is the plan of a job on n ranks.
func planOf(t *testing.T, load func(*config.File) *lifecycle.Job, n int, text string, sets ...string) *lifecycle.Plan {
	t.Helper()
	var p *lifecycle.Plan
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
		j, err := jobtest.Parse(load, text, sets...)
		if err != nil {
			return err
		}
		p, err = j.Plan(t.Context(), comm, n, lifecycle.Link{Latency: 1e-6, Bandwidth: 1e9})
		return err
	})
	return p
}

// For every method, border and search for lambda, plan and run agree on bytes and messages
// within a factor of two.
func TestPlannedTraffic(t *testing.T) {
	if testing.Short() {
		t.Skip("runs and plans 15 jobs")
	}
	const tikhonov = "job = 'tikhonov'\n[simulate]\nrows = 100\ncols = 90\n[blur]\nkind = 'gaussian'\nsize = 5\n"
	const two = "job = 'two-layer'\n[simulate]\nrows = 60\ncols = 56\nmissing = 0.02\n[layers]\ntile = 6\noverlap = 3\n"
	lopsided := jobtest.WriteNpy(t, t.TempDir(), "psf.npy", []float64{1, 2, 3, 1, 6, 2, 1, 1, 1}, 3, 3)
	type row struct {
		load func(*config.File) *lifecycle.Job
		text string
		sets []string
	}
	var table []row
	for _, method := range []string{"ras-gmres", "as-cg", "two-level", "mult", "cg", "spectral"} {
		table = append(table, row{Load, tikhonov, []string{"tikhonov.method=" + method, "tikhonov.regulariser=gradient"}})
	}
	table = append(table,
		row{Load, tikhonov, []string{"tikhonov.lambda=discrepancy"}},
		row{Load, tikhonov, []string{"tikhonov.lambda=gcv"}},
		row{Load, tikhonov, []string{"tikhonov.lambda=discrepancy", "output.errors=noise", "simulate.channels=3"}},
		row{Load, tikhonov, []string{"output.errors=posterior", "output.error_samples=5"}},
		row{Load, tikhonov, []string{"tikhonov.border=periodic", "simulate.channels=3"}},
		row{Load, tikhonov, []string{"blur.kind=file", fmt.Sprintf("blur.path=%q", lopsided), "tikhonov.regulariser=laplacian"}},
	)
	for _, method := range []string{"ras-gmres", "as-cg", "cg"} {
		table = append(table, row{LoadTwoLayer, two, []string{"layers.method=" + method, "layers.max_iterations=2000"}})
	}
	table = append(table, row{LoadTwoLayer, two, []string{"layers.regulariser=laplacian", "layers.border=zero"}})
	for i, c := range table {
		const n = 4
		pictures := fmt.Sprintf("output.pictures=%v", i%6 == 0) // methods and jobs with and without
		c.sets = append(c.sets, pictures)
		p := planOf(t, c.load, n, c.text, c.sets...)
		dir, err := jobtest.Run(t, c.load, n, c.text, c.sets...)
		if err != nil {
			t.Errorf("%v: %v", c.sets, err)
			continue
		}
		m := jobtest.Metrics(t, dir)
		for _, of := range []struct {
			key     string
			planned float64
		}{{"bytes_sent", p.SentBytes}, {"messages_sent", p.Messages}, {"iterations", p.Iterations}} {
			if seen := m[of.key].(float64); of.planned > 2*seen || seen > 2*of.planned {
				t.Errorf("%v: %s: %.3g planned, %.3g seen", c.sets, of.key, of.planned, seen)
			}
		}
	}
}

// A plan works where the PSF is larger than the pieces that it is calibrated on, where the
// tiles are too large to be tried, and where the frame is smaller than a piece.
func TestPlanOfExtremes(t *testing.T) {
	for i, c := range []struct {
		load  func(*config.File) *lifecycle.Job
		text  string
		least float64 // bytes a rank
	}{
		{Load, "job = 'tikhonov'\n[simulate]\nrows = 160\ncols = 150\n[blur]\nkind = 'gaussian'\nsize = 111\nsigma = 2\n[tikhonov]\nmethod = 'cg'\nmax_iterations = 3\n", 8 * 160 * 150},
		{Load, "job = 'tikhonov'\n[simulate]\nrows = 20\ncols = 9\n", 8 * 180},
		// The overlap is larger than the pieces.
		{Load, "job = 'tikhonov'\n[simulate]\nrows = 300\ncols = 190\n[tikhonov]\nmethod = 'cg'\noverlap = 250\n", 8 * 300 * 190},
		{Load, "job = 'tikhonov'\n[simulate]\nrows = 300\ncols = 190\n[tikhonov]\nmethod = 'cg'\noverlap = 250\n[output]\nerrors = 'posterior'\n", 8 * 300 * 190},
		// A factor of 2 (40+2*8)^2 unknowns has 315 MB.
		{LoadTwoLayer, "job = 'two-layer'\n[simulate]\nrows = 200\ncols = 200\n[layers]\ntile = 40\noverlap = 8\n", 3e8},
		{LoadTwoLayer, "job = 'two-layer'\n[simulate]\nrows = 120\ncols = 110\n[first]\nsize = 41\nsigma = 3\n[layers]\ntile = 4\noverlap = 2\n", 8 * 120 * 110},
		{LoadTwoLayer, "job = 'two-layer'\n[simulate]\nrows = 5\ncols = 16\n", 8 * 80},
	} {
		if i%2 == 1 && testing.Short() {
			continue
		}
		if p := planOf(t, c.load, 1, c.text); p.MemoryBytes < c.least || p.Compute <= 0 || p.SentBytes != 0 {
			t.Errorf("%s: %+v", c.text, p)
		}
	}
}

// A cancelled plan ends with the context's error.
func TestPlanIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, load := range []func(*config.File) *lifecycle.Job{Load, LoadTwoLayer} {
		jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
			j, err := jobtest.Parse(load, "")
			if err != nil {
				return err
			}
			if _, err := j.Plan(ctx, comm, 2, lifecycle.Link{}); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("got %v, want the context's error", err)
			}
			return nil
		})
	}
}

// The classes of tiles along an axis are those at the edges and inside, of either size.
func TestTileClasses(t *testing.T) {
	for _, c := range []struct {
		lo, hi, n int
		want      float64
	}{
		{0, 120, 120, 3},   // ten tiles of 12: two at the edges, and the inner ones
		{0, 114, 114, 5},   // four tiles of 12, then six of 11, of which the last but one reaches the edge
		{0, 60, 120, 2},    // one edge only
		{240, 360, 960, 1}, // no edge
		{0, 12, 12, 1},
	} {
		if got := tileClasses(c.lo, c.hi, c.n, 12, 4, 8); got != c.want {
			t.Errorf("%+v: %g classes", c, got)
		}
	}
}

// A piece has the sizes of tiles that the box has.
func TestPieceSide(t *testing.T) {
	for _, c := range []struct{ n, want int }{{50, 50}, {72, 72}, {120, 72}, {114, 69}, {1200, 72}} {
		if got := pieceSide(c.n, 12, 6); got != c.want {
			t.Errorf("box of %d pixels: piece of %d, want %d", c.n, got, c.want)
		}
	}
}
