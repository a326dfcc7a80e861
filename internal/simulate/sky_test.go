package simulate

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

func TestSceneDoesNotSeeTheBoxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 60).Draw(t, "rows"), rapid.IntRange(1, 60).Draw(t, "cols")
		channels := rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		s := Sky(SkyOptions{Seed: rapid.Uint64().Draw(t, "seed"), Rows: rows, Cols: cols, Channels: channels})
		whole := s.Render(Box{0, rows, 0, cols})
		got := make([]float64, len(whole))
		for _, b := range pieces(t, rows, cols) {
			lay(got, s.Render(b), channels, rows, cols, b)
		}
		if !equalBits(got, whole) {
			t.Fatal("the pieces differ from the whole")
		}
	})
}

// The same seed gives the same scene and another seed another one. A scene with more
// objects has all objects of the one with fewer.
func TestSkyIsReproducible(t *testing.T) {
	o := SkyOptions{Seed: 3, Rows: 64, Cols: 64, Galaxies: 5, Stars: 1}
	a, b := Sky(o), Sky(o)
	box := Box{0, 64, 0, 64}
	if !equalBits(a.Render(box), b.Render(box)) {
		t.Error("one seed, two skies")
	}
	o.Seed = 4
	if equalBits(a.Render(box), Sky(o).Render(box)) {
		t.Error("two seeds, one sky")
	}
	o = SkyOptions{Seed: 3, Rows: 64, Cols: 64, Galaxies: 9, Stars: -1}
	for i, ob := range Sky(o).objects[:5] {
		if was := a.objects[i]; ob.row != was.row || ob.col != was.col || ob.re != was.re {
			t.Errorf("galaxy %d moved when others came", i)
		}
	}
}

func TestSkyLooksLikeOne(t *testing.T) {
	for seed := range uint64(5) {
		for _, channels := range []int{1, 3} {
			s := Sky(SkyOptions{Seed: seed, Rows: 300, Cols: 400, Channels: channels})
			data := s.Render(Box{0, 300, 0, 400})
			if len(data) != channels*300*400 {
				t.Fatalf("%d values", len(data))
			}
			top, dark := 0.0, 0
			for _, v := range data {
				if v < 0 || math.IsNaN(v) {
					t.Fatalf("pixel %v", v)
				}
				top = max(top, v)
				if v < 0.01 {
					dark++
				}
			}
			if top < 1-1e-12 || top > 2 {
				t.Errorf("seed %d: peak %v, want about 1", seed, top)
			}
			if share := float64(dark) / float64(len(data)); share < 0.5 || share > 0.99 {
				t.Errorf("seed %d: %v of the frame is dark", seed, share)
			}
		}
	}
	if n := len(Sky(SkyOptions{Rows: 1000, Cols: 1000, Stars: -1}).objects); n != 625 {
		t.Errorf("%d galaxies on a million pixels", n)
	}
	if n := len(Sky(SkyOptions{Rows: 9, Cols: 9, Galaxies: -1, Stars: -1}).objects); n != 0 {
		t.Errorf("%d objects in an empty sky", n)
	}
}

// single is a scene of one galaxy of flux 1, in a frame that contains all of its light.
func single(n, re, q, angle, dr, dc float64) (s *Scene, side int) {
	side = 2 * (int(edge*re) + 3)
	ob := object{row: float64(side/2) + dr, col: float64(side/2) + dc, flux: []float64{1}}
	ob.shape(newProfile(n), re, q, angle)
	return &Scene{Channels: 1, Rows: side, Cols: side, objects: []object{ob}}, side
}

func TestSersic(t *testing.T) {
	for _, n := range []float64{0.5, 1, 1.75, 2.5, 4} {
		for _, shape := range []struct{ re, q, angle, dr, dc float64 }{
			{1, 1, 0, 0, 0}, {1.3, 0.3, 0.4, 0.5, 0.5}, {3, 0.5, 1, 0.2, 0.7}, {12, 0.25, 2.5, 0.9, 0.1}, {18, 0.5, 2.5, 0.9, 0.1}, {25, 1, 0, 0.5, 0},
		} {
			name := fmt.Sprintf("n %v, %+v", n, shape)
			s, side := single(n, shape.re, shape.q, shape.angle, shape.dr, shape.dc)
			ob := &s.objects[0]
			data := s.Render(Box{0, side, 0, side})
			total, half := 0.0, 0.0
			for i, v := range data {
				total += v
				// Pixels inside the half-light ellipse, by their centres.
				if ob.u(float64(i/side)+0.5-ob.row, float64(i%side)+0.5-ob.col) < 1 {
					half += v
				}
			}
			if math.Abs(total-1) > 0.01 {
				t.Errorf("%s: flux %v, want 1", name, total)
			}
			// The ratio of the light inside r to that inside the edge has a closed form:
			// the regularised incomplete gamma function P(2n, b (r/r_e)^(1/n)).
			b := sersicB(n)
			within := func(r float64) float64 { return mathext.GammaIncReg(2*n, b*math.Pow(r, 1/n)) }
			if shape.re*shape.q > 5 {
				if want := within(1) / within(edge); math.Abs(half-want) > 0.02 {
					t.Errorf("%s: %v of the light inside r_e, want %v", name, half, want)
				}
			}
			// Surface brightness against the closed form, away from the centre and where a
			// pixel is small beside the galaxy:
			// F = 2 pi n q r_e^2 I_e e^b b^(-2n) Gamma(2n) for all light.
			ie := 1 / within(edge) / (2 * math.Pi * n * shape.q * shape.re * shape.re * math.Exp(b) * math.Pow(b, -2*n) * math.Gamma(2*n))
			if shape.re*shape.q > 5 {
				for i, v := range data {
					r := math.Sqrt(ob.u(float64(i/side)+0.5-ob.row, float64(i%side)+0.5-ob.col))
					if r < 1 || r > 3 {
						continue
					}
					want := ie * math.Exp(-b*(math.Pow(r, 1/n)-1))
					if math.Abs(v-want) > 0.03*want {
						t.Errorf("%s: brightness at %.2f r_e is %v, want %v", name, r, v, want)
						break
					}
				}
			}
		}
	}
}

// b is where P(2n, b) = 1/2.
func TestSersicB(t *testing.T) {
	for n := 0.5; n <= 4; n += 0.25 {
		if p := mathext.GammaIncReg(2*n, sersicB(n)); math.Abs(p-0.5) > 2e-4 {
			t.Errorf("n = %v: %v of the light inside r_e", n, p)
		}
	}
}

// The major axis has the given angle: there is more light along it than across it.
func TestGalaxyAngle(t *testing.T) {
	s, side := single(1, 6, 0.3, math.Pi/6, 0.5, 0.5)
	data := s.Render(Box{0, side, 0, side})
	at := func(dr, dc float64) float64 {
		r, c := float64(side/2)+0.5+dr, float64(side/2)+0.5+dc
		return data[int(r)*side+int(c)]
	}
	sin, cos := math.Sincos(math.Pi / 6)
	if along, across := at(8*sin, 8*cos), at(8*cos, -8*sin); along < 10*across {
		t.Errorf("%v along the major axis, %v across", along, across)
	}
}

func TestStar(t *testing.T) {
	for _, at := range [][2]float64{{20.5, 20.5}, {20, 20}, {20.3, 20.9}} {
		s := &Scene{Channels: 1, Rows: 40, Cols: 40, objects: []object{{row: at[0], col: at[1], flux: []float64{5}}}}
		total, row, col := 0.0, 0.0, 0.0
		for i, v := range s.Render(Box{0, 40, 0, 40}) {
			total += v
			row += v * (float64(i/40) + 0.5)
			col += v * (float64(i%40) + 0.5)
		}
		// Pixels of this size move the centroid by up to exp(-2 (pi sigma)^2)/pi = 3e-4.
		if math.Abs(total-5) > 1e-9 || math.Abs(row/total-at[0]) > 3e-4 || math.Abs(col/total-at[1]) > 3e-4 {
			t.Errorf("star at %v: flux %v at %v, %v", at, total, row/total, col/total)
		}
	}
}

func TestColours(t *testing.T) {
	if f := colours(2, 0.7, 1); f[0] != 2 {
		t.Errorf("one channel: %v", f)
	}
	f := colours(2, 0.7, 3)
	if math.Abs(f[0]+f[1]+f[2]-6) > 1e-12 || f[0] <= f[1] || f[1] <= f[2] {
		t.Errorf("warm: %v", f)
	}
}

func BenchmarkSky1024x3(b *testing.B) {
	for b.Loop() {
		Sky(SkyOptions{Seed: 1, Rows: 1024, Cols: 1024, Channels: 3}).Render(Box{0, 1024, 0, 1024})
	}
}
