package tv

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

const small = `job = "tv"
[simulate]
rows = 44
cols = 37
noise = 0.005
[blur]
kind = "gaussian"
size = 5
`

// Every method, rule and colour restores the frame better than it was observed, the same on 1
// and on 3 ranks, and says so; gathered or not, the bytes are the same.
func TestRuns(t *testing.T) {
	for name, sets := range map[string][]string{
		"discrepancy": nil,
		"oracle":      {"tv.lambda=oracle", "tv.lower=0"},
		"sure":        {"tv.lambda=sure", "tv.probes=1"},
		"number":      {"tv.lambda=0.0005", "tv.method=primal-dual", "tv.penalty=isotropic", "simulate.channels=3", "tv.coupled=true"},
		"decreasing":  {"tv.lambda=0.0005", "tv.steps=decreasing", "tv.border=periodic", "tv.tolerance=0.1"},
		"admm":        {"tv.lambda=0.0005", "tv.method=admm", "tv.compare=fppa", "tv.lower=0"},
		"denoise":     {"blur.kind=none", "tv.method=primal-dual", "simulate.noise=0.05"},
	} {
		t.Run(name, func(t *testing.T) {
			sets := append(sets, "output.pictures=true")
			one, err := jobtest.Run(t, Load, 1, small, sets...)
			if err != nil {
				t.Fatal(err)
			}
			m := jobtest.Metrics(t, one)
			if jobtest.Quality(t, m, "solution", "psnr_db") < jobtest.Quality(t, m, "observed", "psnr_db")+0.5 || m["converged"] != true && m["stopped"] != atLimit {
				t.Errorf("%v, converged: %v", m["quality"], m["converged"])
			}
			if search, found := m["lambda_search"].(map[string]any); found != (m["lambda_rule"] != "fixed") || found && len(search["trials"].([]any)) < 3 {
				t.Errorf("lambda by %v: %v", m["lambda_rule"], search)
			}
			// The status of FPPA is that of its gap, and what is said of FPPA beside another method encloses the truth.
			if far := m["relative_gap"].(float64) > 1e-3 && name != "decreasing"; far == (m["converged"] == true) {
				t.Errorf("relative gap %v, converged: %v", m["relative_gap"], m["converged"])
			}
			if f, is := m["fppa"].(map[string]any); is != (name == "admm") {
				t.Errorf("fppa beside it: %v", f)
			} else if is {
				least, most := f["above_least"].(float64), f["above_most"].(float64)
				if !(least > 0 && least <= most && most-least < 1.1e-3*m["objective"].(float64) && least <= f["excess"].(float64) && f["excess"].(float64) <= f["certificate"].(float64)) {
					t.Errorf("fppa beside it: %v", f)
				}
			}
			for _, file := range []string{"solution.png", "panel.png", "gap.png", "config.toml"} {
				if _, err := os.Stat(filepath.Join(one, file)); err != nil {
					t.Error(err)
				}
			}
			x := jobtest.ReadNpy(t, one, "solution.npy")
			// With the lambda that was found, on another number of ranks.
			again := append(sets[:len(sets):len(sets)], fmt.Sprintf("tv.lambda=%v", m["lambda"]), "output.gather=never", "output.pictures=false")
			if text, err := os.ReadFile(filepath.Join(one, "config.toml")); err != nil {
				t.Error(err)
			} else if step := value(string(text), "step"); step != "" {
				again = append(again, "tv.step="+step)
			}
			three, err := jobtest.Run(t, Load, 3, small, again...)
			if err != nil {
				t.Fatal(err)
			}
			top := 0.0
			for _, v := range x {
				top = math.Max(top, math.Abs(v))
			}
			allowed := 1e-12
			if m["lambda_rule"] != "fixed" {
				allowed = 0.05 // another start, and the tolerance of the cost
			}
			if d := jobtest.Farthest(jobtest.ReadNpy(t, three, "solution.npy"), x); !(d <= allowed*top) {
				t.Errorf("3 ranks differ by %.2g of the largest value", d/top)
			}
		})
	}
}

// value is that of the first line "key = value" of a config.
func value(text, key string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, key+" = "); ok {
			v, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			return v
		}
	}
	return ""
}

// A frame with its header comes back with it; missing pixels are filled in; negative pixels stay away.
func TestFITS(t *testing.T) {
	dir := t.TempDir()
	f := &imageio.Frame{Channels: 1, Rows: 30, Cols: 28, Data: make([]float64, 30*28), Type: "float64"}
	for i := range f.Data {
		f.Data[i] = 0.1 * math.Sin(float64(i*i))
		if i%28 > 9 && i/28 > 12 {
			f.Data[i] += 5
		}
	}
	f.Data[400] = math.NaN()
	path := filepath.Join(dir, "frame.fits")
	if err := imageio.WriteFITS(path, f); err != nil {
		t.Fatal(err)
	}
	out, err := jobtest.Run(t, Load, 2, `job = "tv"`, "image.path="+path, "tv.lower=0", "tv.lambda=0.3")
	if err != nil {
		t.Fatal(err)
	}
	got, err := imageio.ReadFrame(filepath.Join(out, "solution.fits"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Data {
		want := 0.0
		if i%28 > 9 && i/28 > 12 {
			want = 5
		}
		if !(v >= 0) || math.Abs(v-want) > 1 {
			t.Fatalf("pixel %d is %g, want about %g", i, v, want)
		}
	}
	if m := jobtest.Metrics(t, out); m["missing_pixels"] != 1.0 {
		t.Errorf("%v missing pixels", m["missing_pixels"])
	}
}

// What is wrong with a config is found before any rank starts.
func TestProblems(t *testing.T) {
	for set, want := range map[string]string{
		"tv.method=x":               "tv.method",
		"tv.penalty=isotropic":      "primal-dual",
		"tv.lambda=0":               "more than 0",
		"tv.lambda=gcv":             `"sure"`,
		"tv.step=2":                 "at most 1",
		"tv.upper=-1\x00tv.lower=0": "more than tv.lower",
		"tv.lower=low":              `"none"`,
		"tv.lambda=oracle\x00image.path=frame.fits": "true frame",
		"tv.tolerance=0": "less than 1",
	} {
		_, err := jobtest.Parse(Load, small, strings.Split(set, "\x00")...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}
