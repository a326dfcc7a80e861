package tikhonov

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/internal/fourier"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/random"
	"tessera/psfmodel"
)

// patchwise is what is usually done: the frame is cut into patches of side pixels that overlap by half, each multiplied with a sine window, divided
// by the spectrum of the PSF in its middle and multiplied with that of the target, multiplied with the window again and added up. The sum of the
// squared windows is 1.
func patchwise(data []float64, rows, cols, side int, psf func(row, col int) forward.PSF, target forward.PSF, floor float64) []float64 {
	filter := fourier.NewPlan2(side, side)
	half := side / 2
	spectrum := func(p forward.PSF) []complex128 {
		s := make([]complex128, side*filter.SpectrumCols())
		filter.Forward(s, fourier.WrapKernel(side, side, p.Rows, p.Cols, p.Values))
		return s
	}
	mirror := func(i, n int) int { return min(max(i, -1-i), 2*n-1-max(i, -1-i)) }
	g, out := spectrum(target), make([]float64, rows*cols)
	patch, window := make([]float64, side*side), make([]float64, side)
	for i := range window {
		window[i] = math.Sin(math.Pi * (float64(i) + 0.5) / float64(side))
	}
	for top := -half; top < rows; top += half {
		for left := -half; left < cols; left += half {
			for k := range patch {
				patch[k] = window[k/side] * window[k%side] * data[mirror(top+k/side, rows)*cols+mirror(left+k%side, cols)]
			}
			h := spectrum(psf(min(max(top+half, 0), rows-1), min(max(left+half, 0), cols-1)))
			f := make([]complex128, len(h))
			filter.Forward(f, patch)
			for k, v := range h {
				power := real(v)*real(v) + imag(v)*imag(v)
				f[k] *= g[k] * complex(real(v), -imag(v)) / complex(power+floor, 0)
			}
			filter.Inverse(patch, f)
			for k, v := range patch {
				if r, c := top+k/side, left+k%side; r >= 0 && c >= 0 && r < rows && c < cols {
					out[r*cols+c] += window[k/side] * window[k%side] * v
				}
			}
		}
	}
	return out
}

// evenness is how a homogenised frame of stars on a sky of 1 differs from what it should be.
type evenness struct {
	middles, borders float64 // largest error near stars in the middles of patches and where four of them meet, by the peak of the star
	scatter          float64 // largest FWHM by the smallest, minus 1
	ellipticity      float64 // the largest
	flux             float64 // the largest error
	seams            float64 // standard deviation of the error away from stars, averaged over the periods of the patches, by the sky
}

func (e evenness) String() string {
	return fmt.Sprintf("error at patch middles %.4f and borders %.4f of the peak, FWHM scatter %.4f, ellipticity %.4f, flux error %.4f, seams %.1e of the sky", e.middles, e.borders, e.scatter, e.ellipticity, e.flux, e.seams)
}

// measureEven compares a homogenised frame with stars of a flux at places on a sky of 1, blurred with the target; star k is at the border of
// patches if border(k).
func measureEven(out []float64, side, period int, places [][2]int, flux float64, target forward.PSF, border func(k int) bool) (e evenness) {
	const radius = 10
	peak := flux * slices.Max(target.Values)
	low, high := math.Inf(1), 0.0
	near := make([]bool, len(out))
	for k, p := range places {
		stamp := forward.PSF{Rows: 2*radius + 1, Cols: 2*radius + 1}
		worst, sum, sky, around := 0.0, 0.0, 0.0, 0.0
		for i := range stamp.Rows * stamp.Cols {
			dy, dx := i/stamp.Cols-radius, i%stamp.Cols-radius
			at := (p[0]+dy)*side + p[1] + dx
			near[at] = true
			want := 0.0
			if r, c := target.Rows/2+dy, target.Cols/2+dx; r >= 0 && c >= 0 && r < target.Rows && c < target.Cols {
				want = flux * target.Values[r*target.Cols+c]
			}
			stamp.Values = append(stamp.Values, out[at]-1)
			worst, sum = max(worst, math.Abs(out[at]-1-want)/peak), sum+out[at]-1
			if max(dy, -dy, dx, -dx) == radius { // the background of the star
				sky, around = sky+out[at]-1, around+1
			}
		}
		if border(k) {
			e.borders = max(e.borders, worst)
		} else {
			e.middles = max(e.middles, worst)
		}
		s := psfmodel.Measure(stamp)
		low, high, e.ellipticity = min(low, s.FWHM), max(high, s.FWHM), max(e.ellipticity, s.Ellipticity)
		e.flux = max(e.flux, math.Abs((sum-sky/around*float64(len(stamp.Values)))/flux-1))
	}
	e.scatter = high/low - 1
	mean, count := make([]float64, period*period), make([]float64, period*period)
	for i, v := range out {
		if r, c := i/side, i%side; !near[i] && min(r, c) >= radius && max(r, c) < side-radius {
			mean[r%period*period+c%period] += v - 1
			count[r%period*period+c%period]++
		}
	}
	var sum, square, n float64
	for k, v := range mean {
		if count[k] > 0 {
			m := v / count[k]
			sum, square, n = sum+m, square+m*m, n+1
		}
	}
	e.seams = math.Sqrt(max(0, square/n-sum*sum/(n*n)))
	return e
}

// With target.kind = "common" every star of a frame has one form, whose errors are the same everywhere; the patch-wise correction in the
// Fourier domain has larger ones where patches meet, and seams of their period on an even sky.
func TestHomogenisedAgainstPatches(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	const side, patch, flux = 128, 32, 100.
	field := psfmodel.Field{Size: 21, Grid: 3, FWHM: [2]float64{2.5, 4}, Ellipticity: 0.15, Coma: 0.2}
	m, err := field.Model(side, side)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.Varying(side, side, [2]float64{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float64, side*side)
	for i := range data {
		data[i] = 1 + 1e-4*random.New(4).Normal(uint64(i))
	}
	var places [][2]int
	var between []bool
	border := func(k int) bool { return between[k] }
	for i := range 4 {
		for j := range 4 {
			p := [2]int{16 + 32*i, 16 + 32*j} // middle of a patch
			if (i+j)%2 == 1 {
				if max(i, j) == 3 {
					continue
				}
				p = [2]int{24 + 32*i, 24 + 32*j} // as far as can be from the middles of four
			}
			places, between = append(places, p), append(between, (i+j)%2 == 1)
			h := v.At(p[0], p[1])
			for k, x := range h.Values {
				data[(p[0]+k/h.Cols-h.Rows/2)*side+p[1]+k%h.Cols-h.Cols/2] += flux * x
			}
		}
	}
	_, model, _, _ := observedField(t, side, field, 0)
	frame := jobtest.WriteNpy(t, t.TempDir(), "stars.npy", data, side, side)
	dir, err := jobtest.Run(t, Load, 2, "job = 'tikhonov'\n[target]\nkind = 'common'\n[tikhonov]\nlambda = 1e-4\ntolerance = 1e-3\n[output]\npictures = false\n",
		fmt.Sprintf("image.path=%q", frame), fmt.Sprintf("psf_model.path=%q", model))
	if err != nil {
		t.Fatal(err)
	}
	var psfs []forward.PSF
	for i := range commonPlaces {
		for j := range commonPlaces {
			psfs = append(psfs, v.At(i*(side-1)/(commonPlaces-1), j*(side-1)/(commonPlaces-1)))
		}
	}
	target, _, err := psfmodel.Common(psfs)
	if err != nil {
		t.Fatal(err)
	}
	ours := measureEven(jobtest.ReadNpy(t, dir, "homogenised.npy"), side, patch/2, places, flux, target, border)
	theirs := measureEven(patchwise(data, side, side, patch, v.At, target, 1e-5), side, patch/2, places, flux, target, border)
	t.Logf("homogenised: %s", ours)
	t.Logf("patch-wise:  %s", theirs)
	if ours.scatter > 0.02 || ours.ellipticity > 0.01 || ours.flux > 0.005 {
		t.Errorf("homogenised: %s; want a scatter up to 0.02, an ellipticity up to 0.01 and a flux error up to 0.005", ours)
	}
	if !(ours.borders < 0.5*theirs.borders) || !(ours.borders < 1.5*ours.middles) || !(ours.seams < 0.5*theirs.seams) {
		t.Errorf("homogenised: %s\npatch-wise: %s\nwant smaller errors at the borders of patches, none that are larger than in their middles, and no seams", ours, theirs)
	}
}
