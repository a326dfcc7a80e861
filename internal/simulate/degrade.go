package simulate

// Box is the half-open box of rows R0 to R1 and columns C0 to C1 of a frame, in pixels:
// [R0,R1) x [C0,C1).
type Box struct{ R0, R1, C0, C1 int }

func (b Box) rows() int { return b.R1 - b.R0 }
func (b Box) cols() int { return b.C1 - b.C0 }

// AddNoise adds Gaussian noise of standard deviation sigma, in the units of data, to data:
// the pixels of box b, channels x rows x cols, of a frame of cols columns. Pixel i of
// channel c of the frame gets normal number i of the stream (seed, c), for every box.
func AddNoise(data []float64, channels int, b Box, cols int, seed uint64, sigma float64) {
	n := b.rows() * b.cols()
	for c := range channels {
		s := newStream(seed, forNoise, uint64(c))
		plane := data[c*n : (c+1)*n]
		for r := range b.rows() {
			line := plane[r*b.cols() : (r+1)*b.cols()]
			first := uint64(b.R0+r)*uint64(cols) + uint64(b.C0)
			x := 0
			if first%2 == 1 && len(line) > 0 {
				_, odd := s.Normals(first / 2)
				line[0] += sigma * odd
				x = 1
			}
			for ; x+1 < len(line); x += 2 {
				even, odd := s.Normals((first + uint64(x)) / 2)
				line[x] += sigma * even
				line[x+1] += sigma * odd
			}
			if x < len(line) {
				even, _ := s.Normals((first + uint64(x)) / 2)
				line[x] += sigma * even
			}
		}
	}
}

// Dead says which pixels of a camera are dead, the same for every channel.
type Dead struct {
	Seed     uint64
	Fraction float64 // probability that a pixel is dead, 0 to 1
	Columns  float64 // probability that a whole column is dead, 0 to 1
}

// Weights is 0 at the dead pixels of box b of a frame of cols columns and 1 elsewhere,
// rows x cols of the box.
func (d Dead) Weights(b Box, cols int) []float64 {
	pixels := newStream(d.Seed, forDeadPixels, 0)
	columns := newStream(d.Seed, forDeadColumns, 0)
	w := make([]float64, b.rows()*b.cols())
	live := make([]bool, b.cols())
	for c := range live {
		live[c] = columns.Uniform(uint64(b.C0+c)) >= d.Columns
	}
	for r := range b.rows() {
		first := uint64(b.R0+r)*uint64(cols) + uint64(b.C0)
		line := w[r*b.cols() : (r+1)*b.cols()]
		for c := range line {
			if live[c] && pixels.Uniform(first+uint64(c)) >= d.Fraction {
				line[c] = 1
			}
		}
	}
	return w
}
