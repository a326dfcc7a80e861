package kernel

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// The fit on its grid is written with its axes: evaluated at these places by the saved fit it has the
// same values, in the npz file and in the FITS image by its header.
func TestGridFiles(t *testing.T) {
	dir := t.TempDir()
	table := &imageio.Table{Names: []string{"east", "north", "value"}, Rows: 60, Cols: 3}
	for i := range 60 {
		x, y := 10+3*math.Mod(float64(i)*0.618034, 1), -2+math.Mod(float64(i)*0.754878, 1)
		table.Data = append(table.Data, x, y, math.Sin(x)+y)
	}
	path := filepath.Join(dir, "t.fits")
	if err := imageio.WriteTable(path, table); err != nil {
		t.Fatal(err)
	}
	out, err := jobtest.Run(t, Load, 3, "job = 'kernel'", "observations.path="+path, `observations.columns=["east", "north", "value"]`, "evaluate.shape=[5, 4]", "evaluate.variance=true", "kernel.width=2", "kernel.tolerance=1e-11")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []float64 {
		f, err := imageio.ReadStack(filepath.Join(out, gridName)+"["+name+"]", 0, 1)
		if err == nil {
			return f.Data
		}
		row, err := imageio.ReadTable(filepath.Join(out, gridName) + "[" + name + "]")
		if err != nil {
			t.Fatal(err)
		}
		return row.Data
	}
	x, y, fit := read("x"), read("y"), read("fit")
	if len(x) != 5 || len(y) != 4 || len(fit) != 20 || len(read("variance")) != 20 || jobtest.Farthest(x, read("east")) > 0 || jobtest.Farthest(y, read("north")) > 0 {
		t.Fatalf("x %v, y %v, %d values", x, y, len(fit))
	}
	var rows [][]float64
	for _, a := range x {
		for _, b := range y {
			rows = append(rows, []float64{a, b})
		}
	}
	p, err := Predict(out, csv(t, "east,north", rows...), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := imageio.ReadFrame(filepath.Join(out, gridFITS))
	if err != nil {
		t.Fatal(err)
	}
	number := func(key string) float64 {
		text, _ := f.Header.Get(key)
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return v
	}
	for i, row := range p.Rows {
		want, _ := strconv.ParseFloat(row[2], 64)
		if math.Abs(fit[i]-want) > 1e-8 {
			t.Errorf("grid.npz has %g at %v, the saved fit %g", fit[i], rows[i], want)
		}
		place := func(k int) int {
			return int(math.Round((rows[i][k] - number(fmt.Sprintf("CRVAL%d", k+1))) / number(fmt.Sprintf("CDELT%d", k+1))))
		}
		if got := f.Data[place(1)*f.Cols+place(0)]; math.Abs(got-want) > 1e-8 {
			t.Errorf("grid.fits has %g at %v, the saved fit %g", got, rows[i], want)
		}
	}
	if name, _ := f.Header.Get("CTYPE1"); strings.TrimSpace(name) != "east" {
		t.Errorf("CTYPE1 = %q", name)
	}
}
