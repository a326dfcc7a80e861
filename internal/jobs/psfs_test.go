package jobs

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// psfMember is a kind of PSF that users have.
type psfMember struct {
	rows, cols int
	value      func(r, c float64) float64 // at a distance in pixels from (rows-1)/2, (cols-1)/2
	refused    string                     // part of the message; "" = it is taken
	// What the run says of it, where it is taken, on a frame of 12 x 10 pixels with a
	// reflecting border.
	used     [2]int     // rows and columns
	shift    [2]float64 // half a pixel along the axes of even length
	centroid [2]float64
	notice   string // part of a line on the console
}

func bell(r, c float64) float64 { return math.Exp(-(r*r + c*c) / 2) }

// The PSFs of each kind in this list go through every way into a job, in every format.
var psfMembers = map[string]psfMember{
	"odd":             {rows: 9, cols: 9, value: bell, used: [2]int{9, 9}},
	"oblong":          {rows: 9, cols: 7, value: bell, used: [2]int{9, 7}},
	"even":            {rows: 8, cols: 6, value: bell, used: [2]int{11, 9}, shift: [2]float64{0.5, 0.5}, notice: "8 rows: moved by half a pixel"},
	"even square":     {rows: 8, cols: 8, value: bell, used: [2]int{11, 11}, shift: [2]float64{0.5, 0.5}, notice: "8 columns: moved by half a pixel"},
	"even and odd":    {rows: 8, cols: 7, value: bell, used: [2]int{11, 7}, shift: [2]float64{0.5, 0}, notice: "8 rows"},
	"even, on pixel":  {rows: 8, cols: 8, value: func(r, c float64) float64 { return bell(2*(r-0.5), 2*(c+0.5)) }, used: [2]int{9, 9}, notice: "one of zeros added"},
	"counts":          {rows: 9, cols: 9, value: func(r, c float64) float64 { return 1e6 * bell(r, c) / (2 * math.Pi) }, used: [2]int{9, 9}},
	"single row":      {rows: 1, cols: 9, value: bell, used: [2]int{1, 9}},
	"single column":   {rows: 9, cols: 1, value: bell, used: [2]int{9, 1}},
	"single pixel":    {rows: 1, cols: 1, value: bell, used: [2]int{1, 1}},
	"two pixels":      {rows: 1, cols: 2, value: bell, used: [2]int{1, 5}, shift: [2]float64{0, 0.5}, notice: "its centre is between two of its 2 columns"},
	"large":           {rows: 41, cols: 31, value: bell, used: [2]int{25, 21}, notice: "reduced to"},
	"large and even":  {rows: 40, cols: 8, value: bell, used: [2]int{25, 11}, shift: [2]float64{0.5, 0.5}, notice: "reduced to"},
	"off centre":      {rows: 11, cols: 9, value: func(r, c float64) float64 { return bell(2*(r-1), 2*c) }, used: [2]int{11, 9}, centroid: [2]float64{1, 0}, notice: "its centroid is (+1.00, +0.00)"},
	"background":      {rows: 9, cols: 9, value: func(r, c float64) float64 { return bell(r, c) + 0.05 }, used: [2]int{9, 9}, notice: "subtract it if it is sky"},
	"zeros":           {rows: 9, cols: 9, value: func(_, _ float64) float64 { return 0 }, refused: "sum to 0"},
	"negative sum":    {rows: 9, cols: 9, value: func(r, c float64) float64 { return bell(r, c) - 0.1 }, refused: "sum to -1.8"},
	"sum of rounding": {rows: 9, cols: 9, value: func(r, c float64) float64 { return r + 1e-17*bell(r, c) }, refused: "sum to "},
	"small sum":       {rows: 9, cols: 9, value: func(r, c float64) float64 { return bell(r, c) - 0.075 }, refused: "and their absolute values to "},
	"NaN":             {rows: 9, cols: 9, value: func(r, c float64) float64 { return bell(r, c) * hole(r, c) }, refused: "row 2, column 3"},
}

// hole is NaN at one pixel.
func hole(r, c float64) float64 {
	if r == -2 && c == -1 {
		return math.NaN()
	}
	return 1
}

// psfFormats write a picture that a job reads; "" = the format cannot hold these values.
var psfFormats = map[string]func(t *testing.T, dir string, f *imageio.Frame) string{
	"npy": func(t *testing.T, dir string, f *imageio.Frame) string {
		path := filepath.Join(dir, "psf.npy")
		if err := imageio.WriteNpy(path, []int{f.Rows, f.Cols}, f.Data); err != nil {
			t.Fatal(err)
		}
		return path
	},
	"FITS": func(t *testing.T, dir string, f *imageio.Frame) string {
		path := filepath.Join(dir, "psf.fits")
		if err := imageio.WriteFITS(path, f); err != nil {
			t.Fatal(err)
		}
		return path
	},
	"FITS extension": func(t *testing.T, dir string, f *imageio.Frame) string {
		path := filepath.Join(dir, "units.fits")
		// The first unit is an image that is no PSF.
		if err := imageio.WriteFITS(path, &imageio.Frame{Channels: 1, Rows: 1, Cols: 3, Data: []float64{-1, -2, -3}}); err != nil {
			t.Fatal(err)
		}
		first, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := imageio.WriteFITS(path, f); err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(second, fmt.Sprintf("%-80s", "XTENSION= 'IMAGE   '"))
		end := bytes.Index(second, fmt.Appendf(nil, "%-80s", "END"))
		cards := fmt.Sprintf("%-80s%-80s%-80s%-80s", "PCOUNT  =                    0", "GCOUNT  =                    1", "EXTNAME = 'PSF     '", "END")
		copy(second[end:2880], cards)
		if err := os.WriteFile(path, append(first, second...), 0o666); err != nil {
			t.Fatal(err)
		}
		return path + "[PSF]"
	},
	"PNG": func(t *testing.T, dir string, f *imageio.Frame) string {
		top := 0.0
		for _, v := range f.Data {
			if !(v >= 0) {
				return ""
			}
			top = math.Max(top, v)
		}
		pic := image.NewGray16(image.Rect(0, 0, f.Cols, f.Rows))
		for i, v := range f.Data {
			pic.SetGray16(i%f.Cols, i/f.Cols, color.Gray16{Y: uint16(math.Round(65535 * v / math.Max(top, 1e-300)))})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, pic); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "psf.png")
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	},
}

// psfEntry is a key of a config that names a file of PSFs.
type psfEntry struct {
	sets   func(files map[string]string) []string // a small job; files are those of the inputs below
	report string                                 // of the PSF in metrics.json; "" = there is none
	stamps bool                                   // the file is a stack of square PSFs, in npy or FITS, whose values check does not read
}

var psfEntries = map[string]psfEntry{
	"tikhonov blur.path": {report: "psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "blur.kind=file", "tikhonov.lambda=0.1", "output.pictures=false"}
	}},
	"two-layer first.path": {report: "first_psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "first.kind=file", "second.kind=none", "layers.tile=4", "layers.overlap=2", "output.pictures=false"}
	}},
	"tikhonov target.path": {sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "blur.kind=gaussian", "blur.sigma=0.5", "target.kind=file", "tikhonov.lambda=0.1", "output.pictures=false"}
	}},
	"two-layer second.path": {report: "second_psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "second.kind=file", "layers.lambda1=0.1", "layers.tile=4", "layers.overlap=2", "output.pictures=false"}
	}},
	"tv blur.path": {report: "psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "blur.kind=file", "tv.lambda=0.01", "tv.tolerance=0.1", "output.pictures=false"}
	}},
	"tppa-train blur.path": {sets: func(f map[string]string) []string {
		return []string{"blur.kind=file", "simulate.rows=12", "simulate.cols=10", "simulate.count=2", "data.validation=1", "tppa.steps=1", "tppa.layers=1", "output.pictures=false"}
	}},
	"tppa blur.path": {report: "psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "blur.kind=file", "tppa.model=" + f["model"], "tv.tolerance=0.5", "output.pictures=false"}
	}},
	"mlpatch-admm blur.path": {report: "psf", sets: func(f map[string]string) []string {
		return []string{"image.path=" + f["frame"], "blur.kind=file", "mlpatch.model=" + f["patch model"], "tv.rule=none", "admm.max_iterations=1", "admm.falling=0", "output.pictures=false"}
	}},
	"psf psf.path": {stamps: true, sets: func(f map[string]string) []string {
		return []string{"stack.path=" + f["stamps"], "psf.iterations=2"}
	}},
}

// Every key of every job that names a file of PSFs is in psfEntries.
func TestPSFEntries(t *testing.T) {
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		keys := f.Values()
		for key := range keys {
			section, name, _ := strings.Cut(key, ".")
			_, blur := keys[section+".beta"] // a section with the keys of a blur
			// A model of a varying PSF is read by psfmodel, which has tests of its own.
			if name == "path" && section != "psf_model" && (blur || section == "psf") {
				if _, known := psfEntries[k.Name+" "+key]; !known {
					t.Errorf("the key %s of the job %s has no entry in psfEntries", key, k.Name)
				}
			}
		}
	}
}

// Every kind of PSF, in every format that can hold it, through every way into a job: what is refused is refused by
// check with the reason, and what is taken by check is run and reported as it is. forward.NewPSF takes and refuses the same. All
// are checked; of those that are taken one of three runs, so that each kind runs in each format through three ways, and
// through each way. In short one of nine is checked and run: each kind in each format through one way.
func TestPSFs(t *testing.T) {
	oneOf := 3
	if testing.Short() {
		oneOf = len(psfEntries)
	}
	dir := t.TempDir()
	files := map[string]string{"frame": filepath.Join(dir, "frame.npy"), "stamps": filepath.Join(dir, "stamps.npy")}
	_, files["model"], _ = strings.Cut(model(t, dir)[0], "=")
	_, files["patch model"], _ = strings.Cut(patchModel(t, filepath.Join(dir, "patch"))[0], "=")
	values := make([]float64, 3*15*15)
	for i := range values {
		values[i] = 2 + math.Sin(float64(i*i))
	}
	if err := imageio.WriteNpy(files["frame"], []int{12, 10}, values[:120]); err != nil {
		t.Fatal(err)
	}
	if err := imageio.WriteNpy(files["stamps"], []int{3, 15, 15}, values); err != nil {
		t.Fatal(err)
	}
	for nth, name := range slices.Sorted(maps.Keys(psfMembers)) {
		m := psfMembers[name]
		f := &imageio.Frame{Channels: 1, Rows: m.rows, Cols: m.cols, Type: "float64"}
		for i := range m.rows * m.cols {
			f.Data = append(f.Data, m.value(float64(i/m.cols)-float64(m.rows-1)/2, float64(i%m.cols)-float64(m.cols-1)/2))
		}
		if _, err := forward.NewPSF(m.rows, m.cols, f.Data); (err != nil) != (m.refused != "") || err != nil && !strings.Contains(err.Error(), m.refused) {
			t.Errorf("%s: NewPSF says %v, want %q", name, err, m.refused)
		}
		for turn, format := range slices.Sorted(maps.Keys(psfFormats)) {
			path := psfFormats[format](t, t.TempDir(), f)
			if path == "" {
				continue
			}
			for way, entry := range slices.Sorted(maps.Keys(psfEntries)) {
				e := psfEntries[entry]
				runs := (nth+turn+way)%oneOf == 0
				if !runs && testing.Short() || e.stamps && (m.rows != m.cols || m.rows > 15 || format == "PNG") {
					continue
				}
				what := fmt.Sprintf("%s, %s, %s", name, format, entry)
				kind, key, _ := strings.Cut(entry, " ")
				out := filepath.Join(t.TempDir(), "out")
				sets := append(e.sets(files), fmt.Sprintf("%s=%q", key, path), fmt.Sprintf("output.dir=%q", out))
				job, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				check := job.CheckFiles()
				if m.refused != "" {
					refusal := check
					if e.stamps {
						refusal = runAlone(job)
					}
					if base := filepath.Base(path); refusal == nil || !strings.Contains(refusal.Error(), m.refused) || !strings.Contains(refusal.Error(), base) {
						t.Errorf("%s: %v, want %q and %s", what, refusal, m.refused, base)
					}
					continue
				}
				if check != nil {
					t.Errorf("%s: check says %v", what, check)
					continue
				}
				if !runs && !e.stamps {
					continue
				}
				got := runOn(t, 2, kind, sets)
				if e.report != "" {
					report := got[e.report].(map[string]any)
					m.compare(t, what, report)
					if sum := report["sum"].(float64); format != "PNG" && math.Abs(sum-total(f.Data)) > 1e-12*sum {
						t.Errorf("%s: sum %g, want %g", what, sum, total(f.Data))
					}
					m.compareNotices(t, what, filepath.Join(out, "run.log"))
				}
			}
		}
	}
}

// runAlone runs a job on one rank.
func runAlone(job *lifecycle.Job) error {
	return ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		return job.Run(ctx, comm, lifecycle.Env{Version: "test"})
	})
}

// compare holds a report in metrics.json to what is known of the PSF.
func (m *psfMember) compare(t *testing.T, what string, report map[string]any) {
	t.Helper()
	pair := func(key string) [2]float64 {
		list := report[key].([]any)
		return [2]float64{list[0].(float64), list[1].(float64)}
	}
	if used := [2]int{int(report["rows"].(float64)), int(report["cols"].(float64))}; used != m.used {
		t.Errorf("%s: %v pixels are used, want %v", what, used, m.used)
	}
	if got := [2]int{int(report["file_rows"].(float64)), int(report["file_cols"].(float64))}; got != [2]int{m.rows, m.cols} {
		t.Errorf("%s: %v pixels in the file, want %d x %d", what, got, m.rows, m.cols)
	}
	if got := pair("shift"); got != m.shift {
		t.Errorf("%s: shift %v, want %v", what, got, m.shift)
	}
	// A PNG file rounds the values to 1/65535 of the largest.
	if got := pair("centroid"); math.Abs(got[0]-m.centroid[0]) > 1e-3 || math.Abs(got[1]-m.centroid[1]) > 1e-3 {
		t.Errorf("%s: centroid %v, want %v", what, got, m.centroid)
	}
}

// compareNotices holds the notices in run.log, which are those on the console, to what is
// known of the PSF. The first one says what the file holds.
func (m *psfMember) compareNotices(t *testing.T, what, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var notices []string
	for line := range strings.Lines(string(text)) {
		if _, notice, found := strings.Cut(line, `"notice":"`); found {
			notices = append(notices, notice)
		}
	}
	all := strings.Join(notices, "")
	if m.notice == "" && len(notices) != 1 || !strings.Contains(all, m.notice) || !strings.Contains(all, "divided by its sum of ") {
		t.Errorf("%s: the notices are\n%swant %q", what, all, m.notice)
	}
}

func total(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}
