package simulate

import (
	"math"
	"slices"
	"testing"

	"tessera/internal/imageio"
)

const stampSide = 41

// moments are the flux, the centroid and the second moments of a stamp, weighted by a
// round Gaussian of 5 pixels.
func moments(x []float64, side int) (sum, size, e1, e2 float64) {
	c := float64(side-1) / 2
	var w, qxx, qyy, qxy float64
	for i, v := range x {
		sum += v
		y, x := float64(i/side)-c, float64(i%side)-c
		g := v * math.Exp(-(x*x+y*y)/50)
		w += g
		qxx += g * x * x
		qyy += g * y * y
		qxy += g * x * y
	}
	return sum, math.Sqrt((qxx + qyy) / (2 * w)), (qxx - qyy) / (qxx + qyy), 2 * qxy / (qxx + qyy)
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func TestRadialTable(t *testing.T) {
	f := NewField(1, stampSide, 10)
	for n, p := range f.galaxies {
		b := 1.9992*n - 0.3271
		if n == 0.5 {
			b = 0.69315
		}
		peak := p.at(0)
		for u := 1e-7; u < 400; u *= 1.013 {
			exact := math.Exp(-b * (math.Pow(u, 1/(2*n)) - 1))
			if d := math.Abs(p.at(u) - exact); d > 1e-5*peak {
				t.Fatalf("index %g at u = %g: off by %.1e of the peak", n, u, d/peak)
			}
		}
	}
	for r := 0.0; r < 30; r += 0.017 {
		exact := 1.0
		if r > 0 {
			exact = math.Pow(2*math.J1(r)/r, 2)
		}
		if d := math.Abs(f.atAiry(r*r) - exact); d > 1e-5 {
			t.Fatalf("Airy at %g: off by %.1e", r, d)
		}
	}
}

func TestStamps(t *testing.T) {
	const count = 200
	f := NewField(7, stampSide, 40)
	x, again := make([]float64, stampSide*stampSide), make([]float64, stampSide*stampSide)
	var sizes, shapes []float64
	var mean [2]float64
	for i := range count {
		f.Galaxy(i, x)
		sum, size, e1, e2 := moments(x, stampSide)
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("galaxy %d has a flux of %g", i, sum)
		}
		for _, v := range x {
			if !(v >= 0) {
				t.Fatalf("galaxy %d: pixel %g", i, v)
			}
		}
		sizes, shapes = append(sizes, size), append(shapes, math.Hypot(e1, e2))
		mean[0] += e1 / count
		mean[1] += e2 / count
	}
	// A stamp has the same bits each time it is made, also by another Field.
	NewField(7, stampSide, 40).Galaxy(3, again)
	f.Galaxy(3, x)
	if !slices.Equal(x, again) {
		t.Error("galaxy 3 depends on what was drawn before")
	}
	if m := median(sizes); m < 1.5 || m > 3 {
		t.Errorf("median size %g pixels", m)
	}
	if slices.Max(shapes) > 0.8 || median(shapes) < 0.05 || math.Hypot(mean[0], mean[1]) > 0.06 {
		t.Errorf("ellipticities: largest %g, median %g, mean %v", slices.Max(shapes), median(shapes), mean)
	}
	var widths []float64
	for i := range f.PSFs {
		f.PSF(i, x)
		if sum, _, _, _ := moments(x, stampSide); math.Abs(sum-1) > 1e-12 {
			t.Fatalf("PSF %d sums to %g", i, sum)
		}
		widths = append(widths, fwhm(x, stampSide))
	}
	if m := median(widths); math.Abs(m-3.1) > 0.2 {
		t.Errorf("median FWHM of the PSFs %g pixels, want about 3.1", m)
	}
	seen := make([]int, f.PSFs)
	for i := range 4000 {
		seen[f.PSFOf(i)]++
	}
	if slices.Min(seen) < 60 || slices.Max(seen) > 145 {
		t.Errorf("PSFs drawn %d to %d times, want about 100", slices.Min(seen), slices.Max(seen))
	}
}

// fwhm is the diameter of a disc that has the area of the region above half the peak.
// Pixels on the edge of the region count by interpolation.
func fwhm(x []float64, side int) float64 {
	half := slices.Max(x) / 2
	at := func(r, c float64) float64 {
		i, j := int(r), int(c)
		a, b := r-float64(i), c-float64(j)
		v := x[i*side+j:]
		return (1-a)*((1-b)*v[0]+b*v[1]) + a*((1-b)*v[side]+b*v[side+1])
	}
	area := 0
	const fine = 10
	for i := range (side - 2) * fine {
		for j := range (side - 2) * fine {
			if at(float64(i)/fine, float64(j)/fine) > half {
				area++
			}
		}
	}
	return 2 * math.Sqrt(float64(area)/fine/fine/math.Pi)
}

func TestStampNoise(t *testing.T) {
	f := NewField(3, stampSide, 1)
	sum, square := 0.0, 0.0
	const count = 30
	x := make([]float64, stampSide*stampSide)
	for i := range count {
		clear(x)
		f.AddNoise(i, x, 2)
		for _, v := range x {
			sum += v
			square += v * v
		}
	}
	n := float64(count * len(x))
	if m, s := sum/n, math.Sqrt(square/n); math.Abs(m) > 0.04 || math.Abs(s-2) > 0.03 {
		t.Errorf("noise of mean %g and standard deviation %g, want 0 and 2", m, s)
	}
}

// The survey has the statistics of the reference files, which were made by the same
// formulas with other random numbers.
func TestStampsLikeReference(t *testing.T) {
	const dir = "../../../shared/data/reference/"
	f := NewField(1, stampSide, 600)
	n := stampSide * stampSide
	for _, c := range []struct {
		file string
		draw func(int, []float64)
	}{{"psf-true-100.npy", f.Galaxy}, {"psf-psfs-100.npy", f.PSF}} {
		a, err := imageio.ReadNpy(dir + c.file)
		if err != nil {
			t.Skip(err)
		}
		var want, got, wantPeak, gotPeak []float64
		x := make([]float64, n)
		for i := range 400 {
			c.draw(i, x)
			_, size, _, _ := moments(x, stampSide)
			got, gotPeak = append(got, size), append(gotPeak, slices.Max(x))
		}
		for i := range 100 {
			ref := a.Data[i*n : (i+1)*n]
			_, size, _, _ := moments(ref, stampSide)
			want, wantPeak = append(want, size), append(wantPeak, slices.Max(ref))
		}
		t.Logf("%s: size %.3f here %.3f, peak %.4f here %.4f", c.file, median(want), median(got), median(wantPeak), median(gotPeak))
		if g, w := median(got), median(want); math.Abs(g-w) > 0.12*w {
			t.Errorf("%s: median size %g pixels, of the reference %g", c.file, g, w)
		}
		if g, w := median(gotPeak), median(wantPeak); math.Abs(g-w) > 0.25*w {
			t.Errorf("%s: median peak %g, of the reference %g", c.file, g, w)
		}
	}
}

func BenchmarkGalaxy(b *testing.B) {
	f := NewField(1, stampSide, 600)
	x := make([]float64, stampSide*stampSide)
	for i := 0; b.Loop(); i++ {
		f.Galaxy(i, x)
	}
}
