package frames

import (
	"fmt"
	"math"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/outliers"
)

// joined is the weights in the making: mask, flags, error map and the pixels that are not
// finite, put together. box is the part of the files that it covers.
type joined struct {
	box      imageio.Box
	channels int       // of the frame
	w        []float64 // rows x cols of box, or channels x rows x cols where channels differ; 0 = missing; nil while all are one
	counts   []count   // of missing values, in the order in which planes came
}

// count is how many pixels one plane calls missing.
type count struct {
	missing, zeros, values float64 // values = pixels of the plane, zeros = those that are 0
}

func (j *joined) pixels() int { return (j.box.R1 - j.box.R0) * (j.box.C1 - j.box.C0) }

// plane is w, made if it is not there yet.
func (j *joined) plane() []float64 {
	if j.w == nil {
		j.w = make([]float64, j.pixels())
		for i := range j.w {
			j.w[i] = 1
		}
	}
	return j.w
}

// widen gives every channel weights of its own.
func (j *joined) widen() {
	if w, n := j.plane(), j.pixels(); len(w) == n && j.channels > 1 {
		j.w = make([]float64, 0, j.channels*n)
		for range j.channels {
			j.w = append(j.w, w...)
		}
	}
}

// take adds a plane: rows x cols, or channels x rows x cols. typ is that of the numbers in
// its file.
func (j *joined) take(p *plane, data []float64, typ string) error {
	n := j.pixels()
	if len(data) > n {
		j.widen()
	}
	w := j.plane()
	c := count{values: float64(len(data))}
	whole := strings.Contains(typ, "int") && p.use == useMask
	other := 0.0 // value of a mask that is not 0
	for i, v := range data {
		factor := 1.0
		if v == 0 {
			c.zeros++
		}
		switch {
		case p.use == useFlags:
			if v != math.Trunc(v) && !math.IsNaN(v) {
				return &keyError{p.key, p.path, fmt.Sprintf("the value %g at row %d, column %d; flags are whole numbers, of which 0 is good", v, j.box.R0+i%n/(j.box.C1-j.box.C0), j.box.C0+i%n%(j.box.C1-j.box.C0))}
			}
			if p.flags.isBad(v) {
				factor = 0
			}
		case math.IsNaN(v) || v == 0:
			factor = 0
		case p.use == useMask:
			if whole && other != 0 && v != other {
				zero := ""
				if c.zeros > 0 {
					zero = "0, "
				}
				return &keyError{p.key, p.path, fmt.Sprintf("the values %s%g and %g; a mask has 0 (missing) and one other value\n  if these are flags of which 0 is good, write image.dq = %q",
					zero, other, v, p.path)}
			}
			other = v
		case p.use == useCoverage:
		default:
			cols := j.box.C1 - j.box.C0
			var want string
			if factor, want = p.weight(v); want != "" {
				return fmt.Errorf("%s: %s %g at row %d, column %d: want %s", p.path, strings.TrimSuffix(string(p.use), "s"), v, j.box.R0+i%n/cols, j.box.C0+i%cols, want)
			}
		}
		if factor == 0 {
			c.missing++
		}
		for at := i; at < len(w); at += len(data) {
			w[at] *= factor
		}
	}
	j.counts = append(j.counts, c)
	return nil
}

// weight is the inverse variance that a value of an error map stands for, or what is wanted
// instead. An infinite error is a weight of 0.
func (p *plane) weight(v float64) (w float64, want string) {
	w = v
	switch p.use {
	case useSigma:
		w = 1 / v / v
	case useVariance:
		w = 1 / v
	case usePrecision:
		w = v * v
	}
	switch {
	case v < 0 && outliers.Looks(v):
		return 0, fmt.Sprintf("0 or more; %.6g often marks a missing pixel: if it does, write 0 or NaN in its place, or image.outliers = %q", v, OutliersReport)
	case v < 0 || math.IsInf(v, 0) && w != 0:
		return 0, "0 or more"
	case math.IsInf(w, 0):
		return 0, "a value whose inverse variance is a number"
	}
	return w, ""
}

// finite takes out the values of the frame that are not finite. Where that are the same
// pixels in all channels, one plane stays enough.
func (j *joined) finite(data []float64) {
	n := j.pixels()
	missing := func(i int) bool { return math.IsNaN(data[i]) || math.IsInf(data[i], 0) }
	c := count{values: float64(len(data))}
	for i := range data {
		if missing(i) {
			c.missing++
			if !missing(i % n) {
				j.widen()
			}
		} else if i >= n && missing(i%n) {
			j.widen()
		}
	}
	for i := range data {
		if c.missing > 0 && missing(i) {
			w := j.plane()
			w[i%len(w)] = 0
		}
	}
	j.counts = append(j.counts, c)
}

// narrow makes one plane of weights of all channels: what is missing in one of them is
// missing, and the least weight counts.
func (j *joined) narrow() {
	n := j.pixels()
	if len(j.w) <= n {
		return
	}
	for i, v := range j.w[n:] {
		j.w[i%n] = min(j.w[i%n], v)
	}
	j.w = j.w[:n:n]
}

// observed is the number of values with a weight, of one plane or of all channels.
func (j *joined) observed() float64 {
	if j.w == nil {
		return float64(j.pixels())
	}
	n := 0.0
	for _, v := range j.w {
		if v > 0 {
			n++
		}
	}
	return n
}
