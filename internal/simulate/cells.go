package simulate

import (
	"math"

	"tessera/internal/random"
)

// Cells are pictures of stained cell nuclei as a fluorescence microscope sees them, without
// noise: nuclei with lobed borders on a dim background, with a texture of chromatin and
// darker nucleoli. Values are in [0, 1]. Picture k depends on (Seed, k) alone.
type Cells struct {
	Seed       uint64
	Rows, Cols int // pixels
	Nuclei     int // in a picture; 0 = one per 1400 pixels, at least 3
}

const (
	cellBackground = 0.04
	mostLobes      = 5
	nucleoli       = 4   // at most, in a nucleus
	soft           = 0.7 // pixels over which a border falls by a factor of e
)

// nucleus is one of a picture, in pixels.
type nucleus struct {
	row, col, a, b, sin, cos float64
	amplitude, phase         [mostLobes - 1]float64 // of cos(k angle), k = 2 ... mostLobes
	brightness               float64
	blobs                    [][4]float64 // row, col, radius, depth
}

// Draw is picture k, rows x cols.
func (c Cells) Draw(k int) []float64 {
	count := c.Nuclei
	if count == 0 {
		count = max(3, c.Rows*c.Cols/1400)
	}
	s := newStream(c.Seed, forCells, uint64(k))
	picture := make([]float64, c.Rows*c.Cols)
	light := c.noise(s, 1, 40)
	for i := range picture {
		picture[i] = cellBackground * (1 + 0.5*light[i])
	}
	fine, coarse := c.noise(s, 2, 3), c.noise(s, 3, 8)
	for n := range count {
		c.add(picture, fine, coarse, drawNucleus(random.New(uint64(s), 10, uint64(n)), c))
	}
	for i, v := range picture {
		picture[i] = min(max(v, 0), 1)
	}
	return picture
}

// drawNucleus draws its numbers in a fixed order.
func drawNucleus(s random.Stream, c Cells) nucleus {
	at := uint64(0)
	next := func(lo, hi float64) float64 {
		at++
		return lo + (hi-lo)*s.Uniform(at)
	}
	n := nucleus{row: next(0, float64(c.Rows)), col: next(0, float64(c.Cols)), a: next(9, 17)}
	n.b = n.a * next(0.65, 0.95)
	n.sin, n.cos = math.Sincos(next(0, math.Pi))
	for k := range n.amplitude {
		n.amplitude[k], n.phase[k] = next(0, 0.12)/float64(k+1), next(0, 2*math.Pi)
	}
	n.brightness = next(0.35, 0.8)
	for range int(next(1, nucleoli+1)) {
		r, angle := next(0, 0.6), next(0, 2*math.Pi)
		n.blobs = append(n.blobs, [4]float64{n.row + r*n.b*math.Sin(angle), n.col + r*n.b*math.Cos(angle), next(1.2, 2.8), next(0.35, 0.7)})
	}
	return n
}

// add adds a nucleus to a picture, where it is brighter than what is there.
func (c Cells) add(picture, fine, coarse []float64, n nucleus) {
	reach := 1.4*n.a + 6
	for r := max(0, int(n.row-reach)); r < min(c.Rows, int(n.row+reach)+1); r++ {
		for q := max(0, int(n.col-reach)); q < min(c.Cols, int(n.col+reach)+1); q++ {
			dr, dc := float64(r)+0.5-n.row, float64(q)+0.5-n.col
			u, v := n.cos*dc+n.sin*dr, -n.sin*dc+n.cos*dr
			angle := math.Atan2(v/n.b, u/n.a)
			edge := 1.0
			for k, a := range n.amplitude {
				edge += a * math.Cos(float64(k+2)*angle+n.phase[k])
			}
			inside := (edge - math.Hypot(u/n.a, v/n.b)) * n.b / soft
			cover := 1 / (1 + math.Exp(-inside))
			if cover < 1e-4 {
				continue
			}
			i := r*c.Cols + q
			value := n.brightness * (1 + 0.22*fine[i] + 0.15*coarse[i])
			for _, b := range n.blobs {
				value *= 1 - b[3]/(1+math.Exp((math.Hypot(float64(r)+0.5-b[0], float64(q)+0.5-b[1])-b[2])/0.4))
			}
			picture[i] = max(picture[i], cover*value+(1-cover)*cellBackground)
		}
	}
}

// noise is a smooth random field of about unit variance with a correlation length in pixels:
// normal numbers on a grid, joined by cubic interpolation.
func (c Cells) noise(s random.Stream, purpose uint64, length float64) []float64 {
	rows, cols := int(float64(c.Rows)/length)+5, int(float64(c.Cols)/length)+5
	grid := make([]float64, rows*cols)
	draw := random.New(uint64(s), 20, purpose)
	for i := range grid {
		grid[i] = draw.Normal(uint64(i))
	}
	out := make([]float64, c.Rows*c.Cols)
	for r := range c.Rows {
		y := float64(r) / length
		wy := cubic(y - math.Floor(y))
		for q := range c.Cols {
			x := float64(q) / length
			wx := cubic(x - math.Floor(x))
			sum := 0.0
			for i, a := range wy {
				line := grid[(int(y)+i)*cols+int(x):]
				for j, b := range wx {
					sum += a * b * line[j]
				}
			}
			out[r*c.Cols+q] = 1.5 * sum
		}
	}
	return out
}

// cubic are the weights of the cubic B-spline at a fraction f of a cell.
func cubic(f float64) [4]float64 {
	g := 1 - f
	return [4]float64{g * g * g / 6, (4 - 6*f*f + 3*f*f*f) / 6, (4 - 6*g*g + 3*g*g*g) / 6, f * f * f / 6}
}
