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
)

// csv writes a table.
func csv(t *testing.T, head string, rows ...[]float64) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(head + "\n")
	for _, row := range rows {
		var words []string
		for _, v := range row {
			words = append(words, strconv.FormatFloat(v, 'g', -1, 64))
		}
		b.WriteString(strings.Join(words, ",") + "\n")
	}
	path := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// rotated is a place on the sphere after a rotation that brings the pole to the equator, and back
// to longitude and latitude.
func rotated(lon, lat float64) (float64, float64) {
	p := onSphere(lon, lat)
	x, y, z := p[2]/radian, p[0]/radian, p[1]/radian
	return math.Atan2(y, x) * radian, math.Asin(z) * radian
}

// A fit with great-circle distances does not change when the sphere is turned, so that there is
// neither a pole nor a meridian 0 in it; with straight distances it does. A saved fit predicts the
// same, with distances along the sphere, on any number of ranks.
func TestGreatCircle(t *testing.T) {
	var rows, rowsTurned, places, placesTurned [][]float64
	for i := range 300 {
		lon, lat := 360*math.Mod(float64(i)*0.618034, 1), math.Asin(2*math.Mod(float64(i)*0.754878, 1)-1)*radian
		p := onSphere(lon, lat)
		v := 3 + math.Sin(4*p[0]/radian) + p[1]*p[2]/radian/radian
		a, b := rotated(lon, lat)
		rows, rowsTurned = append(rows, []float64{lon, lat, v}), append(rowsTurned, []float64{a, b, v})
		if i < 40 {
			lon, lat = lon+3, lat*0.99
			a, b := rotated(lon, lat)
			places, placesTurned = append(places, []float64{lon, lat}), append(placesTurned, []float64{a, b})
		}
	}
	results := map[string][]float64{}
	for name, c := range map[string]struct {
		rows, places [][]float64
		distance     string
		ranks        int
	}{
		"as it is":         {rows, places, greatCircle, 1},
		"three":            {rows, places, greatCircle, 3},
		"seven":            {rows, places, greatCircle, 7},
		"turned":           {rowsTurned, placesTurned, greatCircle, 2},
		"straight":         {rows, places, straight, 1},
		"straight, turned": {rowsTurned, placesTurned, straight, 1},
	} {
		at := csv(t, "ra,dec", c.places...)
		out, err := jobtest.Run(t, Load, c.ranks, "job = 'kernel'", "observations.path="+csv(t, "ra,dec,value", c.rows...), "evaluate.path="+at,
			"observations.distance="+c.distance, "kernel.width=25", "kernel.tolerance=1e-11")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		results[name] = jobtest.ReadNpy(t, out, "solution.npy")
		p, err := Predict(out, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		k, d := slices.Index(p.Names, "predicted"), slices.Index(p.Names, "distance")
		for i, row := range p.Rows {
			if v, err := strconv.ParseFloat(row[k], 64); err != nil || math.Abs(v-results[name][i]) > 1e-8 {
				t.Fatalf("%s: predicted %s at place %d, the run %.12g", name, row[k], i, results[name][i])
			}
			if c.distance == straight {
				continue
			}
			least := math.Inf(1)
			for _, o := range c.rows { // haversines
				h := func(a float64) float64 { return math.Pow(math.Sin(a/2/radian), 2) }
				u := h(o[1]-c.places[i][1]) + math.Cos(o[1]/radian)*math.Cos(c.places[i][1]/radian)*h(o[0]-c.places[i][0])
				least = min(least, 2*radian*math.Asin(math.Sqrt(u)))
			}
			if v, err := strconv.ParseFloat(row[d], 64); err != nil || math.Abs(v-least) > 1e-8 {
				t.Errorf("%s: the nearest observation of place %d is at %s degrees, want %g", name, i, row[d], least)
			}
		}
	}
	for _, name := range []string{"three", "seven", "turned"} {
		if d := jobtest.Farthest(results[name], results["as it is"]); d > 1e-8 {
			t.Errorf("%s: the fit differs by %g", name, d)
		}
	}
	if d := jobtest.Farthest(results["straight"], results["straight, turned"]); d < 0.01 {
		t.Errorf("straight distances: the turned fit differs by %g only: the test shows nothing", d)
	}
}

// What great-circle distances do not go with is refused, with the line that mends it; where
// longitude and latitude are taken as a plane, the run says so.
func TestGreatCircleChecks(t *testing.T) {
	good := csv(t, "lon,lat,value", []float64{350, 60, 1}, []float64{10, 61, 2}, []float64{5, 62, 3}, []float64{1, 63, 3})
	order := csv(t, "dec,ra,flux,flux_err", []float64{60, 350, 1, 1}, []float64{61, 10, 2, 1})
	far := csv(t, "x,y,value", []float64{60, 100, 1}, []float64{61, 10, 2})
	line := csv(t, "x,value", []float64{60, 1}, []float64{61, 2})
	deep := csv(t, "lon,lat,depth,value", []float64{350, 60, 1, 1}, []float64{10, 61, 2, 3})
	for name, c := range map[string]struct {
		sets []string
		want string
	}{
		"good":                   {[]string{"observations.path=" + good}, ""},
		"latitude first":         {[]string{"observations.path=" + order, `observations.columns=["dec", "ra", "flux"]`}, `write observations.columns = ["ra", "dec", "flux"]`},
		"by name":                {[]string{"observations.path=" + order}, ""},
		"latitude first, errors": {[]string{"observations.path=" + order, `observations.columns=["dec", "ra", "flux", "flux_err"]`, "observations.dim=2"}, `["ra", "dec", "flux", "flux_err"] and observations.dim = 2`},
		"no latitude":            {[]string{"observations.path=" + far}, "line 2: 60 and 100, want a longitude of -720 to 720 and a latitude of -90 to 90 degrees"},
		"one coordinate":         {[]string{"observations.path=" + line}, "there is 1 coordinate"},
		"no table":               {nil, "observations.path"},
		"periodic too":           {[]string{"observations.path=" + good, "observations.periodic=[360, 0]"}, "observations.periodic"},
		"spread":                 {[]string{"observations.path=" + good, "kernel.spread=true"}, "kernel.spread"},
		"unequal widths":         {[]string{"observations.path=" + good, "kernel.axis_widths=[1, 2]"}, "kernel.axis_widths"},
		"four dimensions":        {[]string{"observations.path=" + deep, "observations.dim=3"}, `write kernel.family = "matern-5/2"`},
		"four dimensions, right": {[]string{"observations.path=" + deep, "observations.dim=3", "kernel.family=matern-5/2", "kernel.axis_widths=[3, 3, 0.5]"}, ""},
		"equal widths":           {[]string{"observations.path=" + good, "kernel.axis_widths=[2, 2]"}, ""},
	} {
		j, err := jobtest.Parse(Load, "job = 'kernel'", append(c.sets, "observations.distance=great-circle")...)
		if err == nil {
			err = j.CheckFiles()
		}
		if c.want == "" {
			if err == nil {
				_, err = jobtest.Run(t, Load, 2, "job = 'kernel'\n[evaluate]\nshape = "+map[bool]string{false: "[5, 5]", true: "[5, 5, 5]"}[strings.HasPrefix(name, "four")], append(c.sets, "observations.distance=great-circle")...)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, c := range []struct {
		sets []string
		note bool
	}{{nil, true}, {[]string{"observations.distance=great-circle"}, false}, {[]string{"observations.periodic=[360, 0]", "kernel.family=gaussian"}, false}} {
		out, err := jobtest.Run(t, Load, 1, "job = 'kernel'\n[evaluate]\nshape = [5, 5]", append(c.sets, "observations.path="+good)...)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(jobtest.Metrics(t, out)["inputs"])
		if strings.Contains(text, `up to 2.2 times what they are on the sphere; observations.distance = "great-circle"`) != c.note {
			t.Errorf("%v: %s", c.sets, text)
		}
	}
}

// A linear trend makes the job reproduce a plane on any number of ranks, and its saved fit
// continues it; metrics.json has its slope in the units of the table.
func TestLinearTrend(t *testing.T) {
	var rows [][]float64
	for i := range 80 {
		x, y := 1000*math.Mod(float64(i+1)*0.618034, 1), 0.01*math.Mod(float64(i+1)*0.754878, 1)
		rows = append(rows, []float64{x, y, 5e6 + 300*x - 2e7*y})
	}
	table := csv(t, "x,y,value", rows...)
	places := csv(t, "x,y", []float64{500, 0.005}, []float64{-2e4, 0.5}, []float64{1e5, -0.2})
	want := []float64{5e6 + 300*500 - 2e7*0.005, 5e6 - 300*2e4 - 2e7*0.5, 5e6 + 300*1e5 + 2e7*0.2}
	for _, ranks := range []int{1, 2, 3, 4, 7} {
		for _, sets := range [][]string{{"kernel.spread=true"}, {"kernel.choose=leave-one-out", "kernel.spread=true"}, {"kernel.axis_widths=[100, 0.001]"}} {
			out, err := jobtest.Run(t, Load, ranks, "job = 'kernel'", append(sets, "kernel.trend=linear", "observations.path="+table, "evaluate.path="+places)...)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Predict(out, places, nil)
			if err != nil {
				t.Fatal(err)
			}
			k := slices.Index(p.Names, "predicted")
			for i, v := range jobtest.ReadNpy(t, out, "solution.npy") {
				saved, err := strconv.ParseFloat(p.Rows[i][k], 64)
				if math.Abs(v-want[i]) > 1e-9*5e6 || err != nil || math.Abs(saved-want[i]) > 1e-9*5e6 {
					t.Errorf("%v on %d ranks: %.12g and predicted %.12g at place %d, want %.12g", sets, ranks, v, saved, i, want[i])
				}
			}
			m := jobtest.Metrics(t, out)
			for i, s := range []float64{300, -2e7} {
				if got := m["slope"].([]any)[i].(float64); math.Abs(got/s-1) > 1e-9 {
					t.Errorf("%v on %d ranks: slope %g, want %g", sets, ranks, got, s)
				}
			}
			if m["trend"] != linear || m["explained"].(float64) != 1 {
				t.Errorf("%v: trend %v, explained %v", sets, m["trend"], m["explained"])
			}
		}
	}
	if _, err := jobtest.Parse(Load, "job = 'kernel'", "kernel.trend=linear", "kernel.mean=false"); err == nil || !strings.Contains(err.Error(), "kernel.trend") {
		t.Errorf("a trend without a mean: %v", err)
	}
}
