package mlpatch

import (
	"math"

	"tessera/internal/linalg"
	"tessera/internal/stencil"
)

// tap is one pixel of an interpolation.
type tap[T linalg.Float] struct {
	row, col int // from the pixel of the patch
	weight   T
}

// sampler samples patches at fixed offsets, by the cubic convolution of Keys with a = -1/2 (the weights
// are the same for all pixels). A point on a pixel is that pixel.
type sampler[T linalg.Float] struct {
	points [][]tap[T]
	reach  int

	stride  int         // of the planes for which shifts are
	shifts  [][]int     // of the taps of each point, in a plane
	weights [][]float32 // likewise
	runs    stencil.Runs
}

// newSampler takes offsets in pixels, which are held within room.
func newSampler[T linalg.Float](offsets []float64, room int) *sampler[T] {
	s := &sampler[T]{points: make([][]tap[T], len(offsets)/2)}
	for p := range s.points {
		r, c := held(offsets[2*p], room), held(offsets[2*p+1], room)
		r0, wr, _ := keys(r)
		c0, wc, _ := keys(c)
		s.points[p] = product[T](r0, c0, wr, wc)
		s.reach = max(s.reach, reachOf(math.Abs(r)), reachOf(math.Abs(c)))
	}
	return s
}

// held is an offset at which the interpolation stays within room.
func held(v float64, room int) float64 {
	if reachOf(math.Abs(v)) <= room {
		return v
	}
	most := float64(max(room-2, 0))
	return min(max(v, -most), most)
}

// keys are the weights of four neighbours at an offset and their derivatives; first is the
// place of the first one.
func keys(v float64) (first int, w, slope [4]float64) {
	low := math.Floor(v)
	f := v - low
	g := 1 - f
	w = [4]float64{-f * g * g / 2, 1 + f*f*(3*f-5)/2, 1 + g*g*(3*g-5)/2, -g * f * f / 2}
	slope = [4]float64{-g * (1 - 3*f) / 2, f * (9*f - 10) / 2, -g * (9*g - 10) / 2, -f * (2 - 3*f) / 2}
	return int(low) - 1, w, slope
}

func product[T linalg.Float](r0, c0 int, wr, wc [4]float64) (list []tap[T]) {
	for i, a := range wr {
		for j, b := range wc {
			if a*b != 0 {
				list = append(list, tap[T]{r0 + i, c0 + j, T(a * b)})
			}
		}
	}
	return list
}

// image is a plane with a margin, of which the pixel (0, 0) is at origin.
type image[T linalg.Float] struct {
	data           []T
	origin, stride int
}

// load samples the patches of pixels, which fill a tile from its first column on, into rows, one for each point and plane. The images have one stride and
// one origin.
func (s *sampler[T]) load(rows [][]T, images []image[T], runs []pixels) {
	first := &images[0]
	s.lay(first.stride)
	s.runs.Starts, s.runs.Lengths = s.runs.Starts[:0], s.runs.Lengths[:0]
	total := 0
	for _, r := range runs {
		s.runs.Starts, s.runs.Lengths = append(s.runs.Starts, first.origin+r.row*first.stride+r.col), append(s.runs.Lengths, r.n)
		total += r.n
	}
	for p, taps := range s.points {
		for c := range images {
			im, dst := &images[c], rows[p*len(images)+c]
			single := len(taps) == 1 && taps[0].weight == 1
			if to, ok := any(dst).([]float32); ok && !single {
				stencil.Shifted(to[:total], any(im.data).([]float32), s.runs, s.shifts[p], s.weights[p])
				continue
			}
			for _, r := range runs {
				interpolate(dst[r.at:r.at+r.n], im, taps, r.row, r.col)
			}
		}
	}
}

// lay finds the shifts of the taps in planes of this stride.
func (s *sampler[T]) lay(stride int) {
	if s.stride == stride {
		return
	}
	s.stride, s.shifts, s.weights = stride, nil, nil
	for _, taps := range s.points {
		shifts, weights := make([]int, len(taps)), make([]float32, len(taps))
		for i, t := range taps {
			shifts[i], weights[i] = t.row*stride+t.col, float32(t.weight)
		}
		s.shifts, s.weights = append(s.shifts, shifts), append(s.weights, weights)
	}
}

// interpolate sets dst[j] to the sum of the taps around the pixels (row, col + j).
func interpolate[T linalg.Float](dst []T, im *image[T], taps []tap[T], row, col int) {
	at := im.origin + row*im.stride + col
	if len(taps) == 1 && taps[0].weight == 1 {
		copy(dst, im.data[at+taps[0].row*im.stride+taps[0].col:])
		return
	}
	clear(dst)
	for _, t := range taps {
		from := im.data[at+t.row*im.stride+t.col:][:len(dst)]
		w := t.weight
		for j, v := range from {
			dst[j] += w * v
		}
	}
}

// slopes are the taps of the derivatives of a sample by its row and its column; nil where the
// offset is held at the end of the room.
func slopes[T linalg.Float](r, c float64, room int) (byRow, byCol []tap[T]) {
	hr, hc := held(r, room), held(c, room)
	r0, wr, dr := keys(hr)
	c0, wc, dc := keys(hc)
	free := func(v float64) bool { return math.Abs(v) <= float64(room-2) } // derivatives read as far as a sample between pixels
	if hr == r && free(r) {
		byRow = product[T](r0, c0, dr, wc)
	}
	if hc == c && free(c) {
		byCol = product[T](r0, c0, wr, dc)
	}
	return byRow, byCol
}
