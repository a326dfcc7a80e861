package tikhonov

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
	"tessera/psfmodel"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// homogenisedFiles are the files of a frame that was brought to one target PSF.
var homogenisedFiles = []string{"homogenised.npy", "homogenised.fits", "homogenised.png"}

// homogenised is the part of metrics.json about the target PSF.
type homogenised struct {
	Kind   string        `json:"kind"`
	FWHM   number        `json:"fwhm"` // of the target, in pixels
	Places []homogeneous `json:"places"`
}

type number = lifecycle.Number

// homogeneous is what the restoration, blurred with the target, makes of a star of flux 1 and of the noise at a place.
type homogeneous struct {
	Row         int    `json:"row"`
	Col         int    `json:"col"`
	Before      number `json:"fwhm_before"` // of the PSF of the observed frame, in pixels
	FWHM        number `json:"fwhm"`        // of the effective PSF
	Ellipticity number `json:"ellipticity"` // 1 - b/a
	Flux        number `json:"flux"`
	NoiseGain   number `json:"noise_gain"` // standard deviation of a pixel, by that of an observed pixel of weight 1, in the ninth of the frame around the place
}

// effectiveTolerance is the relative error of the solves that show the effective PSF and the noise.
const effectiveTolerance = 1e-4

// homogenise blurs the solution with the target PSF, and finds what that makes of stars and of noise. A restoration at a fixed lambda is
// linear in the data: nine stars seen through H are restored like the frame, and so is white noise. Collective.
func (r *run) homogenise(ctx context.Context) error {
	s := &r.c.Target
	if s.Kind == "none" {
		return nil
	}
	target, report, err := r.target()
	if err != nil {
		return err
	}
	if in, ok := report.Input(); ok {
		r.Took(in)
	}
	border := frames.Borders[r.c.Tikhonov.Border]
	g, err := forward.NewBlur(r.Comm, r.Obs.Frame, r.Obs.Channels, target, border)
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	r.even = make([]float64, len(r.result.Solution))
	if err := g.Apply(r.even, r.result.Solution); err != nil {
		return err
	}
	r.m.Target = &homogenised{Kind: s.Kind, FWHM: number(psfmodel.Measure(target).FWHM)}
	if r.Apart || r.Obs.ApartChannels() {
		return nil // what follows holds a whole plane on rank 0
	}
	r.Progress.Phase("effective PSF")
	return r.effective(ctx, target)
}

// kindCommon is the target that is made for the PSF of the frame.
const kindCommon = "common"

// commonPlaces are looked at along each axis for the common target.
const commonPlaces = 9

// target is the target PSF, and a report of one that was read, else nil. Collective; the error is the same on all ranks.
func (r *run) target() (forward.PSF, *frames.PSFReport, error) {
	if r.c.Target.Kind != kindCommon {
		return frames.ReportedPSF(r.Comm, &r.c.Target)
	}
	list := []forward.PSF{r.psf}
	if v := r.Obs.Varying; v != nil {
		list = nil
		rows, cols := r.Obs.Shape()
		for i := range commonPlaces {
			for j := range commonPlaces {
				list = append(list, v.At(i*(rows-1)/(commonPlaces-1), j*(cols-1)/(commonPlaces-1)))
			}
		}
	}
	target, _, err := psfmodel.Common(list)
	return target, nil, ranks.AgreeError(r.Comm, err)
}

// effective finds the numbers of the nine places. Collective.
func (r *run) effective(ctx context.Context, target forward.PSF) error {
	one := *r.Obs
	one.Channels, one.Truth = 1, nil
	rows, cols := one.Shape()
	box := one.Frame.Owned(r.Comm.Rank())
	stars, noise := make([]float64, box.Size()), make([]float64, box.Size())
	for i := range 3 {
		for j := range 3 {
			row, col := (2*i+1)*rows/6, (2*j+1)*cols/6
			if row >= box.Lo[0] && row < box.Hi[0] && col >= box.Lo[1] && col < box.Hi[1] {
				stars[(row-box.Lo[0])*(box.Hi[1]-box.Lo[1])+col-box.Lo[1]] = 1
			}
		}
	}
	white, at := random.New(r.c.Seed, 0x676169), 0
	for row := box.Lo[0]; row < box.Hi[0]; row++ {
		for col := box.Lo[1]; col < box.Hi[1]; col++ {
			noise[at] = white.Normal(uint64(row*cols + col))
			at++
		}
	}
	h, err := one.Blur(r.Comm, r.psf, frames.Borders[r.c.Tikhonov.Border])
	if err != nil {
		return err
	}
	seen := make([]float64, len(stars))
	if err := h.Apply(seen, stars); err != nil {
		return err
	}
	var planes [2][]float64 // on rank 0
	for k, data := range [][]float64{seen, noise} {
		one.Data = data
		o := r.c.solverOptions(&one)
		o.Rule, o.Lambda, o.Tolerance = image.Fixed, r.result.Lambda, effectiveTolerance
		res, err := image.Solve(ctx, r.Comm, one.Problem(r.psf), o)
		if res == nil {
			return err
		}
		g, err := forward.NewBlur(r.Comm, one.Frame, 1, target, o.Border)
		if err := ranks.AgreeError(r.Comm, err); err != nil {
			return err
		}
		even := make([]float64, len(data))
		if err := g.Apply(even, res.Solution); err != nil {
			return err
		}
		if planes[k], err = one.Frame.GatherTo(r.Comm, 0, even, 1); err != nil {
			return err
		}
	}
	if r.Comm.Rank() == 0 {
		r.m.Target.fill(&one, r.psf, planes[0], planes[1], rows, cols)
	}
	return nil
}

// fill measures the stars and the noise of a whole plane.
func (t *homogenised) fill(o *frames.Observation, psf forward.PSF, stars, noise []float64, rows, cols int) {
	for i := range 3 {
		for j := range 3 {
			row, col := (2*i+1)*rows/6, (2*j+1)*cols/6
			radius := min(rows/6, cols/6) // half way to the next star
			p := forward.PSF{Rows: 2*radius + 1, Cols: 2*radius + 1, Values: make([]float64, (2*radius+1)*(2*radius+1))}
			flux := 0.0
			for k := range p.Values {
				y, x := row+k/p.Cols-radius, col+k%p.Cols-radius
				if y >= 0 && x >= 0 && y < rows && x < cols {
					p.Values[k] = stars[y*cols+x]
					flux += p.Values[k]
				}
			}
			sum, n := 0.0, 0.0
			for y := i * rows / 3; y < (i+1)*rows/3; y++ {
				for x := j * cols / 3; x < (j+1)*cols/3; x++ {
					sum += noise[y*cols+x] * noise[y*cols+x]
					n++
				}
			}
			before := psf
			if o.Varying != nil {
				before = o.Varying.At(row, col)
			}
			e := homogeneous{Row: row, Col: col, Flux: number(flux), NoiseGain: number(math.Sqrt(sum / n))}
			if before.Values != nil {
				e.Before = number(psfmodel.Measure(before).FWHM)
			}
			s := psfmodel.Measure(p)
			e.FWHM, e.Ellipticity = number(s.FWHM), number(s.Ellipticity)
			t.Places = append(t.Places, e)
		}
	}
}
