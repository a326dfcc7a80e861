package massmap

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/mlpatch"
	"tessera/ranks"
)

// Survey is what a field was observed with, whole on every rank: skies that are simulated go through the same mask, noise and
// operators.
type Survey struct {
	Skies
	Weights []float64 // 2 x rows x cols, as in Maps
	Wiener  Options
}

// Lensed are simulated skies and the maps that a survey makes of them, for a network of the planes Planes and no level,
// which corrects the Wiener map. Every rank holds them all.
type Lensed struct {
	Rows, Cols int
	Truth      [][]float32 // of each sky, rows x cols, in units of Scale
	Wiener     [][]float32 // the same
	KS         [][]float32 // in units of KSScale
	Noise      []float32   // of all: 1/sigma in units of Top, the mean of both components
	Top        float64     // the largest 1/sigma
	Observed   []int       // pixels
	Scale      float64     // root mean square of the Wiener maps at observed pixels
	KSScale    float64     // the same of the maps of Kaiser and Squires
	Kept       int         // the last skies, of which the blocks of the validation are
	Seed       uint64
}

// Planes is the number of planes of a network for Lensed: the maps of Wiener and of Kaiser and Squires, and the noise.
const Planes = 3

const forLensed = 39 // the purpose of the random numbers

// maps is the survey of a sky alone on a rank.
func (s *Survey) maps(alone ranks.Comm) (*Maps, error) {
	frame, err := halo.Decompose([]int{s.Rows, s.Cols}, 1)
	return &Maps{Frame: frame, Pixel: s.Pixel, Weights: s.Weights, Shear: make([]float64, len(s.Weights))}, err
}

// Draw simulates so many skies, of which the last kept ones are for the validation, a part of them on each rank. said is called on rank 0 with
// the number of skies that are done. Collective; the error is the same on all ranks.
func (s *Survey) Draw(ctx context.Context, comm ranks.Comm, count, kept int, said func(done int)) (*Lensed, error) {
	err := s.Check()
	if err == nil && (len(s.Weights) != 2*s.Rows*s.Cols || kept < 0 || kept >= count) {
		err = fmt.Errorf("massmap: %d skies, of which %d are kept, with %d weights for %d x %d pixels", count, kept, len(s.Weights), s.Rows, s.Cols)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return nil, err
	}
	n := s.Rows * s.Cols
	d := &Lensed{Rows: s.Rows, Cols: s.Cols, Kept: kept, Seed: s.Seed}
	d.Top = Top(s.Weights)
	d.Noise = Sharpness(s.Weights, d.Top)
	for i, v := range d.Noise {
		if v > 0 {
			d.Observed = append(d.Observed, i)
		}
	}
	if len(d.Observed) == 0 {
		return nil, errors.New("massmap: no pixel was observed")
	}
	m, err := s.maps(alone)
	var filter *Filter
	var shear *forward.Shear
	if err == nil {
		filter, err = m.NewFilter(alone, s.Spectrum, s.Wiener)
	}
	if err == nil {
		shear, err = forward.NewShear(alone, m.Frame, 1, nil)
	}
	buffer := make([]float64, 3*n)
	sums := make([]float64, 2)
	for from := 0; from < count; from += comm.Size() {
		if k := from + comm.Rank(); k < count && err == nil {
			if err = ctx.Err(); err == nil {
				err = s.sky(ctx, alone, m, filter, shear, k, buffer)
			}
		}
		if err := ranks.AgreeError(comm, err); err != nil {
			return nil, err
		}
		for r := range min(comm.Size(), count-from) {
			all := buffer
			if r != comm.Rank() {
				all = make([]float64, 3*n)
			}
			if err := comm.Bcast(all, r); err != nil {
				return nil, err
			}
			for _, i := range d.Observed {
				sums[0] += all[n+i] * all[n+i]
				sums[1] += all[2*n+i] * all[2*n+i]
			}
			d.Truth, d.Wiener, d.KS = append(d.Truth, single(all[:n])), append(d.Wiener, single(all[n:2*n])), append(d.KS, single(all[2*n:]))
		}
		if said != nil && comm.Rank() == 0 {
			said(len(d.Truth))
		}
	}
	pixels := float64(len(d.Observed) * count)
	d.Scale, d.KSScale = math.Sqrt(sums[0]/pixels), math.Sqrt(sums[1]/pixels)
	if !(d.Scale > 0) || !(d.KSScale > 0) {
		return nil, errors.New("massmap: the maps of simulated skies are 0")
	}
	for k := range d.Truth {
		divide(d.Truth[k], d.Scale)
		divide(d.Wiener[k], d.Scale)
		divide(d.KS[k], d.KSScale)
	}
	return d, nil
}

func single(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func divide(x []float32, by float64) {
	for i, v := range x {
		x[i] = float32(float64(v) / by)
	}
}

// sky sets out to truth, Wiener map and map of Kaiser and Squires of sky k.
func (s *Survey) sky(ctx context.Context, alone ranks.Comm, m *Maps, filter *Filter, shear *forward.Shear, k int, out []float64) error {
	n := s.Rows * s.Cols
	truth := s.Skies.Draw(k)
	if err := shear.Apply(m.Shear, truth); err != nil {
		return err
	}
	for i, v := range Noise(alone, m.Frame, m.Weights, s.Seed^forLensed, k) {
		if m.Shear[i] += v; m.Weights[i] == 0 {
			m.Shear[i] = 0
		}
	}
	wiener, _, err := filter.Map(ctx, m.Shear)
	if err != nil {
		return err
	}
	mean := 0.0
	for _, v := range truth {
		mean += v / float64(n)
	}
	for i, v := range truth {
		out[i], out[n+i] = v-mean, wiener[i] // the mean has no shear
	}
	return shear.Adjoint(out[2*n:], m.Shear)
}

// Top is the largest 1/sigma of a pixel, the mean of both components. weights are those of Maps.
func Top(weights []float64) (top float64) {
	n := len(weights) / 2
	for i := range n {
		top = max(top, (math.Sqrt(weights[i])+math.Sqrt(weights[n+i]))/2)
	}
	return top
}

// Sharpness is 1/sigma of each pixel in units of top, the mean of both components; 0 = missing. weights are those of Maps.
func Sharpness(weights []float64, top float64) []float32 {
	n := len(weights) / 2
	out := make([]float32, n)
	for i := range out {
		if weights[i] > 0 {
			out[i] = float32((math.Sqrt(weights[i]) + math.Sqrt(weights[n+i])) / 2 / top)
		}
	}
	return out
}

// Draw makes block i of a step: pixels around an observed one, turned by a symmetry of the square. The sky is periodic.
func (d *Lensed) Draw(step, i int, b *mlpatch.Block[float32]) {
	draw := random.New(d.Seed, forLensed, uint64(int64(step)), uint64(i))
	pick := func(k uint64, n int) int { return int(draw.Bits(k) % uint64(n)) }
	sky := pick(0, len(d.Truth)-d.Kept)
	if step < 0 && d.Kept > 0 {
		sky = len(d.Truth) - d.Kept + i%d.Kept
	}
	at, symmetry := d.Observed[pick(1, len(d.Observed))], pick(2, mlpatch.Symmetries)
	row, col := at/d.Cols-b.Side/2, at%d.Cols-b.Side/2
	middle := float64(b.Side-1) / 2
	wide := b.Side + 2*b.Room
	from := [Planes][]float32{d.Wiener[sky], d.KS[sky], d.Noise}
	for k := range wide * wide {
		r, c := k/wide-b.Room, k%wide-b.Room
		y, x := mlpatch.Turn(float64(r)-middle, float64(c)-middle, symmetry)
		pixel := halo.Periodic.Source(row+int(y+middle), d.Rows)*d.Cols + halo.Periodic.Source(col+int(x+middle), d.Cols)
		for p, plane := range from {
			b.Planes[p*wide*wide+k] = plane[pixel]
		}
		if r >= 0 && c >= 0 && r < b.Side && c < b.Side {
			b.Truth[r*b.Side+c] = d.Truth[sky][pixel]
		}
	}
}
