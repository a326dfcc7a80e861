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

	"tessera/internal/jobs/jobtest"
	"tessera/train"
)

// The saved fit of a deep kernel predicts at the places that were fitted what the run has there, to rounding, for every
// number of coordinates and features, unit of the axes and number of ranks; and the same after a run on any of these.
func TestPredictDeep(t *testing.T) {
	dir := t.TempDir()
	// regular observations: the grid on which the run evaluates its fit has the same places.
	table := func(names string, side []float64, shape ...int) (path string, sets []string, count int) {
		count = 1
		for _, n := range shape {
			count *= n
		}
		var b strings.Builder
		b.WriteString(names + ",value\n")
		for i := range count {
			v, rest := 0.0, i
			x := make([]float64, len(shape))
			for k := len(shape) - 1; k >= 0; k-- {
				x[k] = side[k] * float64(rest%shape[k]) / float64(shape[k]-1)
				rest /= shape[k]
				v += math.Abs(x[k]/side[k] - 0.4)
			}
			for _, c := range x {
				fmt.Fprintf(&b, "%.17g,", c)
			}
			fmt.Fprintf(&b, "%.17g\n", 1e3*(7+v))
		}
		path = filepath.Join(dir, strings.ReplaceAll(names, ",", "-")+".csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return path, []string{"observations.path=" + path, "evaluate.shape=" + strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")}, count
	}
	for name, c := range map[string]struct {
		names string
		side  []float64
		shape []int
		sets  []string
	}{
		"line":           {"x", []float64{5}, []int{40}, []string{"deep.mean=true"}},
		"plane":          {"x,y", []float64{1, 1}, []int{9, 8}, nil},
		"two features":   {"x,y", []float64{300, 300}, []int{9, 8}, []string{"deep.features=2", "deep.mean=true"}},
		"three features": {"x,y", []float64{1, 2}, []int{8, 7}, []string{"deep.features=3", "deep.inner=matern-3/2"}},
		"volume":         {"x,y,z", []float64{1, 1, 1}, []int{5, 4, 5}, nil},
		"periodic":       {"x,y", []float64{2, 350}, []int{9, 8}, []string{"observations.periodic=[0, 360]"}},
		"sphere":         {"lon,lat", []float64{90, 45}, []int{9, 8}, []string{"observations.distance=great-circle"}},
	} {
		path, sets, count := table(c.names, c.side, c.shape...)
		sets = append(append(sets, c.sets...), "deep.steps=4", "deep.starts=2")
		var first []float64
		for _, n := range []int{1, 3} {
			out, err := jobtest.Run(t, LoadDeep, n, "job = 'deep-kernel'", sets...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := jobtest.ReadNpy(t, out, "solution.npy")
			s, err := readFit(out)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(s.coefficients) != count || len(want) != count {
				t.Fatalf("%s: %d coefficients and %d values of %d places", name, len(s.coefficients), len(want), count)
			}
			e := newEvaluator(s)
			got := make([]float64, count)
			worst := 0.0
			for i := range got {
				got[i], _ = e.at(s.places[i*s.Dim : (i+1)*s.Dim])
				worst = max(worst, math.Abs(got[i]-want[i])/math.Abs(want[i]))
			}
			if worst > 1e-12 {
				t.Errorf("%s on %d ranks: predicted values are %.1e off those of the run", name, n, worst)
			}
			if first == nil {
				first = got
			}
			for i := range got {
				if math.Abs(got[i]-first[i]) > 1e-6*math.Abs(first[i]) {
					t.Errorf("%s: %g on %d ranks, %g on one", name, got[i], n, first[i])
					break
				}
			}
			p, err := Predict(out, path, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			at := slices.Index(p.Names, "predicted")
			for i, row := range p.Rows {
				if v, err := strconv.ParseFloat(row[at], 64); err != nil || math.Abs(v-got[i]) > 1e-11*math.Abs(got[i]) {
					t.Fatalf("%s: %s in row %d, want %.12g", name, row[at], i, got[i])
				}
			}
			if p.Beyond > 0 {
				t.Errorf("%s: %d of the fitted places are beyond the support", name, p.Beyond)
			}
		}
	}
}

// What is wrong with the two layers of a file is said.
func TestDeepFitRefused(t *testing.T) {
	out, err := jobtest.Run(t, LoadDeep, 1, "job = 'deep-kernel'\n[simulate]\ncount = 40\ntest = 10\n[deep]\nsteps = 1\nstarts = 1\n[evaluate]\nshape = [4, 4]")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := readFit(out); err != nil || s.Outer == nil || s.Names[0] != "x" {
		t.Fatalf("%+v, %v", s, err)
	}
	path := filepath.Join(out, fitName)
	var about fitAbout
	m, err := train.ReadModel(path, fitKind, &about)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"1 and 2 numbers": func() { about.Outer.Features = 2 }, "no width": func() { about.Outer.Width = 0 }, "no features": func() { about.Outer.Features = 0 },
	} {
		was := *about.Outer
		change()
		m.About = about
		if err := m.Write(path); err != nil {
			t.Fatal(err)
		}
		if _, err := readFit(path); err == nil || !strings.Contains(err.Error(), "two layers") {
			t.Errorf("%s: %v", name, err)
		}
		*about.Outer = was
	}
}
