package jobs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
)

// unsearched says of the families of doors whose files are not searched for marks of missing values as the data are,
// why not. Those of "plane" and "positive stack" are, see TestOutliersBeside; a family that is in neither fails it.
var unsearched = map[string]string{
	"":          "elsewhere",
	"mask":      "0 is missing, and every other value but one is refused",
	"flags":     "whole numbers, of which each is a flag",
	"frame":     "true frames: TestMarksOfTruth of internal/frames",
	"stack":     "masks, truths and first iterates",
	"pictures":  "refused: TestOutliers of tppa-train and mlpatch-train",
	"psf":       "a PSF that is not finite or has a negative sum is refused",
	"one PSF":   "likewise",
	"cube":      "likewise",
	"index":     "whole numbers from 0 to the number of PSFs",
	"positions": "pixels of the frame",
	"table":     "places, of which each is asked for",
	"matrix":    "samples, of which none is beside another",
	"spectra":   "likewise",
	"spectrum":  "a power of at least 0 for each ell",
	"catalogue": "columns: outlierColumns",
}

// outlierMember is one array or column in which a value may mark a missing one.
type outlierMember struct {
	name  string
	sets  func(t *testing.T, dir string, v float64) (sets []string, file string) // writes the file with the value in it
	wrong bool                                                                   // with outliers = "keep" a negative number is an error
}

// planeMembers are the doors of a job whose files state weights or noise.
func planeMembers(t *testing.T, kind, dir string, clean *imageio.Array) (list []outlierMember) {
	for _, key := range slices.Sorted(maps.Keys(doors[kind])) {
		family := doors[kind][key].family
		if family != "plane" && family != "positive stack" {
			if _, known := unsearched[family]; !known {
				t.Errorf("%s: no word in unsearched about files of %q", key, family)
			}
			continue
		}
		list = append(list, outlierMember{key, func(t *testing.T, dir string, v float64) ([]string, string) {
			data := make([]float64, len(clean.Data))
			for i := range data {
				data[i] = 0.03 + 0.01*float64(i%3) // standard deviations
				switch {
				case strings.HasSuffix(key, "weights"):
					data[i] = 1 / (data[i] * data[i])
				case strings.HasSuffix(key, "counts"):
					data[i] = float64(1 + i%3)
				}
			}
			data[len(data)/2+5] = v
			path := write(t, dir, "beside.npy", 1, data, clean.Shape...)
			sets := []string{key + "=" + path}
			if strings.HasPrefix(key, "shear.sigma") {
				sets = []string{"shear.sigma1=" + path, "shear.sigma2=" + path}
			}
			return sets, path
		}, kind != "darkmatter"})
	}
	return list
}

// outlierColumns are the columns of tables in which a value may mark a missing one, by the kind of job.
var outlierColumns = map[string][]outlierMember{
	"kernel": observed(), "deep-kernel": observed(),
	"darkmatter": {catalogued("ra", 0), catalogued("dec", 1), catalogued("e2", 3), catalogued("weight", 4)},
}

func observed() (list []outlierMember) {
	for j, name := range []string{"x", "y", "value", "sigma"} {
		list = append(list, outlierMember{"observations.path, column " + name, func(t *testing.T, dir string, v float64) ([]string, string) {
			var b strings.Builder
			b.WriteString("x,y,value,sigma\n")
			for i := range 60 {
				p, q := math.Mod(float64(i)*0.618, 1), math.Mod(float64(i)*0.414, 1)
				row := []float64{p, q, math.Sin(5*p) + math.Cos(4*q), 0.1}
				if i == 37 {
					row[j] = v
				}
				fmt.Fprintf(&b, "%g,%g,%g,%g\n", row[0], row[1], row[2], row[3])
			}
			path := written(t, filepath.Join(dir, "table.csv"), []byte(b.String()))
			return []string{"observations.path=" + path, "observations.missing=skip"}, path
		}, name == "sigma"})
	}
	return list
}

func catalogued(name string, j int) outlierMember {
	return outlierMember{"catalogue.path, column " + name, func(t *testing.T, dir string, v float64) ([]string, string) {
		var b strings.Builder
		b.WriteString("ra,dec,e1,e2,weight\n")
		for i := range 400 {
			p, q := math.Mod(float64(i)*0.618, 1), math.Mod(float64(i)*0.414, 1)
			row := []float64{150 + p/2, 2 + q/2, 0.2 * math.Sin(17*p), 0.2 * math.Cos(13*q), 1 + float64(i%3)}
			if i == 37 {
				row[j] = v
			}
			fmt.Fprintf(&b, "%g,%g,%g,%g,%g\n", row[0], row[1], row[2], row[3], row[4])
		}
		path := written(t, filepath.Join(dir, "catalogue.csv"), []byte(b.String()))
		return []string{"catalogue.path=" + path, "catalogue.weight=weight", "shear.pixel=3", "shear.sigma=0.3", "noise.realisations=2", "output.pictures=false"}, path
	}, false}
}

// A mark of a missing value in weights, in the noise and in a column of a table is a missing value: the answer is that with NaN in its place, the
// run names file and value beside its note and in a warning, and counts it.
func TestOutliersBeside(t *testing.T) {
	for turn, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			o := outlierTests[k.Name]
			dir := t.TempDir()
			var common []string
			members := outlierColumns[k.Name]
			if o.file != "" && o.input == nil && !o.refuses {
				common = append(unitTests[k.Name].input(t, dir, 1), unpictured(t, k.Name)...)
				for _, set := range o.sets {
					common = append(common, strings.ReplaceAll(set, "%dir", dir))
				}
				clean, err := imageio.ReadNpy(filepath.Join(dir, o.file))
				if err != nil {
					t.Fatal(err)
				}
				planes := planeMembers(t, k.Name, dir, clean)
				if testing.Short() && len(planes) > 0 { // the reader is the same
					planes = planes[turn%len(planes):][:1]
				}
				members = append(planes, members...)
			} else if len(members) > 0 {
				switch { // the reader is one
				case testing.Short() && k.Name == "deep-kernel":
					members = members[2:3]
				case testing.Short() && k.Name == "kernel":
					members = members[2:]
				}
				common = unpictured(t, k.Name)
				for _, set := range o.sets {
					if !strings.HasPrefix(set, "observations.") {
						common = append(common, set)
					}
				}
			}
			for _, m := range members {
				tryMember(t, k.Name, dir, o, m, common)
			}
		})
	}
}

func tryMember(t *testing.T, kind, dir string, o outlierTest, m outlierMember, common []string) {
	t.Helper()
	key := o.key
	if strings.HasPrefix(m.name, "catalogue") {
		common = nil
	}
	out := filepath.Join(dir, "out")
	try := func(v float64, more ...string) ([]float64, *lifecycle.Outliers, string, string, error) {
		sets, file := m.sets(t, dir, v)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		got, err := tryRun(t, kind, slices.Concat(common, sets, more, []string{fmt.Sprintf("output.dir=%q", out)}))
		if err != nil {
			return nil, nil, "", "", err
		}
		var r struct {
			Inputs   []lifecycle.Input
			Outliers *lifecycle.Outliers
		}
		text, err := os.ReadFile(filepath.Join(out, lifecycle.MetricsName))
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		note := ""
		for _, in := range r.Inputs {
			if in.File == file {
				note = in.Note
			}
		}
		log, err := os.ReadFile(filepath.Join(out, "run.log"))
		if err != nil {
			t.Fatal(err)
		}
		warning := ""
		for _, line := range strings.Split(string(log), "\n") {
			if strings.Contains(line, "taken as missing: 1;") && strings.Contains(line, filepath.Base(file)) {
				warning = line
			}
		}
		return got, r.Outliers, note, warning, nil
	}
	want, none, _, _, err := try(math.NaN())
	if err != nil {
		t.Fatalf("%s: NaN: %v", m.name, err)
	}
	if none != nil {
		t.Errorf("%s: NaN is an outlier: %+v", m.name, none)
	}
	marks := []float64{-9999, 1e30, math.MaxFloat32}
	if testing.Short() {
		marks = marks[:2]
	}
	for _, v := range marks {
		got, counted, note, warning, err := try(v)
		if err != nil {
			t.Errorf("%s: %g: %v", m.name, v, err)
			continue
		}
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			t.Errorf("%s: %g: another answer than with NaN", m.name, v)
		}
		if counted == nil || counted.Missing != 1 || counted.Reported != 0 {
			t.Errorf("%s: %g: metrics.json has the outliers %+v", m.name, v, counted)
		}
		if !strings.Contains(note, fmt.Sprintf("%.6g", v)) || !strings.Contains(note, "1 value, a number that marks missing values") {
			t.Errorf("%s: %g: the note is %q", m.name, v, note)
		}
		if !strings.Contains(warning, key) && !strings.Contains(warning, ".outliers") {
			t.Errorf("%s: %g: no warning that names the file", m.name, v)
		}
		if column := m.name[strings.LastIndex(m.name, " ")+1:]; strings.HasPrefix(m.name, "observations") &&
			(!strings.Contains(warning, "column "+column) || !strings.Contains(warning, fmt.Sprintf("%.6g in line 39", v))) {
			t.Errorf("%s: %g: the warning %s names no column and line", m.name, v, warning)
		}
	}
	if m.wrong {
		section, _, _ := strings.Cut(m.name, ".")
		if _, _, _, _, err := try(-9999, section+".outliers=keep"); err == nil || !strings.Contains(err.Error(), "-9999") || !strings.Contains(err.Error(), "often marks a missing") {
			t.Errorf("%s: -9999 that is kept: %v", m.name, err)
		}
	}
}

// A file of nothing but marks of missing values is one error that names the file, the value and the key.
func TestOnlyMarks(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			o := outlierTests[k.Name]
			if o.unsearched != "" {
				t.Skip(o.unsearched)
			}
			dir, sets, path, clean := o.prepare(t, k.Name)
			for _, v := range []float64{1e30, -9999} {
				if v < 0 && o.refuses {
					continue // a true picture may have one value
				}
				data := slices.Repeat([]float64{v}, len(clean.Data))
				if len(clean.Shape) == 2 && clean.Shape[1] == 3 { // a table has places
					data = slices.Clone(clean.Data)
					for i := 2; i < len(data); i += 3 {
						data[i] = v
					}
				}
				if err := imageio.WriteNpy(path, clean.Shape, data); err != nil {
					t.Fatal(err)
				}
				_, err := tryRun(t, k.Name, append(slices.Clone(sets), fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out"))))
				if err == nil {
					t.Fatalf("%g everywhere is data", v)
				}
				want := []string{path, fmt.Sprintf("%.6g, which marks", v)}
				if !o.refuses {
					want = append(want, o.key+` = "keep"`)
				}
				for _, part := range want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%g everywhere: %v, want %q in it", v, err, part)
					}
				}
			}
		})
	}
}
