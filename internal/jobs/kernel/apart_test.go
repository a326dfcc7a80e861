package kernel

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// Eight of 240 numbers far from all others, more than a hundredth, are reported with a warning wherever they stand, and left
// out where the config says so. A table without them has neither.
func TestApart(t *testing.T) {
	for column, name := range []string{"x", "y", "value"} {
		for _, v := range []float64{65535, -99, 0} {
			rng := rand.New(rand.NewPCG(3, 4))
			var b strings.Builder
			b.WriteString("x,y,value\n")
			for i := range 240 {
				row := []float64{10 * rng.Float64(), 10 * rng.Float64(), 3*rng.Float64() + 0.3*rng.NormFloat64()}
				if i%30 == 7 && v != 0 {
					row[column] = v
				}
				fmt.Fprintf(&b, "%g,%g,%g\n", row[0], row[1], row[2])
			}
			path := filepath.Join(t.TempDir(), "table.csv")
			if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			for _, rule := range []string{"report", "missing"} {
				out, err := jobtest.Run(t, Load, 1, `job = "kernel"`, fmt.Sprintf("observations.path=%q", path), "observations.outliers="+rule, "kernel.lambda=0.01", "kernel.width=1.0")
				if err != nil {
					t.Fatal(err)
				}
				log, err := os.ReadFile(filepath.Join(out, "run.log"))
				if err != nil {
					t.Fatal(err)
				}
				said := 0
				for line := range strings.Lines(string(log)) {
					var l struct{ Level, Msg string }
					if json.Unmarshal([]byte(line), &l) == nil && l.Level == "WARN" && strings.Contains(l.Msg, "column "+name) {
						said++
					}
				}
				want := map[string]float64{"reported": 8}
				if rule == "missing" {
					want = map[string]float64{"missing": 8}
				}
				found, _ := jobtest.Metrics(t, out)["outliers"].(map[string]any)
				if v == 0 && (said > 0 || found != nil) {
					t.Errorf("%s: without such numbers %d warnings, %v", name, said, found)
				}
				if v == 0 || v == -99 && name == "value" { // a mark, which is left out with the warning of marks
					continue
				}
				n, _ := found["reported"].(float64)
				m, _ := found["missing"].(float64)
				if said != 1 || n != want["reported"] || m != want["missing"] {
					t.Errorf("%s of %g, outliers = %s: %d warnings, %v", name, v, rule, said, found)
				}
			}
		}
	}
}
