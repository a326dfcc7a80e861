package kernel

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// A fit of a table with a column sigma warns, with the file and the factor, where sigma is plainly on another scale than the noise,
// also where the noise differs from place to place, and does not where it is right.
func TestStatedSigma(t *testing.T) {
	for _, c := range []struct {
		noise, times, other float64 // other: what every other observation has more of both
		want                string
		weights             bool // the column has relative weights
	}{
		{noise: 0.1, times: 0.1, other: 3, weights: true}, {noise: 0.1, times: 100, other: 1, weights: true},
		{0.1, 1, 1, "", false}, {0.02, 1, 1, "", false}, {0.1, 1.5, 1, "", false}, {0.1, 0.7, 1, "", false}, {0.1, 1, 3, "", false},
		{0.1, 0.1, 1, "times what the column sigma says", false}, {0.1, 10, 1, "the errors where observations are left out", false}, {0.1, 0.1, 3, "times what the column sigma says", false},
	} {
		draw := rand.New(rand.NewPCG(3, 0))
		var b strings.Builder
		column := "sigma"
		if c.weights {
			column = "weight"
		}
		b.WriteString("x,y,value," + column + "\n")
		for i := range 200 {
			x, y, noise := 10*draw.Float64(), 10*draw.Float64(), c.noise
			if i%2 > 0 {
				noise *= c.other
			}
			value := c.times * noise
			if c.weights {
				value = 1 / (value * value)
			}
			fmt.Fprintf(&b, "%g,%g,%g,%g\n", x, y, math.Sin(0.8*x)*math.Cos(0.6*y)+noise*draw.NormFloat64(), value)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "table.csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		said := ""
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(Load, "job = 'kernel'\n[kernel]\nchoose = 'leave-one-out'\n", "observations.path="+path, "evaluate.shape=[5, 5]", fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out")))
			if err != nil {
				return err
			}
			return j.Run(ctx, comm, lifecycle.Env{Version: "test", Warn: func(w string) { said += w + "\n" }})
		})
		if err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(said, "standard deviations by")
		if warned != (c.want != "") || !strings.Contains(said, c.want) || warned && !strings.Contains(said, path) {
			t.Errorf("noise %g and %g times it, sigma %g times that: %q, want %q in it", c.noise, c.other, c.times, said, c.want)
		}
	}
}
