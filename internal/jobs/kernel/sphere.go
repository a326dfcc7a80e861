package kernel

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/tables"
	"tessera/tikhonov/kernel"
)

// Values of observations.distance.
const (
	straight    = "straight"     // sqrt(sum_k (x_k - x'_k)^2)
	greatCircle = "great-circle" // along the sphere, the first two coordinates being longitude and latitude
)

// radian is the radius in degrees of a sphere on which a degree of a great circle has length 1.
const radian = 180 / math.Pi

// onSphere is longitude and latitude, in degrees, as a point on that sphere, in degrees. Its straight distance
// from another one is 2 radian sin(a/2), a the angle between them: it grows with the angle, and is
// the angle itself but for a part of a^2/24.
func onSphere(lon, lat float64) [3]float64 {
	sinLon, cosLon := math.Sincos(math.Mod(lon, 360) / radian)
	sinLat, cosLat := math.Sincos(lat / radian)
	return [3]float64{radian * cosLat * cosLon, radian * cosLat * sinLon, radian * sinLat}
}

// angle is the angle in degrees between points on the sphere whose straight distance is chord.
func angle(chord float64) float64 { return 2 * radian * math.Asin(min(1, chord/(2*radian))) }

// sphereShare is the area of the box of longitudes and latitudes on the sphere, by that of the
// same box in the plane.
func sphereShare(south, north float64) float64 {
	if !(north > south) {
		return math.Cos(south / radian)
	}
	return radian * (math.Sin(north/radian) - math.Sin(south/radian)) / (north - south)
}

// Names of longitudes and latitudes, in lower case; units in brackets and the like are not part
// of them.
var (
	longitudes = []string{"lon", "long", "longitude", "ra", "raj2000", "ra_j2000", "alpha", "alpha_j2000", "ra_icrs", "_raj2000", "ra_deg", "radeg", "glon", "elon"}
	latitudes  = []string{"lat", "latitude", "dec", "de", "dej2000", "dec_j2000", "decj2000", "delta", "delta_j2000", "de_icrs", "_dej2000", "dec_deg", "dedeg", "glat", "elat"}
)

// angles says where longitude and latitude are among the names of coordinates; -1 where none is.
func angles(names []string) (lon, lat int) {
	lon, lat = -1, -1
	for k, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if at := strings.IndexAny(name, " ([{"); at > 0 {
			name = name[:at]
		}
		for _, known := range longitudes {
			if name == known && lon < 0 {
				lon = k
			}
		}
		for _, known := range latitudes {
			if name == known && lat < 0 {
				lat = k
			}
		}
	}
	return lon, lat
}

// exchanged is the line of the config that takes the columns of a table with the first two
// coordinates exchanged.
func exchanged(t *imageio.Table, c *tables.Columns) string {
	list := slices.Clone(c.Coordinates)
	list[0], list[1] = list[1], list[0]
	list = append(list, c.Value)
	more := ""
	if c.Errors >= 0 {
		list = append(list, c.Errors)
		more = fmt.Sprintf(" and observations.dim = %d", len(c.Coordinates))
	}
	var words []string
	for _, k := range list {
		word := strconv.Itoa(k + 1)
		if k < len(t.Names) && t.Names[k] != "" {
			word = t.Names[k]
		}
		words = append(words, strconv.Quote(word))
	}
	return "observations.columns = [" + strings.Join(words, ", ") + "]" + more
}

// checkDistance finds what is wrong with the observations for observations.distance = "great-circle".
// line is that of the config which names all columns, with the first two exchanged.
func (c *settings) checkDistance(s *scattered, line string) error {
	o := &s.raw
	const want = `observations.distance = "great-circle" wants longitude and latitude in degrees as the first two coordinates`
	if o.Dim < 2 {
		return fmt.Errorf("%s; there is %d coordinate", want, o.Dim)
	}
	if lon, lat := angles(s.columns.Names); lon == 1 && lat == 0 {
		return &tables.Error{Text: fmt.Sprintf("%s, and these are %s and %s: write %s", want, s.columns.Names[0], s.columns.Names[1], line)}
	}
	if i, err := checkAngles(o.X, o.Dim); err != nil {
		return fmt.Errorf("%s; %s: %w", want, s.where(i), err)
	}
	return nil
}

// checkAngles finds the first of places (n x dim) that does not begin with a longitude and a
// latitude in degrees.
func checkAngles(x []float64, dim int) (at int, err error) {
	for i := 0; i < len(x); i += dim {
		if lon, lat := x[i], x[i+1]; math.Abs(lat) > 90 || math.Abs(lon) > 720 {
			return i / dim, fmt.Errorf("%g and %g, want a longitude of -720 to 720 and a latitude of -90 to 90 degrees", lon, lat)
		}
	}
	return 0, nil
}

// angleUnits are the units that coordinates of a table are brought into, where said are those of the fit, "" or nil =
// not said: degrees of longitude and latitude on a sphere.
func (c *settings) angleUnits(said []string) []string {
	if c.Observations.Distance != greatCircle {
		return said
	}
	return sphereUnits(said)
}

// sphereUnits are the units of a fit on a sphere, said those that are known, "" or nil = not said.
func sphereUnits(said []string) []string {
	return append([]string{tables.Degree, tables.Degree}, said[min(2, len(said)):]...)
}

// radianNote asks whether longitudes and latitudes on a sphere are radians, "" where they cannot be.
func (c *settings) radianNote(t *imageio.Table, o *kernel.Observations, columns *tables.Columns) string {
	if c.Observations.Distance != greatCircle || o.Dim < 2 {
		return ""
	}
	return tables.RadianHint(t, columns.Coordinates[0], columns.Coordinates[1], func(yield func(lon, lat float64) bool) {
		for i := 0; i < len(o.X) && yield(o.X[i], o.X[i+1]); i += o.Dim {
		}
	})
}

// angleNote says what is lost where longitude and latitude are taken as coordinates of a plane; ""
// where they are not, or where nothing is.
func (c *settings) angleNote(o *kernel.Observations, columns *tables.Columns) string {
	if c.Observations.Distance == greatCircle || len(c.Observations.Periodic) > 0 || o.Dim < 2 {
		return ""
	}
	lon, lat := angles(columns.Names)
	if lon < 0 || lat < 0 {
		return ""
	}
	south, north := math.Inf(1), math.Inf(-1)
	for i := lat; i < len(o.X); i += o.Dim {
		south, north = min(south, o.X[i]), max(north, o.X[i])
	}
	if !(south >= -90 && north <= 90) {
		return ""
	}
	stretch := 1 / math.Cos(max(math.Abs(south), math.Abs(north))/radian)
	if stretch < 1.05 {
		return ""
	}
	return fmt.Sprintf(`%s and %s are taken as coordinates of a plane, where distances along %s are up to %.3g times what they are on the sphere; observations.distance = "great-circle" measures them there`,
		columns.Names[lon], columns.Names[lat], columns.Names[lon], stretch)
}
