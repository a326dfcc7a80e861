package frames

import (
	"fmt"
	"math"

	"tessera/internal/imageio"
)

// joined is a plane of weights in the making: the mask, the weight map and the pixels that
// are not finite, put together. box is the part of the files that it covers.
type joined struct {
	box imageio.Box
	w   []float64 // rows x cols of box; 0 = missing; nil while all are one
}

// plane is w, made if it is not there yet.
func (j *joined) plane() []float64 {
	if j.w == nil {
		j.w = make([]float64, (j.box.R1-j.box.R0)*(j.box.C1-j.box.C0))
		for i := range j.w {
			j.w[i] = 1
		}
	}
	return j.w
}

// weigh takes the values of a weight map as the plane; it comes first. The map's array
// becomes the plane.
func (j *joined) weigh(path string, data []float64) error {
	cols := j.box.C1 - j.box.C0
	for i, v := range data {
		switch {
		case v < 0 || math.IsInf(v, 0):
			return fmt.Errorf("%s: weight %g at row %d, column %d: want 0 or more", path, v, j.box.R0+i/cols, j.box.C0+i%cols)
		case math.IsNaN(v):
			data[i] = 0
		}
	}
	j.w = data
	return nil
}

// mask takes out the pixels where a mask is 0 or NaN.
func (j *joined) mask(data []float64) {
	for i, v := range data {
		if v == 0 || math.IsNaN(v) {
			j.plane()[i] = 0
		}
	}
}

// finite takes out the pixels where a channel of the frame is not finite.
func (j *joined) finite(data []float64) {
	n := (j.box.R1 - j.box.R0) * (j.box.C1 - j.box.C0)
	for i, v := range data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			j.plane()[i%n] = 0
		}
	}
}
