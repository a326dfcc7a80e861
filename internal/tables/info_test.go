package tables

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

func TestInfo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"map.csv": "id,ra [deg],dec [deg],flux,flux_err\n1,1,2,3,0.1\n2,1,2,NA,0.1\n", "odd.csv": "a,b,c\n1,2,3\n", "plain.csv": "1,2,3\n", "none.csv": "nothing\n",
		"stars.csv": "X_IMAGE,Y_IMAGE,FLUX_AUTO\n1,2,3\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := imageio.WriteNpy(filepath.Join(dir, "image.npy"), []int{20, 20}, make([]float64, 400)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"map.csv":   {"as observations", "coordinates ra, dec, value flux, standard deviation flux_err", "not used: id", "ra in deg, dec in deg", `with observations.missing = "skip": 1 row left out, the value is missing`},
		"odd.csv":   {"refused: ", `observations.columns = ["a", "b", "c"]`},
		"plain.csv": {"coordinates column 1, column 2, value column 3", "columns by their place", "as pixels"},
		"stars.csv": {"as pixels", "row Y_IMAGE, column X_IMAGE; pixels counted from 1"},
		"none.csv":  nil, "image.npy": nil, "missing.csv": nil,
	} {
		got := Info(filepath.Join(dir, name))
		if want == nil && got != "" {
			t.Errorf("%s: %q, want nothing", name, got)
		}
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q, want %q in it", name, got, part)
			}
		}
	}
}

// FuzzColumns: whatever a heading says, there are columns of the table or an error that
// lists them.
func FuzzColumns(f *testing.F) {
	for _, s := range []string{"x,y,value", "time,mag,e_mag", "id,ra,dec,flux,ivar", "a,b,c", ",x,y", "X_IMAGE,Y_IMAGE", "x,y,z,t,value,err", "phi,psi,value", "x,y,foo,value"} {
		f.Add(s, uint8(0), false)
	}
	f.Fuzz(func(t *testing.T, heading string, dim uint8, pixels bool) {
		names := strings.Split(heading, ",")
		table := &imageio.Table{Names: names, Cols: len(names), Rows: 1, Data: make([]float64, len(names))}
		c, err := Observations(table, Want{Key: "observations.columns", DimKey: "observations.dim", Dim: int(dim % 4), Pixels: pixels})
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Errorf("%q: %v", heading, err)
			}
			return
		}
		used := map[int]bool{}
		for _, j := range append(append([]int{}, c.Coordinates...), c.Value) {
			if j < 0 || j >= len(names) || used[j] {
				t.Fatalf("%q: coordinates %v, value %d", heading, c.Coordinates, c.Value)
			}
			used[j] = true
		}
		for j, name := range names {
			if !used[j] && j != c.Errors && !isNumbering(name) && !isBeside(name) && !known(name) && len(c.Names) > 0 {
				t.Errorf("%q: %q is not used, and its name is not known", heading, name)
			}
		}
		if c.Errors >= 0 && used[c.Errors] || len(c.Coordinates) < 1 || len(c.Coordinates) > 3 {
			t.Errorf("%q: coordinates %v, value %d, errors %d", heading, c.Coordinates, c.Value, c.Errors)
		}
		if _, err := Places(table, c, Want{Pixels: pixels}); err != nil {
			t.Errorf("%q: its own coordinates are no places: %v", heading, err)
		}
	})
}
