package kernel

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// A search chooses no kernel whose fit rounding keeps from kernel.tolerance: tables of smooth functions with little noise,
// for which a wide kernel and a small lambda score best, end with a good fit, and say what was refused. Of other tables
// the choice is the best score.
func TestSearchOfSmoothTables(t *testing.T) {
	for name, c := range map[string]struct {
		n, dim  int
		f       func(x []float64) float64
		noise   float64
		refused bool
	}{
		"plane":         {500, 2, func(x []float64) float64 { return 1 + 2*x[0] - x[1] }, 0, true},
		"parabola":      {700, 2, func(x []float64) float64 { return x[0]*x[0] + x[1] }, 0, true},
		"sine":          {800, 1, func(x []float64) float64 { return math.Sin(6 * x[0]) }, 1e-5, true},
		"waves":         {400, 2, func(x []float64) float64 { return math.Sin(9*x[0]) * math.Cos(7*x[1]) }, 0, false},
		"noise of 1e-3": {400, 2, func(x []float64) float64 { return math.Sin(3*x[0]) * math.Cos(2*x[1]) }, 1e-3, false},
		"noise of 0.1":  {400, 2, func(x []float64) float64 { return 1 + 2*x[0] - x[1] }, 0.1, false},
		"a few":         {30, 2, func(x []float64) float64 { return x[0] - x[1] }, 0, true},
		"constant":      {200, 2, func([]float64) float64 { return 5 }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			text.WriteString(strings.Join([]string{"x", "y"}[:c.dim], ",") + ",value\n")
			for i := range c.n {
				x := []float64{math.Mod(0.5+0.754877666*float64(i), 1), math.Mod(0.5+0.569840291*float64(i), 1)}[:c.dim]
				for _, v := range x {
					fmt.Fprintf(&text, "%.15g,", v)
				}
				fmt.Fprintf(&text, "%.15g\n", c.f(x)+c.noise*math.Sin(1e4*float64(i*i%977)))
			}
			path := filepath.Join(t.TempDir(), "table.csv")
			if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			dir, err := jobtest.Run(t, Load, 2, "job = \"kernel\"\n[kernel]\nchoose = \"leave-one-out\"\nspread = true\ntolerance = 1e-6\n[search]\nsample = 300", "observations.path="+path)
			if err != nil {
				t.Fatal(err)
			}
			m := jobtest.Metrics(t, dir)
			if m["converged"] != true {
				t.Error("not converged")
			}
			search := m["search"].(map[string]any)
			refused, _ := search["refused"].([]any)
			if (len(refused) > 0) != c.refused {
				t.Errorf("refused %v", refused)
			}
			least, score := math.Inf(1), math.Inf(1)
			for _, e := range search["candidates"].([]any) {
				p := e.(map[string]any)
				v, ok := p["score"].(float64)
				if !ok {
					continue
				}
				least = min(least, v)
				if p["width"] == m["width"] && p["lambda"] == m["lambda"] {
					score = v
				}
			}
			if !c.refused && score > least*(1+1e-9) {
				t.Errorf("the score of the chosen pair is %g, the least %g", score, least)
			}
			if worst, _ := search["rms"].(float64); worst > 1e-3 && c.refused {
				t.Errorf("rms error of the left out %g", worst)
			}
		})
	}
}
