package kernel

import (
	"bytes"
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
)

// inUnits writes a table of columns whose coordinates have units, "" = none, in a format.
func inUnits(t *testing.T, format string, names, units []string, rows [][]float64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table."+format)
	table := &imageio.Table{Names: names, Rows: len(rows), Cols: len(names)}
	for _, row := range rows {
		table.Data = append(table.Data, row...)
	}
	var b bytes.Buffer
	switch format {
	case "csv":
		for k, unit := range units {
			if unit != "" {
				fmt.Fprintf(&b, "# - {name: %s, unit: %s}\n", names[k], unit)
			}
		}
		b.WriteString(strings.Join(names, ","))
		for _, row := range rows {
			for k, v := range row {
				b.WriteString(map[bool]string{true: "\n", false: ","}[k == 0] + strconv.FormatFloat(v, 'g', 17, 64))
			}
		}
	case "fits":
		if err := imageio.WriteTable(path, table); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := 2880 + bytes.Index(text[2880:], []byte(fmt.Sprintf("%-80s", "END")))
		for k, unit := range units {
			if unit != "" {
				copy(text[at:], fmt.Sprintf("%-80s", fmt.Sprintf("TUNIT%d  = '%-8s'", k+1, unit)))
				at += 80
			}
		}
		copy(text[at:], fmt.Sprintf("%-80s", "END"))
		b.Write(text)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// inputNote is all that a result says of its input files.
func inputNote(t *testing.T, dir string) string {
	t.Helper()
	return fmt.Sprint(jobtest.Metrics(t, dir)["inputs"])
}

// Longitudes and latitudes in every unit of angle, in both formats, have the same fit on the sphere and the same predictions, by
// evaluate.path and by Predict; any other unit is refused by name, by each reader.
func TestAnglesInUnits(t *testing.T) {
	table := func(scale float64, n int, value bool) (rows [][]float64) {
		for i := range n {
			lon, lat := 30+20*math.Mod(float64(i)*0.618034, 1), 40*math.Mod(float64(i)*0.754878, 1)
			row := []float64{lon * scale, lat * scale}
			if value {
				row = append(row, math.Sin(lon/5)+lat/20)
			}
			rows = append(rows, row)
		}
		return rows
	}
	fit := func(path, places string) (string, error) {
		return jobtest.Run(t, Load, 1, "job = 'kernel'", "observations.path="+path, "evaluate.path="+places, "observations.distance="+greatCircle, "kernel.width=15", "kernel.tolerance=1e-11")
	}
	head, places := []string{"ra", "dec", "value"}, []string{"ra", "dec"}
	plain := inUnits(t, "csv", places, nil, table(1, 9, false))
	first, err := fit(inUnits(t, "csv", head, nil, table(1, 40, true)), plain)
	if err != nil {
		t.Fatal(err)
	}
	want := jobtest.ReadNpy(t, first, "solution.npy")
	for _, format := range []string{"csv", "fits"} {
		for unit, scale := range map[string]float64{"deg": 1, "rad": math.Pi / 180, "hourangle": 1. / 15, "arcmin": 60, "arcsec": 3600, "mas": 3.6e6} {
			units := []string{unit, unit}
			there := inUnits(t, format, places, units, table(scale, 9, false))
			dir, err := fit(inUnits(t, format, head, units, table(scale, 40, true)), there)
			if err != nil {
				t.Errorf("%s, %s: %v", format, unit, err)
				continue
			}
			if d := jobtest.Farthest(jobtest.ReadNpy(t, dir, "solution.npy"), want); !(d < 1e-8) {
				t.Errorf("%s, %s: the fit differs by %g", format, unit, d)
			}
			note := inputNote(t, dir)
			if n := strings.Count(note, "dec converted from "+unit+" to deg"); n != map[bool]int{true: 0, false: 2}[unit == "deg"] {
				t.Errorf("%s, %s: told %d times: %s", format, unit, n, note)
			}
			for _, at := range []string{there, plain} {
				p, err := Predict(first, at, nil)
				if err != nil {
					t.Errorf("%s, %s: %v", format, unit, err)
					continue
				}
				k := slices.Index(p.Names, "predicted")
				for i, row := range p.Rows {
					if v, err := strconv.ParseFloat(row[k], 64); err != nil || !(math.Abs(v-want[i]) < 1e-8) {
						t.Fatalf("%s, %s: predicted %s at place %d, want %g", format, unit, row[k], i, want[i])
					}
				}
				x, _ := strconv.ParseFloat(p.Rows[0][0], 64)
				if at == there && math.Abs(x/(30*scale)-1) > 1e-9 {
					t.Errorf("%s, %s: the first longitude came back as %s, want %g", format, unit, p.Rows[0][0], 30*scale)
				}
			}
		}
		units := []string{"m", "m"}
		refused := inUnits(t, format, places, units, table(1, 9, false))
		_, a := fit(inUnits(t, format, head, units, table(1, 40, true)), plain)
		_, b := fit(inUnits(t, format, head, nil, table(1, 40, true)), refused)
		_, c := Predict(first, refused, nil)
		for reader, err := range map[string]error{"observations": a, "evaluate.path": b, "predict": c} {
			if err == nil || !strings.Contains(err.Error(), `column ra is in "m"`) {
				t.Errorf("%s of %s: %v, want an error that names column and unit", reader, format, err)
			}
		}
	}
	dir, err := fit(inUnits(t, "csv", head, nil, table(math.Pi/180, 40, true)), inUnits(t, "csv", places, nil, table(math.Pi/180, 9, false)))
	if err != nil || !strings.Contains(inputNote(t, dir), "are these radians?") {
		t.Errorf("radians without a unit: %v", err)
	}
}

// Places in another unit than that of the fit are refused with both names or, of angles, converted; a unit that one side does
// not say changes nothing.
func TestPlacesInUnits(t *testing.T) {
	var rows, places [][]float64
	for i := range 40 {
		x, y := 10*math.Mod(float64(i)*0.618034, 1), 7*math.Mod(float64(i)*0.754878, 1)
		if rows = append(rows, []float64{x, y, math.Sin(x) + y}); i < 5 {
			places = append(places, []float64{x + 0.1, y})
		}
	}
	for _, c := range []struct {
		fit, places string
		scale       float64 // of the coordinates; 0 = refused
	}{
		{"m", "m", 1}, {"m", "km", 0}, {"m", "", 1}, {"", "km", 1}, {"", "", 1}, {"arcsec", "arcmin", 60}, {"deg", "m", 0}, {"m", "metre", 1},
	} {
		moved := make([][]float64, len(places))
		for i, row := range places {
			moved[i] = []float64{row[0] / max(c.scale, 1), row[1] / max(c.scale, 1)}
		}
		at := inUnits(t, "csv", []string{"x", "y"}, []string{c.places, c.places}, moved)
		set := []string{"observations.path=" + inUnits(t, "csv", []string{"x", "y", "value"}, []string{c.fit, c.fit}, rows), "kernel.width=3"}
		dir, other := jobtest.Run(t, Load, 1, "job = 'kernel'", append(set, "evaluate.path="+at)...)
		fit := dir
		if c.scale == 0 {
			var err error
			if fit, err = jobtest.Run(t, Load, 1, "job = 'kernel'", append(set, "evaluate.shape=[3, 3]")...); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Predict(fit, at, nil)
		if c.scale == 0 {
			for _, err := range []error{err, other} {
				if err == nil || !strings.Contains(err.Error(), strconv.Quote(c.fit)) || !strings.Contains(err.Error(), strconv.Quote(c.places)) {
					t.Errorf("%s at %s: %v, want an error that names both", c.fit, c.places, err)
				}
			}
			continue
		}
		if err != nil || other != nil {
			t.Errorf("%s at %s: %v, %v", c.fit, c.places, err, other)
			continue
		}
		want, k := jobtest.ReadNpy(t, dir, "solution.npy"), slices.Index(p.Names, "predicted")
		for i, row := range places {
			v, err := strconv.ParseFloat(p.Rows[i][k], 64)
			if err != nil || math.Abs(v-want[i]) > 1e-6 || math.Abs(v-math.Sin(row[0])-row[1]) > 0.5 {
				t.Errorf("%s at %s: predicted %s, the run %g, the truth %g", c.fit, c.places, p.Rows[i][k], want[i], math.Sin(row[0])+row[1])
			}
		}
		if told := strings.Contains(p.Input, "converted"); told != (c.scale != 1) {
			t.Errorf("%s at %s: said %q", c.fit, c.places, p.Input)
		}
	}
}
