package tables

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// unitsTable reads a table whose columns x and y have units.
func unitsTable(t *testing.T, x, y string) *imageio.Table {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte("# - {name: x, unit: "+x+"}\n# - {name: y, unit: "+y+"}\nx,y\n1,2\n3,4\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	table, err := imageio.ReadTable(path)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// Every name of a unit of angle is brought into degrees, and into every other one; any other unit is refused by its name.
func TestInDegrees(t *testing.T) {
	one := map[string]float64{"deg": 1, "rad": 57.29577951308232, "hourangle": 15, "arcmin": 0.016666666666666666, "arcsec": 1 / 3600., "mas": 1 / 3.6e6}
	for _, u := range angleUnits {
		want, ok := one[u.names[0]]
		if !ok {
			t.Fatalf("%s: this test does not know the size of the unit", u.names[0])
		}
		for _, name := range u.names {
			for _, spelling := range []string{name, strings.ToUpper(name)} {
				scale, said, err := InDegrees(unitsTable(t, spelling, "m"), 0)
				if err != nil || math.Abs(scale/want-1) > 1e-14 {
					t.Errorf("%s: factor %v, %v, want %v", spelling, scale, err, want)
				}
				if told := strings.Contains(said, "x converted from "+spelling+" to deg"); told != (want != 1) {
					t.Errorf("%s: said %q", spelling, said)
				}
			}
		}
	}
	for _, unit := range unsaid {
		if unit == "" {
			continue
		}
		if scale, said, err := InDegrees(&imageio.Table{Names: []string{"x"}, Units: []string{unit}, Cols: 1}, 0); scale != 1 || said != "" || err != nil {
			t.Errorf("%q: factor %v, %q, %v, want none", unit, scale, said, err)
		}
	}
	for _, unit := range []string{"m", "km", "gradian", "pixel", "mag"} {
		if _, _, err := InDegrees(unitsTable(t, unit, "deg"), 0); err == nil || !strings.Contains(err.Error(), `column x is in "`+unit+`"`) {
			t.Errorf("%s: %v, want an error that names the column and the unit", unit, err)
		}
	}
}

// Coordinates come into the units of a fit: angles are converted, names of one unit are the same, others are refused with both
// names, and what one side does not say stays as it is.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		have, want string
		scale      float64 // 0 = refused
		in         string
	}{
		{"m", "m", 1, "m"}, {"m", "metre", 1, "metre"}, {"km", "m", 0, ""}, {"m", "km", 0, ""}, {"rad", "deg", 180 / math.Pi, "deg"}, {"deg", "arcmin", 60, "arcmin"},
		{"arcsec", "arcsec", 1, "arcsec"}, {"m", "deg", 0, ""}, {"deg", "m", 0, ""}, {"pix", "pixel", 1, "pixel"}, {"km", "", 1, "km"}, {"---", "m", 1, "m"}, {"Mm", "mm", 0, ""},
	} {
		table := unitsTable(t, c.have, "s")
		x := append([]float64(nil), table.Data...)
		columns := Plain(2)
		said, err := columns.Convert(table, x, []string{c.want, ""})
		if c.scale == 0 {
			if err == nil || !strings.Contains(err.Error(), `"`+c.have+`"`) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s into %s: %v, want one line that names both", c.have, c.want, err)
			}
			continue
		}
		if err != nil || math.Abs(x[0]-c.scale) > 1e-12 || math.Abs(x[2]-3*c.scale) > 1e-12 || x[1] != 2 || x[3] != 4 || columns.In[0] != c.in || columns.In[1] != "s" {
			t.Errorf("%s into %s: %v, units %v, %v", c.have, c.want, x, columns.In, err)
		}
		if (said != "") != (c.scale != 1) {
			t.Errorf("%s into %s: said %q", c.have, c.want, said)
		}
	}
}

// Numbers within the range of radians in columns without a unit are asked about.
func TestRadianHint(t *testing.T) {
	for _, c := range []struct {
		name, unit string
		lon, lat   float64
		want       bool
	}{
		{"ra", "", 6.2, -1.5, true}, {"ra", "", 6.3, 1, false}, {"ra", "", 3, 1.6, false}, {"ra", "deg", 3, 1, false}, {"ra_deg", "", 3, 1, false}, {"RAdeg", "", 3, 1, false},
	} {
		table := &imageio.Table{Names: []string{c.name, "dec"}, Units: []string{c.unit, c.unit}, Cols: 2}
		hint := RadianHint(table, 0, 1, func(yield func(lon, lat float64) bool) { yield(c.lon, c.lat) })
		if got := strings.Contains(hint, "are these radians?"); got != c.want {
			t.Errorf("%+v: hint %q", c, hint)
		}
	}
}
