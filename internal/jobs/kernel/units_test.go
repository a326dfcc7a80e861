package kernel

import (
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
)

// unitsTable is a table of 60 observations of a smooth map in units of values and lengths.
func unitsTable(t *testing.T, value, length float64, errors string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("x,y,value")
	if errors != "" {
		b.WriteString("," + errors)
	}
	for i := range 60 {
		x, y := math.Mod(float64(i)*0.377, 1)*10, math.Mod(float64(i)*0.611, 1)*7
		sigma := 0.02 + 0.05*math.Mod(float64(i)*0.23, 1)
		v := 3 + math.Sin(x) + 0.5*math.Cos(y) + sigma*math.Sin(17*float64(i))
		fmt.Fprintf(&b, "\n%.17g,%.17g,%.17g", x*length, y*length, v*value)
		switch errors {
		case "sigma":
			fmt.Fprintf(&b, ",%.17g", sigma*value)
		case "weight":
			fmt.Fprintf(&b, ",%.17g", 1/(sigma*sigma)*math.Sqrt(length))
		case "ivar":
			fmt.Fprintf(&b, ",%.17g", 1/(sigma*value)/(sigma*value))
		}
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same observations in other units have the same fit in these units: values, standard
// deviations and lengths from 1e-20 to 1e20, factors in single and in double precision.
func TestUnits(t *testing.T) {
	kinds := map[string]func(*config.File) *lifecycle.Job{"kernel": Load, "deep-kernel": LoadDeep}
	for i, c := range []struct {
		name, kind, errors string
		lengths            []string // keys that are lengths, with their value
		sets               []string
	}{
		{name: "defaults", kind: "kernel", errors: "sigma"},
		{name: "inverse variances", kind: "kernel", errors: "ivar"},
		{name: "no sigma", kind: "kernel"},
		{name: "relative weights", kind: "kernel", errors: "weight"},
		{name: "double precision", kind: "kernel", errors: "sigma", sets: []string{"kernel.lambda=1e-7"}},
		{name: "width", kind: "kernel", errors: "sigma", lengths: []string{"kernel.width=3"}, sets: []string{"kernel.family=matern-3/2", "kernel.mean=false"}},
		{name: "widths", kind: "kernel", errors: "sigma", lengths: []string{"kernel.axis_widths=[3, 5]"}},
		{name: "spread", kind: "kernel", errors: "sigma", sets: []string{"kernel.spread=true"}},
		{name: "period", kind: "kernel", errors: "sigma", lengths: []string{"observations.periodic=[11, 0]"}},
		{name: "gcv", kind: "kernel", errors: "sigma", sets: []string{"kernel.choose=gcv"}, lengths: []string{"search.widths=[2, 4]"}},
		{name: "leave-one-out", kind: "kernel", errors: "sigma", sets: []string{"kernel.choose=leave-one-out"}, lengths: []string{"kernel.width=2"}},
		{name: "leave-one-out, spread", kind: "kernel", sets: []string{"kernel.choose=leave-one-out", "kernel.spread=true", "search.sample=50"}},
		{name: "cross-validation", kind: "kernel", sets: []string{"kernel.choose=cross-validation", "search.lambdas=[1e-4, 1e-2]"}},
		{name: "deep", kind: "deep-kernel", errors: "sigma", sets: []string{"deep.steps=2", "deep.starts=2"}},
		{name: "deep, widths", kind: "deep-kernel", lengths: []string{"deep.inner_width=5", "single.widths=[1, 2]"}, sets: []string{"deep.steps=2", "deep.starts=2"}},
	} {
		if i%2 == 1 && testing.Short() {
			continue
		}
		var first []float64
		units := [][2]float64{{1, 1}, {1e-20, 1}, {1e20, 1e20}, {1e3, 1e-20}}
		if testing.Short() { // in turn
			units = [][2]float64{units[0], units[1+i/2%3]}
		}
		for _, u := range units {
			value, length := u[0], u[1]
			sets := append([]string{fmt.Sprintf("observations.path=%q", unitsTable(t, value, length, c.errors)), "evaluate.shape=[7, 5]"}, c.sets...)
			if c.kind == "kernel" {
				sets = append(sets, "kernel.tolerance=1e-10", "evaluate.variance=true")
			}
			for _, s := range c.lengths {
				key, list, _ := strings.Cut(s, "=")
				var numbers []string
				for n := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune("[], ", r) }) {
					var v float64
					fmt.Sscan(n, &v)
					numbers = append(numbers, fmt.Sprintf("%.17e", v*length))
				}
				list = strings.Join(numbers, ", ")
				if strings.Contains(s, "[") {
					list = "[" + list + "]"
				}
				sets = append(sets, key+"="+list)
			}
			dir, err := jobtest.Run(t, kinds[c.kind], 1, fmt.Sprintf("job = %q", c.kind), sets...)
			if err != nil {
				t.Errorf("%s, units of %g and %g: %v", c.name, value, length, err)
				continue
			}
			fit := jobtest.ReadNpy(t, dir, "solution.npy")
			for i := range fit {
				fit[i] /= value
			}
			if c.kind == "kernel" {
				for _, v := range jobtest.ReadNpy(t, dir, "variance.npy") {
					fit = append(fit, v/value/value)
				}
			}
			if first == nil {
				first = fit
			}
			if d := jobtest.Farthest(fit, first); !(d < 1e-6) {
				t.Errorf("%s, units of %g and %g: the fit differs by %g", c.name, value, length, d)
			}
		}
	}
}

// A fit that is the mean of the values, because sigma is in another unit, is told.
func TestFlatFit(t *testing.T) {
	var b strings.Builder
	b.WriteString("x,value,sigma\n")
	for i := range 50 {
		fmt.Fprintf(&b, "%d,%g,%g\n", i, math.Sin(float64(i)/5), 1e4)
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	for _, sigma := range []bool{true, false} {
		text := b.String()
		if !sigma {
			text = strings.ReplaceAll(text, ",10000", ",0.1")
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := jobtest.Run(t, Load, 2, `job = "kernel"`, fmt.Sprintf("observations.path=%q", path))
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(dir, "run.log"))
		if err != nil {
			t.Fatal(err)
		}
		explained := jobtest.Metrics(t, dir)["explained"].(float64)
		if told := strings.Contains(string(log), "the fit explains"); told != sigma || sigma != (explained < 0.02) {
			t.Errorf("sigma far too large %v: explained %g, told %v", sigma, explained, told)
		}
	}
}

// The default width is about the same with one observation far away as without.
func TestOutlier(t *testing.T) {
	var text [2]strings.Builder
	for k := range text {
		text[k].WriteString("x,y,value\n")
		for i := range 200 {
			fmt.Fprintf(&text[k], "%g,%g,%g\n", math.Mod(float64(i)*0.377, 1), math.Mod(float64(i)*0.611, 1), math.Sin(float64(i)))
		}
	}
	text[1].WriteString("1e6,-1e6,0\n")
	var width [2]float64
	for k := range text {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(text[k].String()), 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := jobtest.Run(t, Load, 1, `job = "kernel"`, fmt.Sprintf("observations.path=%q", path), "evaluate.shape=[3, 3]")
		if err != nil {
			t.Fatal(err)
		}
		width[k] = jobtest.Metrics(t, dir)["width"].(float64)
	}
	if math.Abs(width[1]/width[0]-1) > 0.05 {
		t.Errorf("default width %g, with an outlier %g", width[0], width[1])
	}
}

// Observations at both ends of a period are neighbours; without the period they are not.
func TestPeriodic(t *testing.T) {
	var b strings.Builder
	b.WriteString("lon,lat,value\n")
	f := func(lon, lat float64) float64 { return math.Sin(lon*math.Pi/180) + lat/90 }
	for i := range 400 {
		lon, lat := math.Mod(float64(i)*137.507, 340)+15, math.Mod(float64(i)*71.3, 120)-60
		fmt.Fprintf(&b, "%g,%g,%g\n", math.Mod(lon, 360), lat, f(lon, lat))
	}
	folder := t.TempDir()
	path, at := filepath.Join(folder, "t.csv"), filepath.Join(folder, "at.csv")
	for p, s := range map[string]string{path: b.String(), at: "lat,lon\n0,5\n0,365\n0,-355\n0,358\n"} {
		if err := os.WriteFile(p, []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sets := []string{fmt.Sprintf("observations.path=%q", path), fmt.Sprintf("evaluate.path=%q", at), "kernel.width=120", "kernel.lambda=1e-6"}
	for _, n := range []int{1, 3} {
		dir, err := jobtest.Run(t, Load, n, `job = "kernel"`, append(sets, "observations.periodic=[360, 0]")...)
		if err != nil {
			t.Fatal(err)
		}
		v := jobtest.ReadNpy(t, dir, "solution.npy")
		if math.Abs(v[0]-v[1]) > 1e-9 || math.Abs(v[0]-v[2]) > 1e-9 {
			t.Errorf("%d ranks: %v at 5, 365 and -355 degrees, want the same", n, v[:3])
		}
		if math.Abs(v[0]-f(5, 0)) > 0.01 || math.Abs(v[3]-f(358, 0)) > 0.01 {
			t.Errorf("%d ranks: %v, want %g and %g", n, v, f(5, 0), f(358, 0))
		}
	}
	for wrong, want := range map[string]string{"[360, 180]": `write kernel.family = "matern-5/2"`, "[360]": "observations.periodic has 1 numbers", "[-1, 0]": "observations.periodic"} {
		if _, err := jobtest.Run(t, Load, 1, `job = "kernel"`, append(sets, "observations.periodic="+wrong)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("periodic = %s: %v", wrong, err)
		}
	}
}

// Any of one to three coordinates may be periodic: a fit does not change by a whole period, is
// right across the seam, and is the same on several ranks.
func TestPeriodicCoordinates(t *testing.T) {
	periods := []float64{2, 0.5, 24}
	for _, on := range [][]bool{{true}, {true, true}, {false, true}, {true, false, false}, {true, true, false}, {true, true, true}} {
		dim := len(on)
		list := make([]string, dim)
		value := func(x []float64) float64 {
			v := 10.0
			for k := range x {
				if on[k] {
					v += math.Sin(2 * math.Pi * x[k] / periods[k])
				} else {
					v += x[k] / periods[k]
				}
			}
			return v
		}
		var b, at strings.Builder
		names := strings.Join([]string{"x", "y", "z"}[:dim], ",")
		fmt.Fprintf(&b, "%s,value\n", names)
		fmt.Fprintln(&at, names)
		x := make([]float64, dim)
		for i := range 70 * dim * dim {
			for k := range x {
				list[k] = "0"
				if x[k] = periods[k] * math.Mod(float64(i+1)*[]float64{0.7548776662, 0.5698402910, 0.8191725134}[k], 1); on[k] {
					list[k] = fmt.Sprint(periods[k])
				}
				fmt.Fprintf(&b, "%g,", x[k])
			}
			fmt.Fprintf(&b, "%g\n", value(x))
		}
		places := [][]float64{make([]float64, dim), make([]float64, dim)} // at the seam, and a period away
		for k := range dim {
			if places[0][k] = 0.002 * periods[k]; !on[k] {
				places[0][k] = 0.5 * periods[k]
			}
			if places[1][k] = places[0][k]; on[k] {
				places[1][k] -= periods[k]
			}
		}
		for _, p := range places {
			fmt.Fprintln(&at, strings.Trim(strings.ReplaceAll(fmt.Sprint(p), " ", ","), "[]"))
		}
		folder := t.TempDir()
		for name, s := range map[string]string{"t.csv": b.String(), "at.csv": at.String()} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(s), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var first []float64
		for _, n := range []int{1, 3} {
			dir, err := jobtest.Run(t, Load, n, `job = "kernel"`, fmt.Sprintf("observations.path=%q", filepath.Join(folder, "t.csv")), fmt.Sprintf("evaluate.path=%q", filepath.Join(folder, "at.csv")),
				"kernel.family=matern-5/2", "kernel.spread=true", "kernel.width=0.7", "kernel.lambda=1e-4", "kernel.tolerance=1e-7", "observations.periodic=["+strings.Join(list, ",")+"]")
			if err != nil {
				t.Fatalf("%v, %d ranks: %v", on, n, err)
			}
			v := jobtest.ReadNpy(t, dir, "solution.npy")
			if math.Abs(v[0]-v[1]) > 1e-5 {
				t.Errorf("%v, %d ranks: %v, want the same a period away", on, n, v)
			}
			if want := value(places[0]); math.Abs(v[0]-want) > 0.05 {
				t.Errorf("%v, %d ranks: %g at the seam, want %g", on, n, v[0], want)
			}
			if first == nil {
				first = v
			} else if d := jobtest.Farthest(first, v); d > 1e-4 {
				t.Errorf("%v: %g from the fit on one rank", on, d)
			}
		}
	}
}

// Two layers fit coordinates with periods too: a fit does not change when observations move by
// whole periods, and is equal at both ends of a period.
func TestDeepPeriodic(t *testing.T) {
	for _, on := range [][]float64{{2}, {2, 0}, {2, 5}, {0, 5, 0}, {2, 5, 3}} {
		dim := len(on)
		names := strings.Join([]string{"x", "y", "z"}[:dim], ",")
		var fits [2][]float64
		for k, moved := range []float64{0, 1} { // by a period
			var b strings.Builder
			fmt.Fprintf(&b, "%s,value\n", names)
			for i := range 60 {
				v := 0.0
				for a, period := range on {
					u := math.Mod(float64(i+1)*[]float64{0.7548776662, 0.5698402910, 0.8191725134}[a], 1)
					if i < 2 {
						u = float64(i) // both ends
					}
					v += math.Cos(2 * math.Pi * u)
					if period == 0 {
						fmt.Fprintf(&b, "%g,", u)
						continue
					}
					fmt.Fprintf(&b, "%g,", (u+moved)*period)
				}
				fmt.Fprintf(&b, "%g\n", v)
			}
			path := filepath.Join(t.TempDir(), "t.csv")
			if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			dir, err := jobtest.Run(t, LoadDeep, 1+k, `job = "deep-kernel"`, fmt.Sprintf("observations.path=%q", path), "observations.periodic="+strings.ReplaceAll(fmt.Sprint(on), " ", ", "),
				"deep.steps=2", "deep.starts=2", "deep.inner_width=1", "evaluate.shape="+strings.ReplaceAll(fmt.Sprint(slices.Repeat([]int{5}, dim)), " ", ", "))
			if err != nil {
				t.Fatalf("%v: %v", on, err)
			}
			fits[k] = jobtest.ReadNpy(t, dir, "solution.npy")
		}
		if d := jobtest.Farthest(fits[0], fits[1]); d > 1e-6 {
			t.Errorf("%v: a period changes the fit by %g", on, d)
		}
		n := len(fits[0])
		if ends := math.Abs(fits[0][0] - fits[0][n-1]); !slices.Contains(on, 0) && ends > 1e-6 {
			t.Errorf("%v: the ends of the periods differ by %g", on, ends)
		}
	}
	if _, err := jobtest.Run(t, LoadDeep, 1, `job = "deep-kernel"`, "observations.path=none.csv", "deep.inner=wendland-c2", "observations.dim=2", "observations.periodic=[1, 1]"); err == nil {
		t.Error("a compact kernel in four dimensions passes")
	}
}
