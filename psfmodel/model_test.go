package psfmodel

import (
	"math"
	"path/filepath"
	"testing"

	"tessera/forward"
)

// moffat is the integral over a pixel (1) or a sample of a round profile with a slope, at a place in pixels.
func profile(y, x float64) float64 {
	return math.Pow(1+((y-0.1)*(y-0.1)+(x+0.2)*(x+0.2)*1.3)/6, -3)
}

// Lanczos weights by their formula, for an oracle.
func lanczosAt(samples []float64, t float64) float64 {
	if k := math.Round(t); math.Abs(t-k) < 1e-9 {
		if k < 0 || int(k) >= len(samples) {
			return 0
		}
		return samples[int(k)]
	}
	sinc := func(x float64) float64 { return math.Sin(math.Pi*x) / (math.Pi * x) }
	value, weight := 0.0, 0.0
	for k := int(math.Floor(t)) - 3; k <= int(math.Floor(t))+4; k++ {
		w := sinc(t-float64(k)) * sinc((t-float64(k))/4)
		weight += w
		if k >= 0 && k < len(samples) {
			value += w * samples[k]
		}
	}
	return value / weight
}

// The PSF in pixels against the sums by definition, for odd and even numbers of samples of several sizes.
func TestResamplingByDefinition(t *testing.T) {
	for _, c := range []struct {
		n       int
		step    float64
		optical bool
		size    int
	}{{25, 1, false, 25}, {25, 0.75, false, 19}, {24, 0.5, false, 11}, {21, 1.0 / 3, false, 7}, {20, 0.25, true, 5}, {9, 2, false, 17}} {
		m := &Model{Rows: c.n, Cols: c.n + 1, Step: c.step, Optical: c.optical, Law: &Grid{Rows: []float64{0}, Cols: []float64{0}}}
		image := make([]float64, m.Rows*m.Cols)
		for i := range image {
			image[i] = profile((float64(i/m.Cols)-float64(m.Rows-1)/2)*c.step, (float64(i%m.Cols)-float64(m.Cols-1)/2)*c.step)
		}
		m.Images = [][]float64{image}
		p, err := m.At(3, 4, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows != c.size {
			t.Errorf("%d samples of %g pixels: %d pixels, want %d", c.n, c.step, p.Rows, c.size)
		}
		value := func(y, x float64) float64 { // of the image at a place in pixels from the centre
			column := make([]float64, m.Rows)
			for r := range column {
				column[r] = lanczosAt(image[r*m.Cols:(r+1)*m.Cols], x/c.step+float64(m.Cols-1)/2)
			}
			return lanczosAt(column, y/c.step+float64(m.Rows-1)/2)
		}
		parts := 1
		if c.optical {
			parts = 8 * int(math.Ceil(1/c.step))
		}
		want, sum := make([]float64, len(p.Values)), 0.0
		for i := range want {
			for a := range parts {
				for b := range parts {
					off := func(k int) float64 { return (float64(k)+0.5)/float64(parts) - 0.5 }
					want[i] += value(float64(i/p.Cols-p.Rows/2)+off(a), float64(i%p.Cols-p.Cols/2)+off(b))
				}
			}
			sum += want[i]
		}
		for i := range want {
			if math.Abs(p.Values[i]-want[i]/sum) > 1e-13 {
				t.Fatalf("%d samples of %g pixels: pixel %d is %g, want %g", c.n, c.step, i, p.Values[i], want[i]/sum)
			}
		}
	}
}

// A profile that is sampled finely comes out as itself at the pixels' centres, or as its mean over each pixel: the
// interpolation is good to 1e-3 of the peak for samples of a third of the width.
func TestResamplingIsAccurate(t *testing.T) {
	for _, optical := range []bool{false, true} {
		for _, n := range []int{120, 121} {
			const step = 0.25
			m := &Model{Rows: n, Cols: n, Step: step, Optical: optical, Law: &Grid{Rows: []float64{0}, Cols: []float64{0}}, Images: [][]float64{make([]float64, n*n)}}
			at := func(i int) float64 { return (float64(i) - float64(n-1)/2) * step }
			for i := range m.Images[0] {
				m.Images[0][i] = profile(at(i/n), at(i%n))
			}
			p := m.resampler(9).psf(m.Images[0])
			for i, got := range p.Values {
				want, parts := 0.0, 1
				if optical {
					parts = 40
				}
				for a := range parts {
					for b := range parts {
						off := func(k int) float64 { return (float64(k)+0.5)/float64(parts) - 0.5 }
						want += profile(float64(i/9-4)+off(a), float64(i%9-4)+off(b)) / float64(parts*parts)
					}
				}
				if math.Abs(got-want) > 1e-3 {
					t.Errorf("%d samples, optical %t: pixel %d is %g, want %g", n, optical, i, got, want)
				}
			}
		}
	}
}

// The model as terms of a varying blur has the PSF of the model at every pixel, wherever the frame begins.
func TestVaryingIsTheModel(t *testing.T) {
	grid := &Grid{Rows: []float64{3, 40}, Cols: []float64{-5, 20, 31}}
	polynomial := &Polynomial{Degree: 2, Zero: [2]float64{20, 15}, Scale: [2]float64{50, 40}}
	for _, law := range []Law{grid, polynomial} {
		m := &Model{Rows: 13, Cols: 13, Step: 0.5, Law: law}
		for k := range law.Images() {
			image := make([]float64, 169)
			for i := range image {
				image[i] = profile(float64(i/13-6)/2*(1+0.1*float64(k)), float64(i%13-6)/2)
				if law == polynomial && k > 0 {
					image[i] *= 0.2 * math.Cos(float64(k+i))
				}
			}
			m.Images = append(m.Images, image)
		}
		first := [2]float64{2, -7}
		v, err := m.Varying(45, 50, first, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range [][2]int{{0, 0}, {44, 49}, {1, 2}, {17, 33}, {38, 27}} {
			want, err := m.At(first[0]+float64(at[0]), first[1]+float64(at[1]), 0)
			if err != nil {
				t.Fatal(err)
			}
			got := v.At(at[0], at[1])
			for i, w := range want.Values {
				if math.Abs(got.Values[i]-w) > 1e-14 {
					t.Fatalf("%s at %v: value %d is %g, want %g", law.Describe(), at, i, got.Values[i], w)
				}
			}
		}
	}
}

// What WriteGrid writes is read back as the same PSFs at the same places.
func TestWrittenGrid(t *testing.T) {
	g := &Grid{Rows: []float64{10.5, 300}, Cols: []float64{0, 50.25, 99}}
	var psfs []forward.PSF
	for k := range g.Images() {
		p := forward.PSF{Rows: 5, Cols: 7}
		for i := range 35 {
			p.Values = append(p.Values, odd(k, i/7, i%7))
		}
		psfs = append(psfs, p)
	}
	path := filepath.Join(t.TempDir(), "grid.fits")
	if err := WriteGrid(path, g, psfs, "a line"); err != nil {
		t.Fatal(err)
	}
	m, err := Read(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Format != STPSF || m.Step != 1 {
		t.Errorf("read as %s with samples of %g pixels", m.Format, m.Step)
	}
	for i, r := range g.Rows {
		for j, c := range g.Cols {
			got := m.Samples(r, c)
			for s, w := range psfs[i*3+j].Values {
				if got[s] != w {
					t.Fatalf("node (%d, %d), sample %d: %g, want %g", i, j, s, got[s], w)
				}
			}
		}
	}
}

// One image is the PSF of every pixel, and an even one is brought to an odd size.
func TestKernelModel(t *testing.T) {
	path := cubeFile(t, [3]int{4, 5, 1}, func(_, r, c int) float64 { return profile(float64(r-2), float64(c)-1.5) })
	m, err := Read(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Format != Kernel || m.Rows != 5 || m.Cols%2 == 0 || len(m.Notes) == 0 {
		t.Errorf("%s, %d x %d samples, notes %q", m.Format, m.Rows, m.Cols, m.Notes)
	}
	a, err1 := m.At(0, 0, 0)
	b, err2 := m.At(1000, -3, 3)
	if err1 != nil || err2 != nil || b.Rows != 3 || b.Cols != 3 {
		t.Fatal(err1, err2, b.Rows, b.Cols)
	}
	if r := a.Values[2*a.Cols+a.Cols/2] / b.Values[4]; !(r < 1 && r > 0.5) {
		t.Errorf("cut to 3 x 3 pixels the PSF is not normalised again: the ratio of the centres is %g", r)
	}
}

// A grid is said with six digits, whatever its places are.
func TestGridDescribe(t *testing.T) {
	g := &Grid{Rows: []float64{397.0 / 6, 1997.0 / 6}, Cols: []float64{0, 1e5 / 3}}
	if got, want := g.Describe(), "bilinear between 2 x 2 places, rows 66.1667 to 332.833 and columns 0 to 33333.3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
