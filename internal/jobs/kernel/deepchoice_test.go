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

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// A deep kernel with the defaults predicts a table of a smooth function as well as a kernel with its defaults does, noise
// counted, or it says that a single layer is better and which command fits one. With the fixed layers of simulated
// observations it does neither: it follows the noise.
func TestDeepChoice(t *testing.T) {
	truth := func(x, y float64) float64 { return math.Sin(0.8*x)*math.Cos(0.6*y) + 0.1*x }
	for _, c := range []struct {
		count int
		noise float64
	}{{100, 0.02}, {100, 0.3}, {300, 0.02}, {300, 0.3}} {
		if testing.Short() && c.count > 100 {
			continue
		}
		draw := rand.New(rand.NewPCG(7, uint64(c.count)))
		var b strings.Builder
		b.WriteString("x,y,value\n0,0,0\n10,10,0\n") // the corners: the grids of all tables are the same
		for range c.count {
			x, y := 10*draw.Float64(), 10*draw.Float64()
			fmt.Fprintf(&b, "%g,%g,%g\n", x, y, truth(x, y)+c.noise*draw.NormFloat64())
		}
		text := strings.NewReplacer("0,0,0\n", "0,0,"+fmt.Sprint(truth(0, 0))+"\n", "10,10,0\n", "10,10,"+fmt.Sprint(truth(10, 10))+"\n").Replace(b.String())
		path := filepath.Join(t.TempDir(), "table.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		const side = 21
		rms := func(load func(*config.File) *lifecycle.Job, job string, sets ...string) (rms float64, warnings string, metrics map[string]any) {
			dir := filepath.Join(t.TempDir(), "out")
			sets = append(sets, "observations.path="+path, fmt.Sprintf("evaluate.shape=[%d, %d]", side, side), fmt.Sprintf("output.dir=%q", dir))
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := jobtest.Parse(load, "job = '"+job+"'", sets...)
				if err != nil {
					return err
				}
				return j.Run(ctx, comm, lifecycle.Env{Version: "test", Warn: func(w string) { warnings += w + "\n" }})
			})
			if err != nil {
				t.Fatal(err)
			}
			a, err := imageio.ReadNpy(filepath.Join(dir, "solution.npy"))
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for i, v := range a.Data {
				d := v - truth(10*float64(i/side)/(side-1), 10*float64(i%side)/(side-1))
				sum += d*d + c.noise*c.noise
			}
			return math.Sqrt(sum / side / side), warnings, jobtest.Metrics(t, dir)
		}
		one, _, _ := rms(Load, "kernel")
		two, said, m := rms(LoadDeep, "deep-kernel")
		warned := strings.Contains(said, "a single layer predicts this table better: of ") && strings.Contains(said, "tessera fit "+path+" fits one")
		if two > 1.1*one && !warned {
			t.Errorf("%d observations, noise %g: rms %.4g of a deep kernel and %.4g of a kernel without a warning: %q", c.count, c.noise, two, one, said)
		}
		if two > 3*one {
			t.Errorf("%d observations, noise %g: rms %.4g of a deep kernel, %.4g of a kernel", c.count, c.noise, two, one)
		}
		h := m["unseen"].(map[string]any)
		if n := h["observations"].(float64) + h["trained"].(float64); n != float64(min(choiceMost, c.count+2)) {
			t.Errorf("%d observations: %v", c.count, h)
		}
		if h["rms"].(float64) < 1e-3 || h["single_rms"].(float64) < 1e-3 || !strings.Contains(fmt.Sprint(m["stopped"]), "deep.steps=80") {
			t.Errorf("%d observations: held out %v, stopped %v", c.count, h, m["stopped"])
		}
		if c.count > 100 {
			continue
		}
		fixed := []string{"deep.features=1", "deep.outer_width=0.05", "deep.inner_lambda=1e-3", "deep.outer_lambda=1e-2"}
		if three, said, _ := rms(LoadDeep, "deep-kernel", fixed...); three > 1.1*one && !strings.Contains(said, "tessera fit ") {
			t.Errorf("%d observations, noise %g, stated layers: rms %.4g, %.4g of a kernel, without a warning: %q", c.count, c.noise, three, one, said)
		}
	}
}
