package jobs

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// A frame of a FITS file comes back as one, with its header.
func TestFITSComesBack(t *testing.T) {
	for _, k := range Kinds() {
		if readings[k.Name].family != "frame" || slices.Contains([]string{"kernel", "scdl-upscale", "mlpatch-superres", "darkmatter"}, k.Name) {
			continue // a fit of samples, and enlargements, for which the header is wrong; darkmatter has a test of its own
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f, err := imageio.ReadFrame(families(t, dir)["frame"]["npy"])
			if err != nil {
				t.Fatal(err)
			}
			f.Header = imageio.Header{imageio.Card(fmt.Sprintf("%-80s", "OBJECT  = 'M 51    '"))}
			path, out := filepath.Join(dir, "m51.fits"), filepath.Join(dir, "out")
			if err := imageio.WriteFITS(path, f); err != nil {
				t.Fatal(err)
			}
			runOn(t, 2, k.Name, append(readings[k.Name].sets(t, dir, path), fmt.Sprintf("output.dir=%q", out)))
			a, err := imageio.ReadFrame(filepath.Join(out, "solution.fits"))
			if err != nil {
				t.Fatal(err)
			}
			if object, _ := a.Header.Get("OBJECT"); object != "M 51" || a.Rows != f.Rows || a.Cols != f.Cols {
				t.Errorf("object %q, %d x %d pixels", object, a.Rows, a.Cols)
			}
			b, err := imageio.ReadFrame(filepath.Join(out, "solution.npy"))
			if err != nil || !slices.Equal(a.Data, b.Data) {
				t.Errorf("solution.fits and solution.npy differ: %v", err)
			}
		})
	}
}

// A frame of (rows, cols, channels) comes back as such an array, one of (channels, rows, cols) as
// such a one, with the same numbers; with output.precision = "single" as float32. The table of the
// readings of all kinds decides which ones read frames.
func TestLayoutComesBack(t *testing.T) {
	for _, k := range Kinds() {
		if readings[k.Name].family != "frame" {
			continue
		}
		c, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(c)
		if _, can := c.Values()["output.precision"]; !can {
			if !slices.Contains([]string{"kernel", "scdl-upscale"}, k.Name) { // they average colours, or leave a picture
				t.Errorf("%s has no key output.precision", k.Name)
			}
			continue
		}
		if k.Name == "darkmatter" { // one channel
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plane, err := imageio.ReadFrame(families(t, dir)["frame"]["npy"])
			if err != nil {
				t.Fatal(err)
			}
			rows, cols, n := plane.Rows, plane.Cols, plane.Rows*plane.Cols
			first, last := make([]float64, 3*n), make([]float64, 3*n)
			for i := range n {
				for c := range 3 {
					v := plane.Data[i] * (1 - 0.2*float64(c))
					first[c*n+i], last[3*i+c] = v, v
				}
			}
			paths := []string{jobtest.WriteNpy(t, dir, "first.npy", first, 3, rows, cols), jobtest.WriteNpy(t, dir, "last.npy", last, rows, cols, 3)}
			var answers []*imageio.Frame
			for i, path := range paths {
				for _, precision := range []string{"double", "single"} {
					out := filepath.Join(dir, fmt.Sprint("out", i, precision))
					sets := append(readings[k.Name].sets(t, dir, path), fmt.Sprintf("output.dir=%q", out), "output.precision="+precision)
					runOn(t, 2, k.Name, sets)
					a, err := imageio.ReadFrame(filepath.Join(out, "solution.npy"))
					if err != nil {
						t.Fatal(err)
					}
					want := []int{3, a.Rows, a.Cols}
					if i == 1 {
						want = []int{a.Rows, a.Cols, 3}
					}
					if kind := map[string]string{"double": "float64", "single": "float32"}[precision]; !slices.Equal(a.Stored, want) || a.Type != kind {
						t.Errorf("of %s the answer is %v, %s, want %v, %s", filepath.Base(path), a.Stored, a.Type, want, kind)
					}
					answers = append(answers, a)
				}
			}
			for _, a := range answers[1:] {
				if d := jobtest.Farthest(a.Data, answers[0].Data); d > 1e-5 {
					t.Errorf("the answers differ by %g", d)
				}
			}
		})
	}
}
