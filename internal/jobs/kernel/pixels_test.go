package kernel

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

// holed is a frame of 40 x 50 pixels with a hole of missing ones, and the whole of it.
func holed() (frame, whole []float64) {
	for i := range 40 * 50 {
		r, c := i/50, i%50
		v := 0.1 + 0.8*math.Exp(-float64((c-12)*(c-12)+(r-28)*(r-28))/60)
		whole = append(whole, v)
		if r >= 5 && r < 12 && c >= 30 && c < 40 {
			v = math.NaN()
		}
		frame = append(frame, v)
	}
	return frame, whole
}

// Lists of pixels, x along the row, are the frame that they come from; its missing pixels
// are neither observed nor compared.
func TestPixelTables(t *testing.T) {
	dir := t.TempDir()
	frame, whole := holed()
	truth := filepath.Join(dir, "truth.npy")
	if err := imageio.WriteNpy(truth, []int{40, 50}, frame); err != nil {
		t.Fatal(err)
	}
	list := func(heading string, line func(r, c int, v float64) string) string {
		var b strings.Builder
		b.WriteString(heading)
		for i, v := range frame {
			if !math.IsNaN(v) && i*7919%100 < 35 {
				b.WriteString(line(i/50, i%50, v))
			}
		}
		path := filepath.Join(dir, "pixels.csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("observations.path=%q", path)
	}
	for name, c := range map[string]struct{ set, note string }{
		"x, y":    {"x,y,value\n", "row y, column x"},
		"row":     {"row,col,value\n", "row row, column col"},
		"finder":  {"NUMBER,X_IMAGE,Y_IMAGE,FLUX_AUTO\n", "pixels counted from 1"},
		"sampled": {},
	} {
		sets := []string{"frame.pixels=true", fmt.Sprintf("frame.truth=%q", truth), "kernel.width=8", "kernel.lambda=1e-6", "frame.fraction=0.35"}
		switch name {
		case "x, y":
			sets = append(sets, list(c.set, func(r, q int, v float64) string { return fmt.Sprintf("%d,%d,%.12g\n", q, r, v) }))
		case "row":
			sets = append(sets, list(c.set, func(r, q int, v float64) string { return fmt.Sprintf("%d,%d,%.12g\n", r, q, v) }))
		case "finder":
			sets = append(sets, list(c.set, func(r, q int, v float64) string { return fmt.Sprintf("7,%d,%d,%.12g\n", q+1, r+1, v) }))
		}
		out, err := jobtest.Run(t, Load, 2, `job = "kernel"`, sets...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fit := jobtest.ReadNpy(t, out, "solution.npy"); jobtest.Farthest(fit, whole) > 0.15 {
			t.Errorf("%s: off by %g", name, jobtest.Farthest(fit, whole))
		}
		m := jobtest.Metrics(t, out)
		if e := jobtest.Quality(t, m, "solution", "rmse"); !(e < 0.02) {
			t.Errorf("%s: rms error %g", name, e)
		}
		if kernel, _, _ := psnrOf(t, out); !(kernel > 30) {
			t.Errorf("%s: PSNR %g", name, kernel)
		}
		inputs := fmt.Sprint(m["inputs"])
		if !strings.Contains(inputs, "70 pixels missing") || !strings.Contains(inputs, c.note) {
			t.Errorf("%s: inputs %s, want 70 pixels missing, and %s", name, inputs, c.note)
		}
	}
	outside := list("x,y,value\n50,3,1\n", func(r, q int, v float64) string { return fmt.Sprintf("%d,%d,%.12g\n", q, r, v) })
	text, sets := `job = "kernel"`, []string{outside, "frame.pixels=true", fmt.Sprintf("frame.truth=%q", truth)}
	const want = "line 2: the observation at row 3, column 50 is outside of any frame of 40 rows and 50 columns"
	if _, err := jobtest.Run(t, Load, 1, text, sets...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("run: %v, want %s", err, want)
	}
	if j, err := jobtest.Parse(Load, text, sets...); err != nil {
		t.Error(err)
	} else if err := j.CheckFiles(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("check: %v, want %s", err, want)
	}
}

// simulate observations leaves out the missing pixels of a frame.
func TestSamplingOfMissing(t *testing.T) {
	dir := t.TempDir()
	frame, _ := holed()
	from, to := filepath.Join(dir, "f.npy"), filepath.Join(dir, "o.csv")
	if err := imageio.WriteNpy(from, []int{40, 50}, frame); err != nil {
		t.Fatal(err)
	}
	s := Sampling{From: from, Fraction: 0.9, Count: 1, Dim: 2}
	n, err := s.Write(to, 1)
	if err != nil {
		t.Fatal(err)
	}
	table, err := imageio.ReadTable(to)
	if err != nil || table.Rows != n || n < 500 {
		t.Fatalf("%d observations, %v", n, err)
	}
	for i := range n {
		row := table.Data[3*i : 3*i+3]
		if v := frame[int(row[0])*50+int(row[1])]; v != row[2] {
			t.Fatalf("observation %v of a pixel of %v", row, v)
		}
	}
}
