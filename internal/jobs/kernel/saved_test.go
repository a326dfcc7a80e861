package kernel

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/tikhonov/kernel"
)

// The saved fit predicts what the run itself predicts at the places of evaluate.path, for every
// family, number of coordinates, unit of the axes and format, after a run on any number of ranks.
func TestPredict(t *testing.T) {
	dir := t.TempDir()
	table := func(dim, count int, names string) string {
		var b strings.Builder
		b.WriteString(names + "\n")
		for i := range count {
			v := 0.0
			for k := range dim {
				x := math.Mod(float64(i+1)*[]float64{0.618034, 0.754878, 0.569840}[k], 1) * []float64{2, 360, 5}[k]
				v += math.Sin(2 * x / []float64{2, 57.3, 5}[k])
				fmt.Fprintf(&b, "%.6f,", x)
			}
			fmt.Fprintf(&b, "%.6f\n", 7+v)
		}
		path := filepath.Join(dir, fmt.Sprintf("observed%d.csv", dim))
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	places := filepath.Join(dir, "places.csv")
	if err := os.WriteFile(places, []byte("name;lon;lat;note\n\"a; b\";12.5;0.25;first\nc;300;1.9;\nd;359.5;1e3;far\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	one, three := table(1, 40, "x,value"), table(3, 80, "x,y,z,value")
	two := table(2, 90, "lat,lon,value")
	line := jobtest.WriteNpy(t, dir, "line.npy", []float64{0.1, 0.77, 1.9, 40}, 4, 1)
	cube := jobtest.WriteNpy(t, dir, "cube.npy", []float64{0.1, 20, 3, 1, 100, 4.5}, 2, 3)
	cases := map[string][]string{
		"line":     {"observations.path=" + one, "evaluate.path=" + line, "kernel.spread=true"},
		"cube":     {"observations.path=" + three, "evaluate.path=" + cube, "kernel.axis_widths=[0.7, 90, 2]"},
		"periodic": {"observations.path=" + two, "evaluate.path=" + places, "observations.periodic=[0, 360]", "kernel.family=matern-5/2", "kernel.spread=true"},
		"raw unit": {"observations.path=" + two, "evaluate.path=" + places, "kernel.width=40"},
		"linear":   {"observations.path=" + two, "evaluate.path=" + places, "kernel.trend=linear", "kernel.spread=true"},
		"circle":   {"observations.path=" + two, "evaluate.path=" + places, "kernel.trend=linear", "observations.periodic=[0, 360]", "kernel.width=40"},
		"no mean":  {"observations.path=" + two, "evaluate.path=" + places, "kernel.width=40", "kernel.mean=false"},
	}
	for _, f := range kernel.Families() {
		cases[string(f)] = []string{"observations.path=" + two, "evaluate.path=" + places, "kernel.spread=true", "kernel.width=0.3", "kernel.family=" + string(f)}
	}
	for name, sets := range cases {
		for _, n := range []int{1, 3} {
			out, err := jobtest.Run(t, Load, n, "job = 'kernel'", append(sets, "kernel.choose=none", "kernel.tolerance=1e-11")...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			path := sets[1][len("evaluate.path="):]
			p, err := Predict(out, path, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := jobtest.ReadNpy(t, out, "solution.npy")
			at := slices.Index(p.Names, "predicted")
			for i, row := range p.Rows {
				if v, err := strconv.ParseFloat(row[at], 64); err != nil || math.Abs(v-want[i]) > 1e-8 {
					t.Errorf("%s on %d ranks: predicted %s at place %d, the run %.12g", name, n, row[at], i, want[i])
				}
				if len(row) != len(p.Names) {
					t.Errorf("%s: %d fields, %d names", name, len(row), len(p.Names))
				}
			}
			if slices.Contains(p.Names, "distance") != slices.Contains([]string{"raw unit", "no mean", "line", "circle"}, name) {
				t.Errorf("%s: columns %v", name, p.Names)
			}
			if path != places {
				continue
			}
			if strings.Join(p.Names[:4], ",") != "name,lon,lat,note" || p.Rows[0][0] != "a; b" || p.Rows[2][3] != "far" || p.Rows[1][3] != "" {
				t.Errorf("%s: the columns of the table have become %q", name, p.Rows)
			}
			// The last place is far from all observations, and has the mean.
			beyond := p.Rows[2][len(p.Names)-1]
			if p.Beyond < 1 || beyond != "1" || !slices.Contains(sets, "kernel.trend=linear") && math.Abs(want[2]-jobtest.Metrics(t, out)["mean"].(float64)) > 0.1 {
				t.Errorf("%s: %d places are beyond the support, the last is %s and has %g", name, p.Beyond, beyond, want[2])
			}
		}
	}
}

// What is wrong with a fit or a table is said with the file and what is wanted.
func TestPredictRefuses(t *testing.T) {
	out, err := jobtest.Run(t, Load, 1, "job = 'kernel'\n[simulate]\ncount = 50\n[evaluate]\nshape = [4, 4]")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, c := range map[string]struct{ fit, text, want string }{
		"another column": {out, "x,q\n1,2\n", "no column for the coordinate y"},
		"a text":         {out, "x,y\n1,b\n", "b"},
		"no number":      {out, "x,y\n1,nan\n", "missing"},
		"no fit":         {dir, "x,y\n1,2\n", "no such file"},
		"another npz":    {filepath.Join(dir, "other.npz"), "x,y\n1,2\n", "not a model file"},
	} {
		path := filepath.Join(dir, "places.csv")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := imageio.WriteNpz(filepath.Join(dir, "other.npz"), []imageio.Member{{Name: "a", Array: imageio.Array{Shape: []int{1}, Data: []float64{1}}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := Predict(c.fit, path, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Places where nothing was observed are beyond the support of the observations, however wide the
// kernel is; those between the observations are not.
func TestPredictBeyond(t *testing.T) {
	var rows [][]float64
	for i := range 10 {
		for j := range 10 {
			rows = append(rows, []float64{float64(i), float64(j), float64(i + j)})
		}
	}
	table := csv(t, "x,y,value", rows...)
	places := csv(t, "x,y", []float64{4.5, 4.5}, []float64{-1, -1}, []float64{20, 20}, []float64{9, 13})
	for _, width := range []string{"2", "60"} {
		out, err := jobtest.Run(t, Load, 2, "job = 'kernel'", "observations.path="+table, "kernel.width="+width, "evaluate.shape=[3, 3]")
		if err != nil {
			t.Fatal(err)
		}
		p, err := Predict(out, places, nil)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(p.Names, "beyond")
		for i, want := range []string{"0", "0", "1", "1"} {
			if got := p.Rows[i][at]; got != want {
				t.Errorf("width %s: place %d is beyond: %s, want %s", width, i, got, want)
			}
		}
		if p.Beyond != 2 {
			t.Errorf("width %s: %d places beyond", width, p.Beyond)
		}
	}
}

// The tree finds the points within a distance and the nearest one as a loop over all does.
func TestTree(t *testing.T) {
	for dim := 1; dim <= 3; dim++ {
		for _, n := range []int{1, 2, 7, 200} {
			x := make([]float64, n*dim)
			for i := range x {
				x[i] = math.Floor(10*math.Mod(float64(i+1)*0.618034*float64(i%3+1), 1)) / 10 // many are the same
			}
			tree := newTree(x, dim)
			for q := range 20 {
				p := make([]float64, dim)
				for k := range p {
					p[k] = 1.4*math.Mod(float64(q*dim+k+1)*0.754878, 1) - 0.2
				}
				var want []int
				least := math.Inf(1)
				for i := range n {
					r2 := 0.0
					for k, v := range p {
						r2 += (v - x[i*dim+k]) * (v - x[i*dim+k])
					}
					least = min(least, math.Sqrt(r2))
					if r2 < 0.3*0.3 {
						want = append(want, i)
					}
				}
				var got []int
				tree.within(p, 0.3, func(i int, _ float64) { got = append(got, i) })
				slices.Sort(got)
				if q == 0 {
					gaps := 0.0
					for i := range n {
						gap := math.Inf(1)
						for j := range n {
							r2 := 0.0
							for k := range dim {
								r2 += (x[i*dim+k] - x[j*dim+k]) * (x[i*dim+k] - x[j*dim+k])
							}
							if r2 > 0 {
								gap = min(gap, math.Sqrt(r2))
							}
						}
						if !math.IsInf(gap, 1) {
							gaps = max(gaps, gap)
						}
					}
					if got := tree.spacing(1000); math.Abs(got-gaps) > 1e-15 {
						t.Errorf("%d points of %d coordinates: spacing %g, want %g", n, dim, got, gaps)
					}
				}
				if !slices.Equal(got, want) || math.Abs(tree.nearest(p)-least) > 1e-15 {
					t.Fatalf("%d points of %d coordinates: %v within the distance, want %v; nearest %g, want %g", n, dim, got, want, tree.nearest(p), least)
				}
			}
		}
	}
}
