package psfmodel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tessera/forward"
	"tessera/internal/imageio"
)

// readSTPSF reads a grid of PSFs with cards DET_YX0 = '(y, x)' and so on.
func readSTPSF(path string) (*Model, error) {
	s, err := readStack(path)
	if err != nil {
		return nil, err
	}
	h := &cards{header: s.Header}
	oversampling := h.number("OVERSAMP")
	for k, image := range images(s) {
		if err := known(k, image, s.Cols); err != nil {
			return nil, err
		}
	}
	positions := make([][2]float64, s.Count)
	for k := range positions {
		positions[k] = h.position("DET_YX" + strconv.Itoa(k))
	}
	if n := h.integerOr("NUM_PSFS", s.Count); n != s.Count {
		h.fail("NUM_PSFS = %d, and the cube has %d images", n, s.Count)
	}
	if h.err != nil {
		return nil, h.err
	}
	if !(oversampling > 0) {
		return nil, fmt.Errorf("OVERSAMP = %g, want more than 0", oversampling)
	}
	m := &Model{Format: STPSF, Rows: s.Rows, Cols: s.Cols, Step: 1 / oversampling}
	m.Law, m.Images, err = onGrid(positions, images(s))
	return m, err
}

// position is a card with "(y, x)".
func (c *cards) position(key string) [2]float64 {
	text := c.text(key)
	y, x, ok := strings.Cut(strings.Trim(text, "() "), ",")
	row, err1 := strconv.ParseFloat(strings.TrimSpace(y), 64)
	col, err2 := strconv.ParseFloat(strings.TrimSpace(x), 64)
	if !ok || err1 != nil || err2 != nil || math.IsNaN(row+col) || math.IsInf(row+col, 0) {
		c.fail("%s = %q, want the place (y, x) of a PSF", key, text)
	}
	return [2]float64{row, col}
}

// WriteGrid writes PSFs of one size on a grid as a FITS cube that Read takes for a stpsf file, and so do the programs
// that read those: sampled at whole pixels, with the place of each in a card DET_YXn = '(y, x)'. psfs are in row-major order
// of the nodes. lines become HISTORY cards.
func WriteGrid(path string, grid *Grid, psfs []forward.PSF, lines ...string) error {
	if len(psfs) != grid.Images() || len(psfs) == 0 {
		return fmt.Errorf("psfmodel: %d PSFs for a grid of %d x %d", len(psfs), len(grid.Rows), len(grid.Cols))
	}
	rows, cols := psfs[0].Rows, psfs[0].Cols
	var data []float64
	header := imageio.Header{
		card("INSTRUME", "'tessera '", "program that made the grid"),
		card("OVERSAMP", "1", "samples a pixel"),
		card("NUM_PSFS", strconv.Itoa(len(psfs)), "images of this cube"),
	}
	for i, r := range grid.Rows {
		for j, c := range grid.Cols {
			k := i*len(grid.Cols) + j
			if psfs[k].Rows != rows || psfs[k].Cols != cols {
				return fmt.Errorf("psfmodel: PSF %d has %d x %d pixels, the first %d x %d", k, psfs[k].Rows, psfs[k].Cols, rows, cols)
			}
			data = append(data, psfs[k].Values...)
			header = append(header, card("DET_YX"+strconv.Itoa(k), fmt.Sprintf("'(%v, %v)'", r, c), "row and column from 0"))
		}
	}
	w, err := imageio.CreateStack(path, len(psfs), rows, cols, false, header, lines...)
	if err != nil {
		return err
	}
	if err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

func card(key, value, comment string) imageio.Card {
	return imageio.Card(fmt.Sprintf("%-80.80s", fmt.Sprintf("%-8s= %20s / %s", key, value, comment)))
}
