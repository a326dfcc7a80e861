package kernel

import "math"

// cells is a cell list: points sorted into cubes whose side is at least a distance, so
// that all points within the distance of a point are in the 3^axes cubes around it. Of more
// than three coordinates the first three decide.
type cells struct {
	dim    int
	axes   int       // of the cubes: dim, 3 at most
	x      []float64 // n x dim, the caller's
	lo     [3]float64
	side   float64
	shape  [3]int
	starts []int32 // of the cubes in points
	points []int32 // by cube, ascending inside each
}

func newCells(dim int, x []float64, distance float64) *cells {
	c := &cells{dim: dim, axes: min(dim, 3), x: x, shape: [3]int{1, 1, 1}, side: distance}
	n := len(x) / dim
	var hi [3]float64
	for k := range c.axes {
		c.lo[k], hi[k] = math.Inf(1), math.Inf(-1)
	}
	for i, v := range x {
		k := i % dim
		if k >= c.axes {
			continue
		}
		c.lo[k], hi[k] = min(c.lo[k], v), max(hi[k], v)
	}
	if n == 0 {
		c.lo, hi = [3]float64{}, [3]float64{}
	}
	// A small distance in a large box must not make more cubes than points.
	for {
		total := 1.0
		for k := range c.axes {
			total *= math.Floor((hi[k]-c.lo[k])/c.side) + 1
		}
		if total <= float64(2*n+64) {
			break
		}
		c.side *= 1.5
	}
	cubes := 1
	for k := range c.axes {
		c.shape[k] = int((hi[k]-c.lo[k])/c.side) + 1
		cubes *= c.shape[k]
	}
	c.starts = make([]int32, cubes+1)
	c.points = make([]int32, n)
	cube := make([]int32, n)
	for i := range n {
		at := c.cube(x[i*dim : (i+1)*dim])
		cube[i] = int32((at[0]*c.shape[1]+at[1])*c.shape[2] + at[2])
		c.starts[cube[i]+1]++
	}
	for j := range cubes {
		c.starts[j+1] += c.starts[j]
	}
	next := append([]int32(nil), c.starts[:cubes]...)
	for i, j := range cube {
		c.points[next[j]] = int32(i)
		next[j]++
	}
	return c
}

// cube is the place of a point, clamped to the list's box.
func (c *cells) cube(p []float64) (at [3]int) {
	for k, v := range p[:c.axes] {
		at[k] = int(max(0, min(float64(c.shape[k]-1), math.Floor((v-c.lo[k])/c.side))))
	}
	return at
}

// runs calls f with points, a cube or a row of cubes at a time in a fixed order,
// among them all that lie within d of the box [lo, hi].
func (c *cells) runs(lo, hi []float64, d float64, f func(points []int32)) {
	if len(c.points) == 0 {
		return
	}
	var a, b [3]int
	var p [3]float64
	for k := range c.axes {
		if p[k] = lo[k] - d; hi[k]+d < c.lo[k] || p[k] > c.lo[k]+float64(c.shape[k])*c.side {
			return
		}
	}
	a = c.cube(p[:])
	for k := range c.axes {
		p[k] = hi[k] + d
	}
	b = c.cube(p[:])
	last := c.axes - 1
	for i := a[0]; i <= b[0]; i++ {
		if last == 0 {
			f(c.points[c.starts[a[0]]:c.starts[b[0]+1]])
			return
		}
		if last == 1 {
			row := i * c.shape[1]
			f(c.points[c.starts[row+a[1]]:c.starts[row+b[1]+1]])
			continue
		}
		for j := a[1]; j <= b[1]; j++ {
			row := (i*c.shape[1] + j) * c.shape[2]
			f(c.points[c.starts[row+a[2]]:c.starts[row+b[2]+1]])
		}
	}
}

// within lists the points within d of the box [lo, hi] in the order of runs.
func (c *cells) within(lo, hi []float64, d float64) []int32 {
	var list []int32
	limit := d * d
	c.runs(lo, hi, d, func(points []int32) {
		for _, i := range points {
			if boxDistance2(lo, hi, c.x[int(i)*c.dim:]) <= limit {
				list = append(list, i)
			}
		}
	})
	return list
}

// boxDistance2 is the squared distance of a point from a box.
func boxDistance2(lo, hi, p []float64) float64 {
	s := 0.0
	for k := range lo {
		if gap := max(lo[k]-p[k], p[k]-hi[k]); gap > 0 {
			s += gap * gap
		}
	}
	return s
}

// distance2 is the squared distance of two points.
func distance2(a, b []float64) float64 {
	s := 0.0
	for k, v := range a {
		s += (v - b[k]) * (v - b[k])
	}
	return s
}
