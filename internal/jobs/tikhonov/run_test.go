package tikhonov

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

const fitsJob = `
job = "tikhonov"
[simulate]
rows = 8
[blur]
kind = "gaussian"
size = 3
[tikhonov]
lambda = 0.1
`

// The solution of a FITS frame with missing pixels is also written as FITS, with the header
// of the frame, a HISTORY of the restoration, and no missing pixels.
func TestFITSRoundTrip(t *testing.T) {
	f := &imageio.Frame{Channels: 1, Rows: 24, Cols: 17, Data: make([]float64, 24*17)}
	for i := range f.Data {
		f.Data[i] = 100 + float64(i%13)
	}
	f.Data[40] = math.NaN()
	f.Header = imageio.Header{card("OBJECT  = 'M 51    '           / what it is"), card("EXPTIME =                600.0")}
	path := filepath.Join(t.TempDir(), "in.fits")
	if err := imageio.WriteFITS(path, f); err != nil {
		t.Fatal(err)
	}
	dir, err := jobtest.Run(t, Load, 3, fitsJob, fmt.Sprintf("image.path=%q", path), "output.pictures=true")
	if err != nil {
		t.Fatal(err)
	}
	got, err := imageio.ReadFrame(filepath.Join(dir, "solution.fits"))
	if err != nil {
		t.Fatal(err)
	}
	npy, err := imageio.ReadNpy(filepath.Join(dir, "solution.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Data {
		if v != npy.Data[i] || math.IsNaN(v) {
			t.Fatalf("pixel %d: %g in FITS, %g in npy", i, v, npy.Data[i])
		}
	}
	if object, _ := got.Header.Get("OBJECT"); object != "M 51" {
		t.Errorf("OBJECT is %q, want M 51", object)
	}
	raw, _ := os.ReadFile(filepath.Join(dir, "solution.fits"))
	if !strings.Contains(string(raw), "HISTORY tessera test: Tikhonov restoration of in.fits") {
		t.Error("no HISTORY of the restoration")
	}
	m := jobtest.Metrics(t, dir)
	if s := m["source"].(string); !strings.HasSuffix(s, "in.fits, observed; [simulate] is not used") {
		t.Errorf("source is %q", s)
	}
	if m["missing_pixels"] != 1.0 || m["quality"] != nil {
		t.Errorf("missing_pixels %v, quality %v: want 1 and none, as no truth is known", m["missing_pixels"], m["quality"])
	}
	for _, name := range []string{"truth.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s without a truth", name)
		}
	}
}

func card(s string) imageio.Card { return imageio.Card(fmt.Sprintf("%-80s", s)) }

// The PSNR in metrics.json is that of the files that were written: relative to the peak of
// the truth, over the observed pixels, and over the others apart.
func TestPSNR(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 19, 23
	truth := make([]float64, rows*cols)
	for i := range truth {
		truth[i] = 3 * math.Exp(-math.Pow(float64(i/cols-9), 2)/20-math.Pow(float64(i%cols-11), 2)/30)
	}
	from := jobtest.WriteNpy(t, dir, "truth.npy", truth, rows, cols)
	text := "job = 'tikhonov'\n[simulate]\nnoise = 0.02\nmissing = 0.2\n"
	out, err := jobtest.Run(t, Load, 2, text, fmt.Sprintf("simulate.from=%q", from))
	if err != nil {
		t.Fatal(err)
	}
	w, err := imageio.ReadNpy(filepath.Join(out, "solution.npy"))
	if err != nil {
		t.Fatal(err)
	}
	alive := simulate.Dead{Seed: 1, Fraction: 0.2}.Weights(simulate.Box{R1: rows, C1: cols}, cols)
	var sums, counts [2]float64 // at observed pixels and at the others
	for i, v := range w.Data {
		k := 1 - int(alive[i])
		sums[k] += (v - truth[i]) * (v - truth[i])
		counts[k]++
	}
	m := jobtest.Metrics(t, out)
	for k, measure := range []string{"psnr_db", "psnr_holes_db"} {
		want := 10 * math.Log10(9*counts[k]/sums[k])
		if got := jobtest.Quality(t, m, "solution", measure); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %g, want %g", measure, got, want)
		}
	}
	// The noise is 2 % of the peak: 34 dB, with a standard error of 0.3 dB for 350 pixels.
	if got := jobtest.Quality(t, m, "observed", "psnr_db"); math.Abs(got-20*math.Log10(50)) > 1 {
		t.Errorf("observed: %g dB, want about 34", got)
	}
}

// A run that fails writes failed.log and keeps the earlier result as it was.
func TestFailureKeepsTheEarlierResult(t *testing.T) {
	dir := t.TempDir()
	set := fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out"))
	frame := jobtest.WriteNpy(t, dir, "frame.npy", make([]float64, 48), 6, 8)
	bad := jobtest.WriteNpy(t, dir, "bad.npy", append(make([]float64, 47), -1), 6, 8)
	run := func(sets ...string) error {
		return ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(Load, "job = 'tikhonov'", append(sets, set, fmt.Sprintf("image.path=%q", frame))...)
			if err != nil {
				return err
			}
			return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
		})
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if err := lifecycle.Refuse(&lifecycle.Job{Dir: filepath.Join(dir, "out")}); !errors.As(err, new(*lifecycle.ExistsError)) {
		t.Errorf("Refuse of a finished result: %v", err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, "out", "metrics.json"))
	if err := run(fmt.Sprintf("image.weights=%q", bad)); err == nil || !strings.Contains(err.Error(), "weight -1") {
		t.Fatalf("got %v, want an error about the weight", err)
	}
	after, _ := os.ReadFile(filepath.Join(dir, "out", "metrics.json"))
	if len(before) == 0 || string(before) != string(after) {
		t.Error("the earlier metrics.json is not what it was")
	}
	log, _ := os.ReadFile(filepath.Join(dir, "out", lifecycle.FailedLogName))
	if !strings.Contains(string(log), "weight -1") {
		t.Errorf("failed.log does not give the reason: %q", log)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "out", ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A result that float64 cannot hold is an error, and nothing is written.
func TestResultIsFinite(t *testing.T) {
	dir := t.TempDir()
	pixels := make([]float64, 12*10)
	for i := range pixels {
		pixels[i] = float64(i % 7)
	}
	pixels[25] = -1.7e308
	frame := jobtest.WriteNpy(t, dir, "frame.npy", pixels, 12, 10)
	for _, c := range [][]string{{"tikhonov"}, {"tikhonov", "tikhonov.method=cg"}, {"tikhonov", "tikhonov.method=spectral"}, {"tikhonov", "tikhonov.method=literal"}, {"two-layer"}} {
		out := filepath.Join(dir, "out")
		sets := append([]string{fmt.Sprintf("output.dir=%q", out), fmt.Sprintf("image.path=%q", frame), "image.outliers=keep", "blur.kind=gaussian", "tikhonov.lambda=1e-3"}, c[1:]...)
		if c[0] == "two-layer" {
			sets = append(sets[:3:3], c[1:]...)
		}
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(loaders[c[0]], fmt.Sprintf("job = %q", c[0]), sets...)
			if err != nil {
				return err
			}
			return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
		})
		if err == nil || !strings.Contains(err.Error(), "the solution is not finite") {
			t.Errorf("%v: got %v", c, err)
		}
		for _, name := range []string{"metrics.json", "solution.npy"} {
			if _, err := os.Stat(filepath.Join(out, name)); err == nil {
				t.Errorf("%v: %s was written", c, name)
			}
		}
	}
}

// Data near both ends of float64 have the solution of the same data in another unit, and the
// same numbers without a unit are said of it, by every method.
func TestFarUnits(t *testing.T) {
	dir := t.TempDir()
	frames := map[int]string{}
	exponents := []int{0, 1023, 500, -500, -1010} // values of 9.9e307 at most, and of 9e-306 at least
	for _, e := range exponents {
		data := make([]float64, 14*12)
		for i := range data {
			data[i] = math.Ldexp(0.6+0.5*math.Sin(float64(i/12)/4)*math.Cos(float64(i%12)/5), e)
		}
		frames[e] = jobtest.WriteNpy(t, dir, fmt.Sprint(e, ".npy"), data, 14, 12)
	}
	forms := map[string][]string{}
	for _, method := range layersMethods() {
		forms["two-layer "+method] = []string{"two-layer", "layers.max_iterations=2000", "layers.method=" + method}
	}
	for _, method := range methods() {
		forms[method] = []string{"tikhonov", "blur.kind=gaussian", "tikhonov.lambda=0.1", "tikhonov.method=" + method}
	}
	for name, c := range forms {
		var want []float64
		var first, said struct {
			Converged bool
			Residual  any
			Bias      any
		}
		for _, e := range exponents {
			out := filepath.Join(dir, fmt.Sprint(name, e))
			sets := append([]string{fmt.Sprintf("output.dir=%q", out), fmt.Sprintf("image.path=%q", frames[e]), "output.pictures=false"}, c[1:]...)
			var path string
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := jobtest.Parse(loaders[c[0]], fmt.Sprintf("job = %q", c[0]), sets...)
				if err != nil {
					return err
				}
				path = filepath.Join(out, j.Answer)
				return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
			})
			if err != nil {
				t.Errorf("%s, data times 2^%d: %v", name, e, err)
				continue
			}
			a, err := imageio.ReadNpy(path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(out, lifecycle.MetricsName))
			if err == nil {
				err = json.Unmarshal(text, &said)
			}
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want, first = a.Data, said
			}
			diff, norm := 0.0, 0.0
			for i, v := range want {
				diff, norm = math.Hypot(diff, math.Ldexp(a.Data[i], -e)-v), math.Hypot(norm, v)
			}
			if !(diff <= 1e-6*norm) || norm == 0 {
				t.Errorf("%s, data times 2^%d: the solution differs by %.2g", name, e, diff/norm)
			}
			if r, ok := said.Residual.(float64); said.Converged != first.Converged || !ok || math.IsNaN(r) {
				t.Errorf("%s, data times 2^%d: %+v, want %+v", name, e, said, first)
			}
			if fmt.Sprint(said.Bias) != fmt.Sprint(first.Bias) {
				t.Errorf("%s, data times 2^%d: bias %v, want %v", name, e, said.Bias, first.Bias)
			}
		}
	}
}

// Numbers that JSON does not know are written as strings.
func TestMetricsWithoutFiniteNumbers(t *testing.T) {
	dir := t.TempDir()
	m := &metrics{Residual: lifecycle.Number(math.Inf(1)), Objective: lifecycle.Number(math.NaN()), History: lifecycle.Series{1, math.Inf(1)}}
	if err := lifecycle.WriteMetrics(dir, m); err != nil {
		t.Fatal(err)
	}
	got := jobtest.Metrics(t, dir)
	if got["residual"] != "+Inf" || got["objective"] != "NaN" || got["history"].([]any)[1] != "+Inf" {
		t.Errorf("got %v, %v, %v", got["residual"], got["objective"], got["history"])
	}
}
