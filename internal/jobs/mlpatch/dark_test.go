package mlpatch

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

const darkText = `job = "darkmatter"
[simulate]
rows = 40
cols = 36
[noise]
realisations = 3
[output]
pictures = false
`

// A simulated field: Wiener is nearer to the truth than Kaiser and Squires, the B mode is less than the E mode, and
// the maps agree on any number of ranks.
func TestDark(t *testing.T) {
	var want []float64
	for _, n := range []int{1, 2, 7} {
		dir, err := jobtest.Run(t, LoadDark, n, darkText)
		if err != nil {
			t.Fatal(err)
		}
		x := jobtest.ReadNpy(t, dir, "solution.npy")
		if want == nil {
			want = x
		}
		if d := jobtest.Farthest(x, want); d > 1e-9 {
			t.Errorf("%d ranks: the map differs by %g", n, d)
		}
		m := jobtest.Metrics(t, dir)
		rms := m["rms"].(map[string]any)
		q := func(column, measure string) float64 { return jobtest.Quality(t, m, column, measure) }
		if !(q("solution", "rmse") < 0.7*q("kaiser_squires", "rmse")) || !(q("solution", "correlation") > q("kaiser_squires", "correlation")) || !(rms["b"].(float64) < rms["e"].(float64)) {
			t.Errorf("quality %v, rms %v", m["quality"], rms)
		}
		spread, snr := jobtest.ReadNpy(t, dir, "spread.npy"), jobtest.ReadNpy(t, dir, "snr.npy")
		for i, v := range x {
			if !(spread[i] > 0) || math.Abs(snr[i]*spread[i]-v) > 1e-12 {
				t.Fatalf("pixel %d: map %g, spread %g, signal to noise %g", i, v, spread[i], snr[i])
			}
		}
	}
}

// galaxies writes a catalogue with a galaxy at the middle of each pixel of a grid, whose shear is known.
func galaxies(t *testing.T, dir string, rows, cols int, pixel float64) (path string, e1, e2 []float64) {
	var b strings.Builder
	b.WriteString("RA,Dec,e1,e2,weight\n")
	const ra0, dec0 = 0.2, 30.0 // the field crosses 0 h
	for r := range rows {
		for c := range cols {
			e1 = append(e1, 0.05*math.Sin(float64(r)/3)*math.Cos(float64(c)/4))
			e2 = append(e2, 0.04*math.Cos(float64(r)/5+float64(c)/2))
			dec := dec0 + (float64(r)-float64(rows-1)/2)*pixel/60
			ra := ra0 - (float64(c)-float64(cols-1)/2)*pixel/60/math.Cos(dec0*math.Pi/180)
			for _, w := range []float64{1, 3} { // their mean has the weight 4 and the noise sqrt(10)/4
				fmt.Fprintf(&b, "%.12f,%.12f,%.9f,%.9f,%g\n", math.Mod(ra+360, 360), dec, e1[len(e1)-1], e2[len(e2)-1], w)
			}
		}
	}
	b.WriteString("1,30,nan,0.1,1\n1,30,0.1,0.1,0\n") // not counted
	path = filepath.Join(dir, "galaxies.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path, e1, e2
}

// A catalogue gives the map that its pixels give, with world coordinates; a turned sign turns the map.
func TestCatalogue(t *testing.T) {
	dir := t.TempDir()
	const rows, cols, pixel = 24, 20, 2.0
	path, e1, e2 := galaxies(t, dir, rows, cols, pixel)
	spectrum := jobtest.WriteNpy(t, dir, "spectrum.npy", []float64{100, 10000, 1e-7, 1e-9}, 2, 2)
	common := []string{"spectrum.path=" + spectrum, "shear.pixel=2"}
	a, err := jobtest.Run(t, LoadDark, 2, darkText, append(common, "catalogue.path="+path, "shear.sigma=0.2")...)
	if err != nil {
		t.Fatal(err)
	}
	maps := append(common, "shear.e1="+jobtest.WriteNpy(t, dir, "e1.npy", e1, rows, cols), "shear.e2="+jobtest.WriteNpy(t, dir, "e2.npy", e2, rows, cols))
	sigma := fmt.Sprintf("shear.sigma=%.17g", 0.2*math.Sqrt(10)/4)
	b, err := jobtest.Run(t, LoadDark, 1, darkText, append(maps, sigma)...)
	if err != nil {
		t.Fatal(err)
	}
	x, y := jobtest.ReadNpy(t, a, "solution.npy"), jobtest.ReadNpy(t, b, "solution.npy")
	if d := jobtest.Farthest(x, y); d > 1e-9 {
		t.Errorf("the map of a catalogue differs from that of its pixels by %g", d)
	}
	if m := jobtest.Metrics(t, a); m["galaxies"].(float64) != 2*rows*cols {
		t.Errorf("%v galaxies, want %d", m["galaxies"], 2*rows*cols)
	}
	f, err := imageio.ReadFrame(filepath.Join(a, "solution.fits"))
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Header.Get("CRVAL2"); !strings.HasPrefix(strings.TrimSpace(v), "30") || f.Rows != rows || f.Cols != cols {
		t.Errorf("CRVAL2 %q, %d x %d pixels", v, f.Rows, f.Cols)
	}
	c, err := jobtest.Run(t, LoadDark, 1, darkText, append(maps, sigma, "shear.flip_e1=true", "shear.flip_e2=true")...)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range jobtest.ReadNpy(t, c, "solution.npy") {
		if math.Abs(v+y[i]) > 1e-9 {
			t.Fatalf("pixel %d of the turned shear is %g, want %g", i, v, -y[i])
		}
	}
}

// Pixels without galaxies and masked ones are missing: what their shear is has no effect.
func TestDarkMissing(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 20, 24
	var e1, e2, counts, mask []float64
	for i := range rows * cols {
		e1, e2 = append(e1, 0.05*math.Sin(float64(i)/7)), append(e2, 0.05*math.Cos(float64(i)/9))
		counts, mask = append(counts, float64(i%5)), append(mask, 1)
		if i > 300 {
			mask[i] = 0
		}
	}
	run := func(n int) []float64 {
		out, err := jobtest.Run(t, LoadDark, n, darkText, "shear.pixel=2", "shear.sigma=0.3",
			"shear.e1="+jobtest.WriteNpy(t, dir, "e1.npy", e1, rows, cols), "shear.e2="+jobtest.WriteNpy(t, dir, "e2.npy", e2, rows, cols),
			"shear.counts="+jobtest.WriteNpy(t, dir, "counts.npy", counts, rows, cols), "shear.mask="+jobtest.WriteNpy(t, dir, "mask.npy", mask, rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		if m := jobtest.Metrics(t, out); m["missing_pixels"].(float64) != 480-240 {
			t.Errorf("%v pixels are missing", m["missing_pixels"])
		}
		return jobtest.ReadNpy(t, out, "solution.npy")
	}
	want := run(1)
	for i := range e1 {
		if counts[i] == 0 {
			e1[i] = math.NaN()
		} else if mask[i] == 0 {
			e2[i] = 1e6
		}
	}
	if d := jobtest.Farthest(run(3), want); d > 1e-9 {
		t.Errorf("missing pixels change the map by %g", d)
	}
}

// What is wrong is said with the key.
func TestDarkProblems(t *testing.T) {
	dir := t.TempDir()
	a, b := jobtest.WriteNpy(t, dir, "a.npy", make([]float64, 30), 5, 6), jobtest.WriteNpy(t, dir, "b.npy", make([]float64, 36), 6, 6)
	table := filepath.Join(dir, "table.csv")
	odd, twice, sexagesimal := filepath.Join(dir, "odd.csv"), filepath.Join(dir, "twice.csv"), filepath.Join(dir, "text.csv")
	for path, text := range map[string]string{
		table: "ra,dec,g1,g2\n1,2,0.1,0.1\n", odd: "ell,D_ell\n1,2\n", twice: "RAJ2000,ALPHA_J2000,dec,e1,e2,weight\n1,1,2,0.1,0.1,1\n",
		sexagesimal: "ra,dec,e1,e2,weight\n10:20:30,2,0.1,0.1,1\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for set, want := range map[string]string{
		"shear.e1=" + a: "shear.e2",
		"shear.e1=" + a + "\x00shear.e2=" + a + "\x00shear.sigma=1":                  "shear.pixel",
		"shear.e1=" + a + "\x00shear.e2=" + a + "\x00shear.pixel=1":                  "shear.sigma",
		"shear.e1=" + a + "\x00shear.e2=" + b + "\x00shear.pixel=1\x00shear.sigma=1": "b.npy: 5 x 6 pixels",
		"spectrum.path=" + a:                             "6 columns, want two, ell and C_ell",
		"spectrum.path=" + odd:                           `C_ell: no column "c_ell"; call it so; the columns are ell, D_ell`,
		"catalogue.path=" + table:                        `no column "weight"; write catalogue.weight = "NAME" with the name of one; the columns are ra, dec, g1, g2`,
		"catalogue.path=" + twice:                        `catalogue.ra: is it RAJ2000 or ALPHA_J2000?`,
		"catalogue.path=" + sexagesimal:                  `column ra holds 1 texts: line 2, column 1: "10:20:30" is not a number`,
		"catalogue.path=" + table + "\x00catalogue.e1=a": `no column "a"`,
		"noise.realisations=1":                           "noise.realisations",
	} {
		j, err := jobtest.Parse(LoadDark, `job = "darkmatter"`, strings.Split(set, "\x00")...)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}

// The shear of the MICE simulation: the E mode goes with the given truth, and the B mode is noise.
func TestMICE(t *testing.T) {
	const data = "../../../../shared/data/massmapping/"
	if _, err := os.Stat(data); err != nil {
		t.Skip("no data: ", err)
	}
	read := func(name string) []float64 {
		f, err := imageio.ReadFrame(data + name)
		if err != nil {
			t.Fatal(err)
		}
		return f.Data
	}
	variance, truth := read("mice_covmat.fits"), read("mice_true_convergence_map.fits")
	dir := t.TempDir()
	for i, v := range variance {
		if variance[i] = math.Sqrt(v / 2); v > 1e10 { // the file has that of both components together
			variance[i] = 0 // no galaxies
		}
	}
	sigma := jobtest.WriteNpy(t, dir, "sigma.npy", variance, 256, 256)
	out, err := jobtest.Run(t, LoadDark, 1, darkText, fmt.Sprintf("shear.e1=%q", data+"mice_g1.fits"), fmt.Sprintf("shear.e2=%q", data+"mice_g2.fits"), "shear.sigma1="+sigma, "shear.sigma2="+sigma, "shear.pixel=1", "noise.realisations=2")
	if err != nil {
		t.Fatal(err)
	}
	pearson := func(x []float64) float64 {
		var n, sx, sy, xx, yy, xy float64
		for i, v := range x {
			y := truth[i]
			if variance[i] == 0 {
				continue
			}
			n, sx, sy, xx, yy, xy = n+1, sx+v, sy+y, xx+v*v, yy+y*y, xy+v*y
		}
		return (xy - sx*sy/n) / math.Sqrt((xx-sx*sx/n)*(yy-sy*sy/n))
	}
	e, b, w := pearson(jobtest.ReadNpy(t, out, "ks_e.npy")), pearson(jobtest.ReadNpy(t, out, "ks_b.npy")), pearson(jobtest.ReadNpy(t, out, "solution.npy"))
	bands := jobtest.Metrics(t, out)["bands"].(map[string]any)
	ratio := 0.0
	for i, v := range bands["b"].([]any)[6:] { // the others have few modes
		ratio += v.(float64) / bands["noise"].([]any)[6+i].(float64) / float64(len(bands["b"].([]any))-6)
	}
	t.Logf("correlation with the truth: E %.3f, B %.3f, Wiener %.3f; power of B %.2f times that of noise", e, b, w, ratio)
	if !(e > 0.1) || !(math.Abs(b) < 0.05) || !(w > e) || math.Abs(ratio-1) > 0.1 {
		t.Errorf("correlation with the truth: E %.3f, B %.3f, Wiener %.3f; power of B %.2f times that of noise", e, b, w, ratio)
	}
}

// A spectrum is read as an array of two rows, as two columns, or by the names of columns.
func TestReadSpectrum(t *testing.T) {
	dir := t.TempDir()
	csv := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, path := range []string{
		jobtest.WriteNpy(t, dir, "rows.npy", []float64{1, 10, 100, 3, 2, 1}, 2, 3), jobtest.WriteNpy(t, dir, "columns.npy", []float64{1, 3, 10, 2, 100, 1}, 3, 2),
		csv("plain.txt", "1 3\n10 2\n100 1\n"), csv("names.csv", "C_ell,ell\n3,1\n2,10\n1,100\n"), csv("comment.dat", "# ell cl other\n1 3 0\n10 2 0\n100 1 0\n"),
	} {
		s, said, err := readSpectrum(path)
		if err != nil || fmt.Sprint(s.Ell, s.Power) != "[1 10 100] [3 2 1]" || said.File != path || said.Axes == "" {
			t.Errorf("%s: %+v, %+v, %v", filepath.Base(path), s, said, err)
		}
	}
}
