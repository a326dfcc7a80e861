package scdl

import (
	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// memory is the bytes of the rank that has most of so many samples on n ranks, and what rank 0
// needs beyond.
func (c *spectraSettings) memory(d *dictionary, count, n int) (each, root float64) {
	lo, hi := halo.Split(count, n, 0)
	most, p, m := float64(hi-lo), float64(d.Pair.P), float64(d.Pair.M)
	numbers := m + p // low and predicted samples
	if c.Data.Truth != "" {
		numbers += 3 * p // the truth, and predictions of two baselines
	}
	copies := 1.0
	if c.Data.Samples == "columns" {
		copies = 2 // transposed
	}
	return 8 * (numbers*most + float64(d.Pair.Atoms)*2*(p+m) + p*m), 8 * copies * p * float64(count)
}

// memory is the bytes of the rank that has most rows of a picture of so many channels, rows and
// columns, those of image.path or image.truth, on n ranks, and what rank 0 needs beyond.
func (c *upscaleSettings) memory(d *dictionary, channels, rows, cols, n int) (each, root float64) {
	grid := d.Head.grid()
	highRows, highCols := c.highSize(grid, rows, cols)
	lowRows, lowCols := (highRows+grid.Scale-1)/grid.Scale, (highCols+grid.Scale-1)/grid.Scale
	_, hi := halo.Split(lowRows, n, 0)
	low, high := float64(hi)*float64(lowCols), float64(grid.Scale*hi)*float64(highCols) // pixels of a rank
	planes, arrays := 1.0, 4.0                                                          // the result, its rows with those around, and a correction
	if channels == 3 {
		planes, arrays = 4, 8 // the result, bicubic interpolation, and differences of three channels, twice
	}
	if c.Image.Truth != "" {
		arrays = planes + 10 // the truth, the result, four baselines, and two of them with the rows around
	}
	frame := float64(channels) * float64(highRows) * float64(highCols)
	each = 8 * (planes*low + arrays*high + float64(d.Pair.Atoms*2*(d.Pair.P+d.Pair.M)))
	return each, 2*8*frame + 4*float64(highRows)*float64(highCols) // a whole picture, what arrives of it, and the pixels of a PNG
}

// checkRoom refuses a prediction that needs far more memory than the hosts have. Collective; the
// error is the same on all ranks.
func checkRoom(comm ranks.Comm, each, root float64, mend string) error {
	if comm.Rank() == 0 {
		each += root
	}
	return lifecycle.CheckRoom(comm, each, mend)
}
