package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tessera/internal/imageio"
)

// Files of the fit on its grid with the axes of the grid.
const (
	gridName = "grid.npz"
	gridFITS = "grid.fits"
)

// axis is the coordinates of the grid along its axis k, in the unit of the file.
func (g *grid) axis(k int) []float64 {
	var out []float64
	step := 1 // of the number of a place
	for _, n := range g.shape[k+1:] {
		step *= n
	}
	for j := range g.shape[k] {
		out = append(out, g.place(nil, j*step)[k])
	}
	return out
}

// writeGrid writes the fit, and its variance where that is known, with the axes of the grid: an npz
// file with an array of coordinates for each axis, named x, y and z and, of a table with names, by
// these too, and of observations in a FITS table with two coordinates a FITS image with the first one
// along its first axis. Rank 0 alone.
func (r *run) writeGrid() error {
	g := r.grid
	names := []string{"x", "y", "z"}
	taken := []string{"fit", "variance"}
	var members []imageio.Member
	for k := range g.shape {
		axis := imageio.Array{Shape: []int{g.shape[k]}, Data: g.axis(k)}
		for _, name := range []string{names[k], r.obs.coordinateNames()[k]} {
			if name != "" && !slices.Contains(taken, name) && !strings.ContainsAny(name, `/\`) {
				taken = append(taken, name)
				members = append(members, imageio.Member{Name: name, Array: axis})
			}
		}
	}
	members = append(members, imageio.Member{Name: "fit", Array: imageio.Array{Shape: g.shape, Data: r.values}})
	if r.spread != nil {
		members = append(members, imageio.Member{Name: "variance", Array: imageio.Array{Shape: g.shape, Data: r.spread}})
	}
	if err := imageio.WriteNpz(r.Path(gridName), members); err != nil {
		return err
	}
	if r.extension() != ".fits" || len(g.shape) != 2 {
		return nil
	}
	f := &imageio.Frame{Channels: 1, Rows: g.shape[1], Cols: g.shape[0], Data: make([]float64, len(r.values))}
	for i, v := range r.values {
		f.Data[i%g.shape[1]*g.shape[0]+i/g.shape[1]] = v
	}
	for k, name := range r.obs.coordinateNames() {
		at := g.axis(k)
		step := 1.0
		if len(at) > 1 {
			step = (at[len(at)-1] - at[0]) / float64(len(at)-1)
		}
		card := func(key string, value any) {
			f.Header = append(f.Header, imageio.Card(fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= %20v", fmt.Sprintf("%s%d", key, k+1), value))))
		}
		card("CRPIX", "1.0")
		card("CRVAL", fmt.Sprintf("%.14E", at[0]))
		card("CDELT", fmt.Sprintf("%.14E", step))
		if plain := strings.Map(printable, name); plain != "" {
			card("CTYPE", fmt.Sprintf("'%-8.60s'", plain))
		}
	}
	return imageio.WriteFITS(r.Path(gridFITS), f, "kernel fit of "+r.m.Source)
}

// printable leaves out what a text in a FITS header may not have.
func printable(c rune) rune {
	if c < 0x20 || c > 0x7e || c == '\'' {
		return -1
	}
	return c
}
