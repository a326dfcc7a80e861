package kernel

import (
	"fmt"
	"math"
	"slices"

	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// door is how observations and lengths come into the numbers of the solver, and go out
// again: values in units of their spread, coordinates in units of a length, a periodic one
// as a point on a circle, longitude and latitude as a point on a sphere. So a result does not depend on the units of the file.
type door struct {
	dim       int       // coordinates of the observations
	amplitude float64   // of the values: that of the kernel too
	unit      []float64 // of each coordinate
	period    []float64 // of each coordinate, 0 = none
	sphere    bool      // the first two coordinates are longitude and latitude in degrees
	length    float64   // unit of the widths of the config
	volume    float64   // of the box of the observations, but for outliers, in these units
}

// plainDoor leaves everything as it is.
func plainDoor(dim int) door {
	return door{dim: dim, amplitude: 1, unit: slices.Repeat([]float64{1}, dim), period: make([]float64, dim), length: 1}
}

// newDoor finds the units of observations. All of them are here.
func (c *settings) newDoor(o *kernel.Observations) door {
	d := plainDoor(o.Dim)
	d.amplitude = amplitudeOf(o.Y, c.Kernel.Mean)
	copy(d.period, c.Observations.Periodic)
	d.sphere = c.Observations.Distance == greatCircle
	sides := make([]float64, o.Dim)
	for k := range sides {
		sides[k] = robustSide(o.X, o.Dim, k)
		if d.period[k] > 0 {
			sides[k] = min(sides[k], d.period[k])
		}
	}
	if d.sphere {
		sides[0] = min(sides[0], 360) * sphereShare(extremes(o.X, o.Dim, 1))
	}
	switch {
	case len(c.Kernel.AxisWidths) > 0:
		copy(d.unit, c.Kernel.AxisWidths)
	case c.Kernel.Spread:
		for k, side := range sides {
			if side > 0 {
				d.unit[k] = side
			}
		}
	default:
		if side := slices.Max(sides); side > 0 {
			d.length = math.Exp2(math.Round(math.Log2(side)))
		}
		for k := range d.unit {
			d.unit[k] = d.length
		}
	}
	d.volume = 1
	for k, side := range sides {
		if side /= d.unit[k]; side > 0 {
			d.volume *= side
		}
	}
	return d
}

// share gives all ranks the door of rank 0. Collective.
func (d *door) share(comm ranks.Comm) error {
	all := make([]float64, 3+6+1)
	if comm.Rank() == 0 {
		copy(all, []float64{d.amplitude, d.length, d.volume})
		copy(all[3:6], d.unit)
		copy(all[6:9], d.period)
		if d.sphere {
			all[9] = 1
		}
	}
	if err := comm.Bcast(all, 0); err != nil {
		return err
	}
	d.amplitude, d.length, d.volume = all[0], all[1], all[2]
	d.unit, d.period = all[3:3+d.dim:3+d.dim], all[6:6+d.dim]
	d.sphere = all[9] == 1
	return nil
}

// inner is the number of coordinates that the solver sees.
func (d *door) inner() int {
	n := d.dim
	for _, p := range d.period {
		if p > 0 {
			n++
		}
	}
	if d.sphere {
		n++
	}
	return n
}

// unitOf is the unit of a coordinate of the solver.
func (d *door) unitOf(inner int) float64 {
	for k, unit := range d.unit {
		n := 1
		switch {
		case d.sphere && k == 0:
			n = 3
		case d.sphere && k == 1:
			n = 0
		case d.period[k] > 0:
			n = 2
		}
		if inner -= n; inner < 0 {
			return unit
		}
	}
	return 1
}

// places are coordinates (n x dim) as the solver sees them (n x inner). A circle has the
// length of the period, so that near places keep their distance.
func (d *door) places(x []float64) []float64 {
	out := make([]float64, 0, len(x)/d.dim*d.inner())
	for i, v := range x {
		k := i % d.dim
		if d.sphere && k < 2 {
			if k == 0 {
				for _, v := range onSphere(v, x[i+1]) {
					out = append(out, v/d.unit[0])
				}
			}
			continue
		}
		if p := d.period[k]; p > 0 {
			sin, cos := math.Sincos(2 * math.Pi * math.Mod(v/p, 1))
			r := p / d.unit[k] / (2 * math.Pi)
			out = append(out, r*cos, r*sin)
			continue
		}
		out = append(out, v/d.unit[k])
	}
	return out
}

// observations are the observations as the solver sees them.
func (d *door) observations(o *kernel.Observations) kernel.Observations {
	in := kernel.Observations{Dim: d.inner(), X: d.places(o.X), Y: make([]float64, len(o.Y))}
	for i, y := range o.Y {
		in.Y[i] = y / d.amplitude
	}
	for _, s := range o.Sigma {
		in.Sigma = append(in.Sigma, s/d.amplitude)
	}
	return in
}

// lengths of the config in the unit of the solver; nil for an empty list.
func (d *door) lengths(list []float64) []float64 {
	var out []float64
	for _, v := range list {
		out = append(out, v/d.length)
	}
	return out
}

// values brings values of the solver back into the unit of the file, in place.
func (d *door) values(v []float64) []float64 {
	for i := range v {
		v[i] *= d.amplitude
	}
	return v
}

// amplitudeOf is how much values vary: the range between the first and the last tenth of
// them, as a standard deviation, which an outlier does not change; about 0 if the mean is
// not subtracted.
func amplitudeOf(y []float64, mean bool) float64 {
	v := slices.Clone(y)
	slices.Sort(v)
	most := max(math.Abs(v[0]), math.Abs(v[len(v)-1]))
	if most == 0 {
		return 1
	}
	at := func(q float64) float64 { return v[int(math.Round(q*float64(len(v)-1)))] / most }
	a := (at(0.9) - at(0.1)) / 2.563103131 // 2 x the 90 % point of the normal distribution
	if a < 1e-12 {
		m, s := 0.0, 0.0
		for _, x := range v {
			m += x / most / float64(len(v))
		}
		for _, x := range v {
			s += (x/most - m) * (x/most - m) / float64(len(v))
		}
		if a = math.Sqrt(s); a < 1e-12 {
			a = 0
		}
	}
	if !mean {
		a = math.Hypot(a, at(0.5))
	}
	if a == 0 {
		a = 1
	}
	return a * most
}

// extremes are the smallest and the largest value of a coordinate.
func extremes(x []float64, dim, k int) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := k; i < len(x); i += dim {
		lo, hi = min(lo, x[i]), max(hi, x[i])
	}
	return lo, hi
}

// robustSide is the side of the box of the observations along a coordinate. Of 8 and more,
// the outermost hundredth (at least one) at either end is left out, and the side made as
// much longer as it would be if the observations were spread evenly.
func robustSide(x []float64, dim, k int) float64 {
	var v []float64
	for i := k; i < len(x); i += dim {
		v = append(v, x[i])
	}
	slices.Sort(v)
	n := len(v)
	whole := v[n-1] - v[0]
	if n < 8 {
		return whole
	}
	cut := max(1, n/100)
	side := (v[n-1-cut] - v[cut]) * float64(n-1) / float64(n-1-2*cut)
	if side == 0 {
		return whole
	}
	return min(side, whole)
}

// checkPeriodic finds what is wrong with the lists that have a number for each of dim
// coordinates.
func (c *settings) checkPeriodic(dim int) error {
	for _, l := range []struct {
		key  string
		list []float64
	}{{"observations.periodic", c.Observations.Periodic}, {"kernel.axis_widths", c.Kernel.AxisWidths}} {
		if len(l.list) > 0 && len(l.list) != dim {
			return fmt.Errorf("%s has %d numbers, want %d, one for each coordinate of the observations", l.key, len(l.list), dim)
		}
	}
	periodic := 0
	for _, p := range c.Observations.Periodic {
		if p > 0 {
			periodic++
		}
	}
	switch {
	case periodic > 0 && c.Frame.Pixels:
		return fmt.Errorf("observations.periodic: the pixels of a frame are not periodic: leave it out")
	case c.Observations.Distance == greatCircle && dim+periodic+1 > kernel.Family(c.Kernel.Family).Dimensions():
		key := "kernel.family"
		if c.Job == deepJob {
			key = "deep.inner"
		}
		return fmt.Errorf("observations.distance: longitude, latitude and %d more coordinates are points in %d dimensions, where %s = %q is not positive definite: write %s = %q",
			dim-2, dim+periodic+1, key, c.Kernel.Family, key, kernel.Matern52)
	case periodic > 0 && dim+periodic > kernel.Family(c.Kernel.Family).Dimensions():
		key := "kernel.family"
		if c.Job == deepJob {
			key = "deep.inner"
		}
		return fmt.Errorf("observations.periodic: %d periodic of %d coordinates are points in %d dimensions, where %s = %q is not positive definite: write %s = %q",
			periodic, dim, dim+periodic, key, c.Kernel.Family, key, kernel.Matern52)
	}
	return nil
}
