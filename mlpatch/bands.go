package mlpatch

import (
	"context"
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Bands applies a network of one plane to a frame of which no rank holds its whole part: each rank reads a few rows, and as many around them as
// a patch reaches, and hands the answer on before it reads the next ones. The answer has the bits of Field.
type Bands struct {
	Net        *Network
	Theta      []float64
	Rows, Cols int // of the frame
	Channels   int // each by itself
	Band       int // rows that are computed at a time
	Border     halo.Border
	Symmetries int       // of the square, over which the answer is the mean: 1, 2, 4 or 8; 0 = 1
	Levels     []float64 // the same for all pixels
	// Read gives rows lo ... hi - 1: channels x (hi - lo) x cols. Before each call of Write, the first one is of the rows that Write
	// then takes and those around them.
	Read func(lo, hi int) ([]float64, error)
	// Write takes rows lo ... hi - 1 of the answer, likewise. A rank writes its rows from the first to the last one.
	Write func(lo, hi int, x []float64) error
}

func (b *Bands) check() error {
	switch {
	case b.Rows < 1 || b.Cols < 1 || b.Channels < 1 || b.Band < 1 || b.Read == nil || b.Write == nil:
		return fmt.Errorf("mlpatch: bands of %d rows of a frame of %d x %d x %d values, want 1 or more of each, and functions that read and write", b.Band, b.Channels, b.Rows, b.Cols)
	case b.Net.Planes != 1 || len(b.Levels) != b.Net.Levels:
		return fmt.Errorf("mlpatch: bands of a network of %d planes with %d levels of %d, want one plane and all levels", b.Net.Planes, len(b.Levels), b.Net.Levels)
	}
	return nil
}

// Apply goes through the rows of this rank, those of halo.Split. Memory: 5 float64 for each pixel of a band and its surroundings.
// Collective; the error, that of a cancelled context included, is the same on all ranks.
func (b *Bands) Apply(ctx context.Context, comm ranks.Comm) error {
	if err := ranks.AgreeError(comm, b.check()); err != nil {
		return err
	}
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return err
	}
	lo, hi := halo.Split(b.Rows, comm.Size(), comm.Rank())
	var field *Field
	rounds := (b.Rows/comm.Size() + b.Band) / b.Band // of the rank with the most rows
	for range rounds {
		err := ctx.Err()
		if to := min(lo+b.Band, hi); err == nil && lo < to {
			field, err = b.one(alone, field, lo, to)
			lo = to
		}
		if err := ranks.AgreeError(comm, err); err != nil {
			return err
		}
	}
	return nil
}

// one computes rows lo ... hi - 1 with the field of the band before, if that had as many rows.
func (b *Bands) one(alone ranks.Comm, field *Field, lo, hi int) (*Field, error) {
	reach := b.reach()
	wide := hi - lo + 2*reach
	if field == nil || field.rows != wide {
		frame, err := halo.Decompose([]int{wide, b.Cols}, 1)
		if err != nil {
			return nil, err
		}
		if field, err = NewField(alone, b.Net, b.Theta, frame, b.Border, max(b.Symmetries, 1)); err != nil {
			return nil, err
		}
	}
	from, to := max(0, lo-reach), min(b.Rows, hi+reach)
	x, err := b.Read(from, to)
	if err == nil && len(x) != b.Channels*(to-from)*b.Cols {
		err = fmt.Errorf("mlpatch: %d values of rows %d to %d, want %d", len(x), from, to, b.Channels*(to-from)*b.Cols)
	}
	if err != nil {
		return nil, err
	}
	plane, answer := make([]float64, wide*b.Cols), make([]float64, wide*b.Cols)
	out := make([]float64, 0, b.Channels*(hi-lo)*b.Cols)
	var levels [][]float64
	for i := range b.Levels {
		levels = append(levels, b.Levels[i:i+1])
	}
	for c := range b.Channels {
		for i := range wide {
			row := plane[i*b.Cols : (i+1)*b.Cols]
			switch at := b.Border.Source(lo-reach+i, b.Rows); {
			case at < 0:
				clear(row)
			case at >= from && at < to:
				copy(row, x[(c*(to-from)+at-from)*b.Cols:])
			default: // the other end of a periodic frame
				far, err := b.Read(at, at+1)
				if err != nil {
					return nil, err
				}
				copy(row, far[c*b.Cols:(c+1)*b.Cols])
			}
		}
		if err := field.Apply(answer, plane, levels...); err != nil {
			return nil, err
		}
		out = append(out, answer[reach*b.Cols:(reach+hi-lo)*b.Cols]...)
	}
	return field, b.Write(lo, hi, out)
}

// reach is how many rows around a band are read.
func (b *Bands) reach() int { return b.Net.Geometry.Room() }
