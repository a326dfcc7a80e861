package frames

import (
	"fmt"
	"math"

	"tessera/forward"
)

// Rims of a PSF from a file are left out where they hold next to nothing, because the cost of a
// blur, and how far a rank sees, grow with its side.
const (
	leastTrimmed = 33   // pixels: PSFs of at most this side stay as they are
	rimShare     = 1e-6 // of the sum: the absolute values that are left out together
)

// withoutRim is a PSF without as many rows and columns at each side as may be left out, divided by
// its sum; they go where they hold least. rows and cols are how many went at each side.
func withoutRim(k forward.PSF) (trimmed forward.PSF, rows, cols int) {
	if max(k.Rows, k.Cols) <= leastTrimmed {
		return k, 0, 0
	}
	left := rimShare
	line := func(r0, r1, c0, c1 int) float64 {
		sum := 0.0
		for r := r0; r < r1; r++ {
			for c := c0; c < c1; c++ {
				sum += math.Abs(k.Values[r*k.Cols+c])
			}
		}
		return sum
	}
	for {
		top, side := math.Inf(1), math.Inf(1)
		if k.Rows-2*rows > leastTrimmed {
			top = line(rows, rows+1, cols, k.Cols-cols) + line(k.Rows-rows-1, k.Rows-rows, cols, k.Cols-cols)
		}
		if k.Cols-2*cols > leastTrimmed {
			side = line(rows, k.Rows-rows, cols, cols+1) + line(rows, k.Rows-rows, k.Cols-cols-1, k.Cols-cols)
		}
		least := min(top, side)
		if least > left {
			break
		}
		left -= least
		if top <= side {
			rows++
		} else {
			cols++
		}
	}
	if rows+cols == 0 {
		return k, 0, 0
	}
	trimmed = forward.PSF{Rows: k.Rows - 2*rows, Cols: k.Cols - 2*cols}
	sum := 0.0
	for r := rows; r < k.Rows-rows; r++ {
		for _, v := range k.Values[r*k.Cols+cols : (r+1)*k.Cols-cols] {
			trimmed.Values = append(trimmed.Values, v)
			sum += v
		}
	}
	for i := range trimmed.Values {
		trimmed.Values[i] /= sum
	}
	return trimmed, rows, cols
}

// rimNote says what was left out; "" where nothing was.
func rimNote(rows, cols int) string {
	if rows+cols == 0 {
		return ""
	}
	return fmt.Sprintf("%d rows and %d columns at each side, which hold less than %.0e of the sum together, are left out", rows, cols, rimShare)
}
