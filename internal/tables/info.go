package tables

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"tessera/internal/imageio"
)

// widestArray is the most columns of an array without names that is taken for a table.
const widestArray = 8

// mostCoordinates are those of a place.
const mostCoordinates = 3

// Info says how the jobs would read a file as a table: which column is what, and how many
// rows have missing numbers; "" of a file that is no table.
func Info(path string) string {
	few, _, err := imageio.SampleTable(path, 10)
	if err != nil || few.Names == nil && few.Format == "npy" && (few.Cols > widestArray || few.Cols < 2) {
		return ""
	}
	t, err := imageio.ReadTable(path)
	if err != nil {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, as := range []struct {
		name string
		want Want
		find func(*imageio.Table, Want) (*Columns, error)
	}{
		{"as observations", Want{Key: "observations.columns", DimKey: "observations.dim"}, Observations},
		{"as pixels", Want{Key: "observations.columns", DimKey: "observations.dim", Pixels: true}, Observations},
	} {
		c, err := as.find(t, as.want)
		if e := (*Error)(nil); errors.As(err, &e) {
			if as.want.Pixels {
				continue // said above, or no pixels
			}
			fmt.Fprintf(w, "  %s\trefused: %s\n", as.name, e.Text)
			if t.Names != nil && t.Cols <= mostCoordinates && strings.HasPrefix(e.Text, "which is the value?") {
				fmt.Fprintf(w, "  as places\tcoordinates %s (evaluate.path of kernel, and tessera predict)\n", strings.Join(t.Names, ", "))
			}
			continue
		}
		fmt.Fprintf(w, "  %s\t%s (observations.path of kernel and deep-kernel; evaluate.path and tessera predict take the coordinates)\n", as.name, c.Text(t))
		for _, text := range []string{c.Note(t, as.want.Pixels), c.Units(t)} {
			if text != "" {
				fmt.Fprintf(w, "  \t%s\n", text)
			}
		}
		if rows, err := Take(t, c, Skip, "", nil); err != nil {
			fmt.Fprintf(w, "  \trefused: %v\n", err)
		} else if text := rows.Text(); len(rows.At) < t.Rows {
			fmt.Fprintf(w, "  \twith observations.missing = \"skip\": %s\n", text)
		}
	}
	w.Flush()
	return b.String()
}
