package jobs

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// Every kind of job that has the key image.truth compares an observed frame, its result and what
// it makes beside with the true frame in that file: over the pixels that were observed, and apart
// at the others; whether rank 0 reads the files or every rank its part. A truth of another shape
// is refused before anything runs.
func TestTruthOfAFile(t *testing.T) {
	const rows, cols = 40, 36
	dir := t.TempDir()
	truth := simulate.Cells{Seed: 5, Rows: rows, Cols: cols}.Draw(0)
	frame, peak := make([]float64, len(truth)), 0.0
	square, observed := 0.0, 0.0
	for i, v := range truth {
		d := 0.03 * math.Sin(3.7*float64(i)+0.01*float64(i*i%101))
		peak = max(peak, v)
		if frame[i] = v + d; i%9 == 0 {
			frame[i] = math.NaN()
			continue
		}
		square += d * d
		observed++
	}
	want := 10 * math.Log10(peak*peak*observed/square)
	jobtest.WriteNpy(t, dir, "frame.npy", frame, rows, cols)
	jobtest.WriteNpy(t, dir, "truth.npy", truth, rows, cols)
	jobtest.WriteNpy(t, dir, "wide.npy", truth, rows/2, 2*cols)
	if err := imageio.WriteNpy(filepath.Join(dir, "none.npy"), []int{rows, cols}, nans(rows*cols)); err != nil {
		t.Fatal(err)
	}
	small := map[string][]string{
		"tikhonov": {"blur.kind=none"}, "tv": {"blur.kind=none", "tv.lambda=0.02"}, "two-layer": {"first.kind=none", "second.kind=none"},
		"tppa": {"blur.kind=none", "tv.tolerance=0.05"}, "mlpatch-denoise": {"tv.tolerance=0.1"}, "mlpatch-admm": {"blur.kind=none", "tv.rule=none", "admm.max_iterations=40", "admm.tolerance=0.2"},
	}
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		if _, has := f.Values()["image.truth"]; !has || k.Name == "scdl-upscale" || k.Name == "mlpatch-superres" { // of which the truth is that of a larger answer: TestEnlargedTruth
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			sets, known := small[k.Name]
			if !known {
				t.Fatal("no small config of this job in truth_test.go")
			}
			if input := examples[k.Name].input; input != nil {
				sets = append(sets, input(t, t.TempDir())...)
			}
			sets = append(sets, "image.path="+filepath.Join(dir, "frame.npy"), "output.pictures=false")
			for _, gather := range []string{"always", "never"} {
				m := runOn(t, 3, k.Name, append(sets, "image.truth="+filepath.Join(dir, "truth.npy"), "output.gather="+gather, fmt.Sprintf("output.dir=%q", t.TempDir())))
				if got := jobtest.Quality(t, m, "observed", "psnr_db"); math.Abs(got-want) > 1e-9 {
					t.Errorf("gather %s: the observation has %g dB, want %g", gather, got, want)
				}
				for column := range m["quality"].(map[string]any) {
					for _, measure := range []string{"psnr_db", "snr_db", "psnr_holes_db", "ssim"} {
						if column == "observed" && (measure == "psnr_holes_db" || measure == "ssim") {
							continue // it has no value in a hole, and every window has one
						}
						if v := jobtest.Quality(t, m, column, measure); math.IsNaN(v) {
							t.Errorf("gather %s: %s of %s is not a number", gather, measure, column)
						}
					}
				}
				if !strings.Contains(fmt.Sprint(m["inputs"]), "truth.npy") {
					t.Errorf("inputs do not name the truth: %v", m["inputs"])
				}
			}
			for file, message := range map[string]string{"wide.npy": "image.truth", "none.npy": "want a true frame"} {
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
					return runWith(ctx, comm, k.Name, append(sets, "image.truth="+filepath.Join(dir, file), fmt.Sprintf("output.dir=%q", t.TempDir())))
				})
				if err == nil || !strings.Contains(err.Error(), message) {
					t.Errorf("%s: %v, want %q", file, err, message)
				}
			}
		})
	}
}

func nans(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.NaN()
	}
	return x
}
