package massmap

import (
	"context"
	"math"
	"os"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/ranks"
)

const arcmin = math.Pi / 180 / 60

func launch(t *testing.T, n int, body func(ctx context.Context, comm ranks.Comm) error) {
	t.Helper()
	if err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, body); err != nil {
		t.Fatal(err)
	}
}

// field is a simulated observation with a hole, and its truth.
func field(comm ranks.Comm, rows, cols int, sigma float64) (*Maps, []float64, error) {
	frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
	if err != nil {
		return nil, nil, err
	}
	m := &Maps{Frame: frame, Pixel: 2 * arcmin}
	truth, err := (&Lognormal{Seed: 1, RMS: 0.02, Width: 0.8, Turn: 1000}).Draw(comm, frame, m.Pixel)
	if err != nil {
		return nil, nil, err
	}
	n := len(truth)
	m.Shear, m.Weights = make([]float64, 2*n), make([]float64, 2*n)
	eachPixel(comm, frame, func(own, whole int) {
		if r, c := whole/cols, whole%cols; r < rows/4 || c > cols/3 {
			for part := range 2 {
				m.Weights[part*n+own] = 1 / (sigma * sigma * (1 + 0.5*math.Sin(float64(whole))))
			}
		}
	})
	s, err := forward.NewShear(comm, frame, 1, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := s.Apply(m.Shear, truth); err != nil {
		return nil, nil, err
	}
	for i, v := range Noise(comm, frame, m.Weights, 7, 0) {
		if m.Shear[i] += v; m.Weights[i] == 0 {
			m.Shear[i] = math.NaN()
		}
	}
	return m, truth, nil
}

// spectrumOf is that of a map.
func spectrumOf(comm ranks.Comm, m *Maps, x []float64) (*Spectrum, error) {
	s, err := forward.NewShear(comm, m.Frame, 1, nil)
	if err != nil {
		return nil, err
	}
	b := NewBands(m.Frame, m.Pixel, 10)
	p, err := b.Measure(comm, s, m.Pixel, x)
	return &Spectrum{b.Ell, p}, err
}

// The Wiener map solves the equation whose matrices are written out, on any number of ranks.
func TestWiener(t *testing.T) {
	const rows, cols = 6, 7
	var want []float64
	for _, n := range []int{1, 2, 3, 7} {
		launch(t, n, func(ctx context.Context, comm ranks.Comm) error {
			m, _, err := field(comm, rows, cols, 0.02)
			if err != nil {
				return err
			}
			spectrum := &Spectrum{[]float64{100, 1000, 10000}, []float64{3e-9, 1e-9, 1e-10}}
			kappa, _, err := m.Wiener(ctx, comm, spectrum, Options{Tolerance: 1e-12})
			if err != nil {
				return err
			}
			whole, err := m.Frame.GatherTo(comm, 0, kappa, 1)
			if err != nil || comm.Rank() != 0 {
				return err
			}
			if n > 1 {
				for i, v := range whole {
					if math.Abs(v-want[i]) > 1e-12 {
						t.Errorf("%d ranks: pixel %d is %g, want %g", n, i, v, want[i])
					}
				}
				return nil
			}
			want = whole
			// The gradient of |N^(-1/2)(D kappa - gamma)|^2 + |S^(-1/2) kappa|^2 is 0: S D'N^-1 (D kappa - gamma) + kappa = 0.
			s, err := forward.NewShear(comm, m.Frame, 1, nil)
			if err != nil {
				return err
			}
			g, back, filtered := make([]float64, 2*len(kappa)), make([]float64, len(kappa)), make([]float64, len(kappa))
			if err := s.Apply(g, kappa); err != nil {
				return err
			}
			for i, w := range m.Weights {
				if w > 0 {
					g[i] = w * (g[i] - m.Shear[i])
				} else {
					g[i] = 0
				}
			}
			if err := s.Adjoint(back, g); err != nil {
				return err
			}
			h := s.Filter(func(k float64) float64 {
				if k == 0 {
					return 0
				}
				return spectrum.At(2*math.Pi*k/m.Pixel) / m.Pixel / m.Pixel
			})
			if err := s.Smooth(filtered, back, h); err != nil {
				return err
			}
			for i, v := range kappa {
				if math.Abs(v+filtered[i]) > 1e-10 {
					t.Errorf("pixel %d: the gradient is %g", i, v+filtered[i])
				}
			}
			return nil
		})
	}
}

// On a simulated field Wiener is nearer to the truth than Kaiser and Squires; the B mode of a shear
// without noise and mask is 0, and with noise as large as it should be.
func TestMaps(t *testing.T) {
	launch(t, 2, func(ctx context.Context, comm ranks.Comm) error {
		m, truth, err := field(comm, 64, 60, 0.03)
		if err != nil {
			return err
		}
		spectrum, err := spectrumOf(comm, m, truth)
		if err != nil {
			return err
		}
		e, b, err := m.KaiserSquires(comm)
		if err != nil {
			return err
		}
		w, _, err := m.Wiener(ctx, comm, spectrum, Options{})
		if err != nil {
			return err
		}
		q, err := Compare(comm, truth, m.Weights, e, w)
		if err != nil {
			return err
		}
		if comm.Rank() == 0 && !(q[1].RMSE < 0.6*q[0].RMSE && q[1].Pearson > q[0].Pearson+0.1) {
			t.Errorf("Kaiser and Squires %+v, Wiener %+v", q[0], q[1])
		}
		only := *m
		only.Shear = Noise(comm, m.Frame, m.Weights, 8, 1)
		_, noise, err := only.KaiserSquires(comm)
		if err != nil {
			return err
		}
		sums := []float64{0, 0}
		for i := range b {
			sums[0] += b[i] * b[i]
			sums[1] += noise[i] * noise[i]
		}
		if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return err
		}
		// The mask turns some E into B.
		if r := math.Sqrt(sums[0] / sums[1]); r < 0.9 || r > 1.3 {
			t.Errorf("the B mode is %.2f times that of noise", r)
		}
		return nil
	})
}

// White noise has the power of its variance in every band, and a peak is counted once.
func TestBands(t *testing.T) {
	launch(t, 3, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{48, 50}, comm.Size())
		if err != nil {
			return err
		}
		m := &Maps{Frame: frame, Pixel: arcmin}
		n := frame.Owned(comm.Rank()).Size()
		w := make([]float64, 2*n)
		for i := range w {
			w[i] = 1 / 0.09
		}
		x := Noise(comm, frame, w, 1, 0)[:n]
		s, err := spectrumOf(comm, m, x)
		if err != nil {
			return err
		}
		for i, n := range NewBands(frame, m.Pixel, 10).Modes {
			if r := s.Power[i] / (0.09 * arcmin * arcmin); math.Abs(r-1) > 4*math.Sqrt(2/n) { // half of the modes are conjugates of others
				t.Errorf("band %d at %g: %.2f times the power of white noise", i, s.Ell[i], r)
			}
		}
		clear(x)
		eachPixel(comm, frame, func(own, whole int) {
			switch whole {
			case 0:
				x[own] = 5
			case 30*50 + 20:
				x[own] = 3
			case 30*50 + 21:
				x[own] = 2.9
			}
		})
		got, err := Peaks(comm, frame, x, []float64{2, 4})
		if err == nil && (got[0] != 2 || got[1] != 1) {
			t.Errorf("peaks %v, want 2 and 1", got)
		}
		return err
	})
}

// A spectrum is straight in the logarithms and constant beyond its ends.
func TestSpectrum(t *testing.T) {
	s := &Spectrum{[]float64{10, 1000}, []float64{1, 1e-4}}
	for ell, want := range map[float64]float64{1: 1, 10: 1, 100: 1e-2, 1000: 1e-4, 1e5: 1e-4} {
		if got := s.At(ell); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("C(%g) = %g, want %g", ell, got, want)
		}
	}
	for _, bad := range []*Spectrum{{}, {[]float64{2, 1}, []float64{1, 1}}, {[]float64{1}, []float64{0}}, {[]float64{1, 2}, []float64{1}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// The real mask and noise of COSMOS on a simulated sky: the Wiener map is as near to the truth as the
// published one, which is 2.2226e-2 with a correlation of 0.651 measured in this way.
func TestCOSMOS(t *testing.T) {
	const dir = "../../../shared/data/massmapping/"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no data: ", err)
	}
	read := func(name string) []float64 {
		f, err := imageio.ReadFrame(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		return f.Data
	}
	truth, mask := read("ktng_kappa360v2.fits"), read("cosmos_full_mask_0.29arcmin360.fits")
	std := [2][]float64{read("std1.fits"), read("std2.fits")}
	table, err := imageio.ReadNpy(dir + "ktng_PS_theory.npy")
	if err != nil {
		t.Fatal(err)
	}
	n := len(table.Data) / 2
	draws := 3
	if testing.Short() {
		draws = 1
	}
	launch(t, 1, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{360, 360}, 1)
		if err != nil {
			return err
		}
		m := &Maps{Frame: frame, Pixel: 0.29 * arcmin, Weights: make([]float64, 2*len(truth))}
		for i, v := range mask {
			for part := range 2 {
				if v > 0 {
					m.Weights[part*len(truth)+i] = 1 / (std[part][i] * std[part][i])
				}
			}
		}
		s, err := forward.NewShear(comm, frame, 1, nil)
		if err != nil {
			return err
		}
		m.Shear = make([]float64, 2*len(truth))
		filter, err := m.NewFilter(comm, &Spectrum{table.Data[:n], table.Data[n:]}, Options{})
		if err != nil {
			return err
		}
		rmse, pearson := 0.0, 0.0
		for k := range draws {
			if err := s.Apply(m.Shear, truth); err != nil {
				return err
			}
			for i, v := range Noise(comm, frame, m.Weights, 11, k) {
				m.Shear[i] += v
			}
			w, report, err := filter.Map(ctx, m.Shear)
			if err != nil {
				return err
			}
			q, err := Compare(comm, truth, m.Weights, w)
			if err != nil {
				return err
			}
			t.Logf("draw %d: %d iterations, RMSE %.4e, correlation %.3f", k, report.Iterations, q[0].RMSE, q[0].Pearson)
			rmse, pearson = rmse+q[0].RMSE/float64(draws), pearson+q[0].Pearson/float64(draws)
		}
		if math.Abs(rmse/2.223e-2-1) > 0.015 || math.Abs(pearson-0.651) > 0.01 {
			t.Errorf("RMSE %.4e, correlation %.3f", rmse, pearson)
		}
		return nil
	})
}
