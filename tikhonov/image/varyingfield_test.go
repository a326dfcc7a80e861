package image

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/psfmodel"
	"tessera/ranks"
)

// telescope is the field that the measurements are made on: FWHM 2.5 to 5 pixels, turning ellipticity and coma.
var telescope = psfmodel.Field{Size: 31, Grid: 5, FWHM: [2]float64{2.5, 5}, Ellipticity: 0.2, Coma: 0.3}

// restored observes a whole frame of side x side pixels through v, with noise, and restores it on some ranks with the PSF
// that varies, or with that of the middle of the frame. It returns the solution and the residual data - H solution, H with the PSF
// that the solve used, on all of the frame.
func restored(t testing.TB, v *forward.VaryingPSF, truth []float64, side, n int, varying bool, o Options, noise float64) (solution, residual []float64, result *Result) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, n)
		if err != nil {
			return err
		}
		box := frame.Owned(comm.Rank())
		var mine []float64
		for r := box.Lo[0]; r < box.Hi[0]; r++ {
			mine = append(mine, truth[r*side+box.Lo[1]:r*side+box.Hi[1]]...)
		}
		data, i := make([]float64, len(mine)), 0
		h, err := forward.NewVaryingBlur(comm, frame, 1, v, o.Border)
		if err != nil {
			return err
		}
		if err := h.Apply(data, mine); err != nil {
			return err
		}
		for r := box.Lo[0]; r < box.Hi[0]; r++ {
			for c := box.Lo[1]; c < box.Hi[1]; c++ {
				data[i] += noise * random.New(4).Normal(uint64(r*side+c))
				i++
			}
		}
		p := &Problem{Channels: 1, Frame: frame, Data: data, Varying: v}
		var used forward.Convolution = h
		if !varying {
			p.PSF, p.Varying = v.At(side/2, side/2), nil
			if used, err = forward.NewBlur(comm, frame, 1, p.PSF, o.Border); err != nil {
				return err
			}
		}
		res, err := Solve(ctx, comm, p, o)
		if err != nil {
			return err
		}
		seen := make([]float64, len(data))
		if err := used.Apply(seen, res.Solution); err != nil {
			return err
		}
		for i := range seen {
			seen[i] = data[i] - seen[i]
		}
		w, err := frame.GatherTo(comm, 0, res.Solution, 1)
		if err != nil {
			return err
		}
		d, err := frame.GatherTo(comm, 0, seen, 1)
		if comm.Rank() == 0 {
			solution, residual, result = w, d, res
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return solution, residual, result
}

// quality is -20 log10 of the relative error.
func quality(x, truth []float64) float64 {
	d, s := 0.0, 0.0
	for i, v := range truth {
		d += (x[i] - v) * (x[i] - v)
		s += v * v
	}
	return -10 * math.Log10(d/s)
}

// starsOf is a frame with count x count stars of the same flux at whole pixels, not quite on a grid, and their places.
func starsOf(side, count, margin int) (truth []float64, places [][2]int) {
	truth = make([]float64, side*side)
	r := random.New(11)
	step := float64(side-2*margin) / float64(count)
	for i := range count {
		for j := range count {
			at := uint64(2 * (i*count + j))
			p := [2]int{margin + int((float64(i)+0.25+0.5*r.Uniform(at))*step), margin + int((float64(j)+0.25+0.5*r.Uniform(at+1))*step)}
			truth[p[0]*side+p[1]] = 1
			places = append(places, p)
		}
	}
	return truth, places
}

// meanResidual is the largest value of the mean residual image of stars, by the mean of their peaks in the observed frame, for
// the stars in the corners of the frame and for those around its centre.
func meanResidual(v *forward.VaryingPSF, residual []float64, side int, places [][2]int) (corners, centre float64) {
	const radius = 8
	for k, out := range []*float64{&corners, &centre} {
		sum, peak, n := make([]float64, (2*radius+1)*(2*radius+1)), 0.0, 0
		for _, p := range places {
			y, x := math.Abs(2*float64(p[0])/float64(side)-1), math.Abs(2*float64(p[1])/float64(side)-1)
			if k == 0 && min(y, x) < 0.5 || k == 1 && max(y, x) > 0.5 {
				continue
			}
			n++
			peak += slices.Max(v.At(p[0], p[1]).Values)
			for i := range sum {
				sum[i] += residual[(p[0]+i/(2*radius+1)-radius)*side+p[1]+i%(2*radius+1)-radius]
			}
		}
		for _, s := range sum {
			*out = max(*out, math.Abs(s)/peak)
		}
		if n < 4 {
			*out = math.NaN()
		}
	}
	return corners, centre
}

// blobs is a frame of side x side pixels with Gaussian objects of 1.2 to 3 pixels of standard deviation, one for 400 pixels, of peaks up to 1.
func blobs(side int) []float64 {
	out, r := make([]float64, side*side), random.New(3)
	for k := range side * side / 400 {
		at := uint64(4 * k)
		y, x, s := r.Uniform(at)*float64(side), r.Uniform(at+1)*float64(side), 1.2+1.8*r.Uniform(at+2)
		peak := math.Pow(r.Uniform(at+3), 2)
		for i := max(0, int(y-5*s)); i < min(side, int(y+5*s)+1); i++ {
			for j := max(0, int(x-5*s)); j < min(side, int(x+5*s)+1); j++ {
				out[i*side+j] += peak * math.Exp(-((float64(i)-y)*(float64(i)-y)+(float64(j)-x)*(float64(j)-x))/(2*s*s))
			}
		}
	}
	return out
}

// measurement is what a made-up field shows of a PSF that varies against that of the middle of the frame.
type measurement struct {
	varying, middle float64 // SNR of the restored sky, in dB
	corners, centre float64 // mean residual image of stars, by their peak
	worst           float64 // the larger of the two with the PSF of the middle
	iterations      int
	seconds         float64 // of the solve that varies, set-up and iterations
}

func (m measurement) String() string {
	return fmt.Sprintf("SNR %.2f dB against %.2f dB with the middle PSF; mean residual of stars %.4f in the corners, %.4f in the centre (middle PSF: %.4f); %d iterations, %.2f s",
		m.varying, m.middle, m.corners, m.centre, m.worst, m.iterations, m.seconds)
}

func measureField(t testing.TB, f psfmodel.Field, side, n, stars int, border halo.Border) measurement {
	t.Helper()
	model, err := f.Model(side, side)
	if err != nil {
		t.Fatal(err)
	}
	v, err := model.Varying(side, side, [2]float64{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	sky := blobs(side)
	o := Options{Lambda: 3e-4, Tolerance: 1e-4, Border: border} // far below the noise
	var m measurement
	x, _, result := restored(t, v, sky, side, n, true, o, 5e-4)
	m.varying, m.iterations, m.seconds = quality(x, sky), result.Iterations, result.Setup+result.Solve
	x, _, _ = restored(t, v, sky, side, n, false, o, 5e-4)
	m.middle = quality(x, sky)
	field, places := starsOf(side, stars, 12)
	o.Lambda, o.Tolerance = 2e-5, 0.1 // of such a small lambda the bound of the error is a wide one
	_, d, _ := restored(t, v, field, side, n, true, o, 5e-5)
	m.corners, m.centre = meanResidual(v, d, side, places)
	_, d, _ = restored(t, v, field, side, n, false, o, 5e-5)
	a, b := meanResidual(v, d, side, places)
	m.worst = max(a, b)
	return m
}

// check is what must hold at any size.
func (m measurement) check(t testing.TB) {
	t.Helper()
	t.Log(m)
	if !(m.varying >= m.middle+3) {
		t.Errorf("SNR %.2f dB, with the PSF of the middle %.2f dB: want 3 dB more", m.varying, m.middle)
	}
	if !(m.corners < 0.02 && m.centre < 0.02) || !(m.worst > 0.02) {
		t.Errorf("the mean residual of stars is %.4f of their peak in the corners and %.4f in the centre, want less than 0.02; with the PSF of the middle %.4f, want more",
			m.corners, m.centre, m.worst)
	}
}

// A field of telescope, restored with the PSF of every pixel and with that of its middle: the sky is better by 3 dB, and no star leaves a
// residual. TestVaryingField1024 measures the same on 1024 x 1024 pixels.
func TestVaryingField(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	f := telescope
	f.Size = 21
	measureField(t, f, 112, 1, 5, halo.Reflect).check(t)
}
