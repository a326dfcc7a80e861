package imageio

import (
	"path/filepath"
	"testing"
)

// A sample of a table of any format counts all rows, has no more rows than were asked
// for and at least half as many, and each is a row of the table, in order.
func TestSampleTable(t *testing.T) {
	for _, rows := range []int{1, 9, 10, 11, 1000} {
		whole := &Table{Names: []string{"x", "value"}, Rows: rows, Cols: 2}
		for i := range rows {
			whole.Data = append(whole.Data, float64(i), float64(i*i))
		}
		for _, ext := range []string{".csv", ".npy", ".fits"} {
			path := filepath.Join(t.TempDir(), "t"+ext)
			if err := WriteTable(path, whole); err != nil {
				t.Fatal(err)
			}
			got, counted, err := SampleTable(path, 10)
			if err != nil {
				t.Fatal(err)
			}
			if counted != rows || got.Cols != 2 || got.Rows > 10 || got.Rows < min(rows, 5) || len(got.Data) != 2*got.Rows {
				t.Errorf("%s, %d rows: %d counted, %d x %d in the sample", ext, rows, counted, got.Rows, got.Cols)
			}
			last := -1.0
			for i := range got.Rows {
				x, y := got.Data[2*i], got.Data[2*i+1]
				if x <= last || y != x*x {
					t.Errorf("%s, %d rows: %g and %g after row %g", ext, rows, x, y, last)
				}
				last = x
			}
			if rows > 10 && last < float64(rows)/2 {
				t.Errorf("%s, %d rows: the last one in the sample is row %g", ext, rows, last)
			}
		}
	}
	if _, _, err := SampleTable(filepath.Join(t.TempDir(), "none.csv"), 10); err == nil {
		t.Error("a file that is not there has a sample")
	}
}
