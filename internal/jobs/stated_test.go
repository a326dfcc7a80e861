package jobs

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
)

// unjudged are kinds with image.sigma whose answer is not compared with the data pixel by pixel, and why.
var unjudged = map[string]string{}

// Every kind of job that takes a map of the noise of a frame warns, with the key, the file and the factor, where the map is
// plainly on another scale, says which key the values look like, and does not warn where it is right.
func TestStatedNoise(t *testing.T) {
	const rows, cols, noise = 32, 40, 0.02
	tried := 0
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		if _, has := f.Values()["image.sigma"]; !has || unjudged[k.Name] != "" {
			continue
		}
		tried++
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			g := random.New(3, 0, 0)
			frame, level := make([]float64, rows*cols), make([]float64, rows*cols)
			for i := range frame {
				y, x := float64(i/cols)-15, float64(i%cols)-20
				level[i] = noise * (1 + float64(i%cols)/cols) // the noise grows to the right
				frame[i] = 0.2 + 0.7*math.Exp(-(x*x+y*y)/120) + level[i]*g.Normal(uint64(i))
			}
			path := jobtest.WriteNpy(t, dir, "frame.npy", frame, rows, cols)
			sets := readings[k.Name].sets(t, dir, path)
			if k.Name == "tv" { // one lambda does not serve all scales
				sets = append(sets, "tv.lambda=discrepancy")
			}
			for name, c := range map[string]struct {
				key   string
				value func(sigma float64) float64
				want  []string // of the warning; nil = there is none
			}{
				"right":              {"image.sigma", func(s float64) float64 { return s }, nil},
				"right variances":    {"image.variance", func(s float64) float64 { return s * s }, nil},
				"right weights":      {"image.weights", func(s float64) float64 { return 1 / (s * s) }, nil},
				"somewhat too large": {"image.sigma", func(s float64) float64 { return 1.5 * s }, nil},
				"too large":          {"image.sigma", func(s float64) float64 { return 8 * s }, []string{"multiply them by 0.1", "standard deviations"}},
				"too small":          {"image.sigma", func(s float64) float64 { return s / 8 }, []string{"multiply them by ", "standard deviations"}},
				"variances as sigma": {"image.sigma", func(s float64) float64 { return s * s }, []string{"if these are variances, write image.variance = "}},
				"sigma as variances": {"image.variance", func(s float64) float64 { return s }, []string{"if these are standard deviations, write image.sigma = "}},
				"weights of 1":       {"image.weights", func(float64) float64 { return 1 }, []string{"inverse variances", "multiply them by "}},
			} {
				if short := []string{"right", "too large", "variances as sigma", "right weights"}; testing.Short() && !slices.Contains(short, name) {
					continue
				}
				plane := make([]float64, len(level))
				for i, s := range level {
					plane[i] = c.value(s)
				}
				file := jobtest.WriteNpy(t, dir, strings.ReplaceAll(name, " ", "-")+".npy", plane, rows, cols)
				out := filepath.Join(dir, "out-"+strings.ReplaceAll(name, " ", "-"))
				m := runOn(t, 1, k.Name, append(sets[:len(sets):len(sets)], c.key+"="+file, fmt.Sprintf("output.dir=%q", out)))
				text, err := os.ReadFile(filepath.Join(out, "run.log"))
				if err != nil {
					t.Fatal(err)
				}
				log := strings.ReplaceAll(string(text), `\"`, `"`)
				warned := strings.Contains(log, "the finest differences of the data show")
				if warned != (c.want != nil) {
					t.Errorf("%s: a warning: %v, fit %v", name, warned, m["fit"])
				}
				for _, words := range append([]string{}, c.want...) {
					if !strings.Contains(log, words) || !strings.Contains(log, c.key+` = "`+file) {
						t.Errorf("%s: no %q with %s and its file in %s", name, words, c.key, log)
					}
				}
				if fit := m["fit"].(map[string]any); fit["noise_stated_by"] != c.key {
					t.Errorf("%s: stated by %v, want %s", name, fit["noise_stated_by"], c.key)
				}
			}
		})
	}
	if tried < 6 {
		t.Errorf("%d kinds of jobs take image.sigma", tried)
	}
}

// A map of the noise of a frame of several channels is held to each of them, and the mask may be a checkerboard: jobs that take such
// frames name the channel whose plane is on another scale, and no other.
func TestStatedNoiseOfChannels(t *testing.T) {
	const rows, cols, channels, noise = 32, 40, 3, 0.02
	averaged := map[string]bool{"kernel": true, "scdl-upscale": true, "mlpatch-superres": true, "darkmatter": true}
	tried := 0
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		if _, has := f.Values()["image.sigma"]; !has || averaged[k.Name] || unjudged[k.Name] != "" {
			continue
		}
		tried++
		t.Run(k.Name, func(t *testing.T) {
			dir := t.TempDir()
			g := random.New(3, 0, 0)
			for name, c := range map[string]struct {
				times [channels]float64 // of the noise, in the map
				board bool              // every other pixel is missing
				want  []string
			}{
				"right":                     {[channels]float64{1, 1, 1}, false, nil},
				"one wrong":                 {[channels]float64{1, 1, 8}, false, []string{"plane 3 of 3: image.sigma = "}},
				"right, a checkerboard":     {[channels]float64{1, 1, 1}, true, nil},
				"all wrong, a checkerboard": {[channels]float64{8, 8, 8}, true, []string{"multiply them by 0.1"}},
			} {
				if testing.Short() && name != "one wrong" {
					continue
				}
				frame, level := make([]float64, channels*rows*cols), make([]float64, channels*rows*cols)
				for i := range frame {
					p := i % (rows * cols)
					y, x := float64(p/cols)-15, float64(p%cols)-20
					frame[i] = 0.2 + 0.7*math.Exp(-(x*x+y*y)/120) + noise*g.Normal(uint64(i))
					if level[i] = noise * c.times[i/(rows*cols)]; c.board && (p/cols+p%cols)%2 == 0 {
						frame[i] = math.NaN()
					}
				}
				file := strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-")
				path := jobtest.WriteNpy(t, dir, file+".npy", frame, channels, rows, cols)
				sets := readings[k.Name].sets(t, dir, path)
				if k.Name == "tv" {
					sets = append(sets, "tv.lambda=discrepancy")
				}
				sets = append(sets, "image.sigma="+jobtest.WriteNpy(t, dir, file+"-sigma.npy", level, channels, rows, cols))
				out, err := jobtest.Run(t, k.Load, 1, fmt.Sprintf("job = %q", k.Name), sets...)
				if err != nil && !errors.As(err, new(*lifecycle.FurtherError)) { // a map on another scale may keep a solve from converging
					t.Fatal(err)
				}
				text, err := os.ReadFile(filepath.Join(out, "run.log"))
				if err != nil {
					t.Fatal(err)
				}
				log := strings.ReplaceAll(string(text), `\"`, `"`)
				if warned := strings.Count(log, "the finest differences of the data show"); warned != len(c.want) {
					t.Errorf("%s: %d warnings, want %d", name, warned, len(c.want))
				}
				for _, words := range c.want {
					if !strings.Contains(log, words) {
						t.Errorf("%s: no %q in %s", name, words, log)
					}
				}
			}
		})
	}
	if tried < 4 {
		t.Errorf("%d kinds of jobs take image.sigma", tried)
	}
}
