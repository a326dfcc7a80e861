package tables

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/internal/imageio"
)

// Degree is the unit of angles that the jobs work in.
const Degree = "deg"

// angleUnits are the units of angles in degrees, with their names in files. The first name is the usual one.
var angleUnits = []struct {
	degrees float64
	names   []string
}{
	{1, []string{Degree, "degs", "degree", "degrees", "°"}},
	{180 / math.Pi, []string{"rad", "rads", "radian", "radians"}},
	{15, []string{"hourangle", "h", "hr", "hrs", "hour", "hours"}},
	{1.0 / 60, []string{"arcmin", "arcmins", "arcminute", "arcminutes", "amin"}},
	{1.0 / 3600, []string{"arcsec", "arcsecs", "arcsecond", "arcseconds", "asec"}},
	{1.0 / 3600000, []string{"mas", "milliarcsec", "milliarcsecond", "milliarcseconds"}},
}

// otherUnits are other units that have several names.
var otherUnits = [][]string{
	{"pixel", "pixels", "pix", "px"}, {"m", "metre", "metres", "meter", "meters"}, {"km", "kilometre", "kilometres", "kilometer", "kilometers"},
	{"s", "sec", "second", "seconds"}, {"d", "day", "days"}, {"yr", "a", "year", "years"},
}

// unsaid are what files write for a column that has no unit.
var unsaid = []string{"", "-", "--", "---", "none", "null", "unknown"}

// unitOf is the unit that a file says of a column, "" where it says none.
func unitOf(t *imageio.Table, j int) string {
	unit := strings.Trim(t.Unit(j), " \t[]()")
	if slices.Contains(unsaid, strings.ToLower(unit)) {
		return ""
	}
	return unit
}

// degrees is the size of a unit of angle in degrees; 0 = it is none.
func degrees(unit string) float64 {
	for _, u := range angleUnits {
		if slices.Contains(u.names, strings.ToLower(unit)) {
			return u.degrees
		}
	}
	return 0
}

// factor brings numbers of the unit have into the unit want; 1 where one of them is not said. It is 0 for units
// that are not known to be the same and are not both angles.
func factor(have, want string) float64 {
	if have == "" || want == "" || have == want {
		return 1
	}
	if a, b := degrees(have), degrees(want); a > 0 && b > 0 {
		return a / b
	}
	for _, names := range otherUnits {
		if slices.Contains(names, have) && slices.Contains(names, want) {
			return 1
		}
	}
	return 0
}

// InDegrees is the factor that brings the angles of column j into degrees, from the unit that its file says; 1 where it
// says none. said is the conversion in words, "" for none. A unit that is not one of an angle is an error.
func InDegrees(t *imageio.Table, j int) (scale float64, said string, err error) {
	return into(t, j, Degree)
}

// into is InDegrees for any unit.
func into(t *imageio.Table, j int, want string) (scale float64, said string, err error) {
	have, name := unitOf(t, j), (&finder{t: t}).call(j)
	switch scale = factor(have, want); {
	case scale == 0 && degrees(want) > 0:
		return 0, "", fmt.Errorf("column %s is in %q, want an angle in %q: the units deg, rad, hourangle, arcmin, arcsec and mas are converted, and a column without a unit is taken in %s", name, have, want, want)
	case scale == 0:
		return 0, "", fmt.Errorf("column %s is in %q, and this coordinate of the fit in %q: convert the column, and write %s as its unit", name, have, want, want)
	case scale != 1:
		said = fmt.Sprintf("%s converted from %s to %s", name, have, want)
	}
	return scale, said, nil
}

// Convert brings the coordinates x (rows x coordinates) that were taken from a table into the units want, one of each
// coordinate, "" = as they are; want may be nil. The units of the result are c.In. said are the conversions in words.
func (c *Columns) Convert(t *imageio.Table, x []float64, want []string) (said string, err error) {
	c.In = nil
	var list []string
	dim := len(c.Coordinates)
	for k, j := range c.Coordinates {
		unit := unitOf(t, j)
		if k < len(want) && want[k] != "" {
			scale, text, err := into(t, j, want[k])
			if err != nil {
				return "", err
			}
			if unit = want[k]; scale != 1 {
				list = append(list, text)
				for i := k; i < len(x); i += dim {
					x[i] *= scale
				}
			}
		}
		c.In = append(c.In, unit)
	}
	return strings.Join(list, ", "), nil
}

// RadianHint asks whether longitudes and latitudes in columns lon and lat without a unit are radians; "" where a unit is
// said or a number is beyond the range of radians. angles yields their numbers in turn.
func RadianHint(t *imageio.Table, lon, lat int, angles func(yield func(lon, lat float64) bool)) string {
	if unitOf(t, lon) != "" || unitOf(t, lat) != "" {
		return ""
	}
	f := &finder{t: t}
	for _, j := range []int{lon, lat} {
		if strings.Contains(strings.ToLower(f.call(j)), "deg") {
			return ""
		}
	}
	for a, b := range angles {
		if math.Abs(a) > 2*math.Pi || math.Abs(b) > math.Pi/2 {
			return ""
		}
	}
	return fmt.Sprintf("%s and %s are taken as degrees, and all of them are within 2 pi and pi/2: are these radians? Then give the columns the unit rad", f.call(lon), f.call(lat))
}
