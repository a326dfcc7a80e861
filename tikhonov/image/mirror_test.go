package image

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// tilted is a PSF of side 13 that is off its centre by some pixels, and not its own mirror image where skew is not 0.
func tilted(row, col, skew float64) forward.PSF {
	p := forward.PSF{Rows: 13, Cols: 13}
	sum := 0.0
	for i := range 169 {
		r, c := float64(i/13-6)-row, float64(i%13-6)-col
		v := math.Exp(-r*r/(2*2.2*2.2)-c*c/(2*1.6*1.6)) * (1 + skew*math.Tanh(c/2))
		p.Values = append(p.Values, v)
		sum += v
	}
	for i := range p.Values {
		p.Values[i] /= sum
	}
	return p
}

// stars are a few stars of different brightness and width.
func stars(rows, cols int) []float64 {
	x := make([]float64, rows*cols)
	for k := range 12 {
		r0, c0, width := float64(7+23*k%rows), float64(5+31*k%cols), 0.8+0.2*float64(k%4)
		for i := range x {
			r, c := float64(i/cols)-r0, float64(i%cols)-c0
			x[i] += float64(1+k%5) * math.Exp(-(r*r+c*c)/(2*width*width))
		}
	}
	return x
}

// A PSF that is off its centre, or skew, costs a solve, and a trial of a search for lambda, about as few iterations as one
// that is its own mirror image: with every border and rule, on one rank and on three. L-curves are drawn for one of the PSFs.
func TestPSFsOffCentre(t *testing.T) {
	t.Parallel()
	const rows, cols, sigma = 56, 48, 0.02
	borders := map[halo.Border]string{halo.Zero: "zero", halo.Reflect: "reflect", halo.Periodic: "periodic"}
	most := map[halo.Border]int{halo.Zero: 100, halo.Reflect: 20, halo.Periodic: 0} // iterations of a solve
	for name, psf := range map[string]forward.PSF{
		"symmetric": tilted(0, 0, 0), "skew": tilted(0, 0, 0.6), "off by 1": tilted(1, 0, 0), "off by 2": tilted(0, -2, 0), "off by 3": tilted(3, 0, 0),
		"off by 4": tilted(-3, 4, 0), "off by 5": tilted(4, -5, 0), "skew and off": tilted(2, 1, 0.6),
	} {
		if testing.Short() && name != "skew and off" {
			continue
		}
		for border, called := range borders {
			f := &frame{oracle.Frame{Channels: 1, Rows: rows, Cols: cols, PSF: psf}}
			f.Y = oracle.Multiply(f.BlurRows(border), stars(rows, cols))
			for i, v := range oracle.Noise(rand.New(rand.NewPCG(1, 2)), len(f.Y)) {
				f.Y[i] += sigma * v
			}
			rules := []LambdaRule{Fixed, GCV, Discrepancy, LCurve}
			if border != halo.Reflect {
				rules = rules[:1] // nothing else depends on the mirror image
			} else if testing.Short() {
				rules = rules[:2]
			} else if name != "skew and off" {
				rules = rules[:3] // an L-curve takes the most trials
			}
			for _, rule := range rules {
				for _, n := range []int{1, 3} {
					if n == 3 && rule != Fixed {
						continue
					}
					what := fmt.Sprintf("%s, %s border, lambda %s, %d ranks", name, called, rule, n)
					o := Options{Regulariser: forward.Gradient, Border: border, Rule: rule, Lambda: 1e-3, Noise: sigma, MaxIterations: 500}
					err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
						res, err := Solve(ctx, c, p, o)
						if err != nil || c.Rank() > 0 {
							return err
						}
						if limit := most[border]; res.Iterations > limit {
							t.Errorf("%s: %d iterations with %s, want at most %d", what, res.Iterations, res.Method, limit)
						}
						if res.Search == nil {
							return nil
						}
						for _, trial := range res.Search.Trials {
							if trial.Lambda < 1e-4 {
								continue // the corner of an L-curve lies far above
							}
							// The data and a few probe vectors, each with a smaller tolerance in a few steps.
							if limit := 3 * most[border] * (1 + max(1, res.Search.Probes)); trial.Iterations > limit {
								t.Errorf("%s: %d iterations at lambda %.3g with %s, want at most %d", what, trial.Iterations, trial.Lambda, trial.Method, limit)
							}
						}
						return nil
					})
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
			}
		}
	}
}

// Strips beside a reflecting border change the iterations and not the solution: that of a dense
// solve.
func TestStripsOfOnePSF(t *testing.T) {
	const rows, cols = 40, 36
	for _, psf := range []forward.PSF{tilted(2, -3, 0.3), {Rows: 3, Cols: 1, Values: []float64{0.2, 0.3, 0.5}}} {
		f := &frame{oracle.Frame{Channels: 1, Rows: rows, Cols: cols, PSF: psf, Y: skyFrame(t, 1, rows, cols, 0.02, halo.Reflect, nil).Y}}
		o := Options{Method: krylov.RASGMRES, Local: LocalBox, Regulariser: forward.Laplacian, Border: halo.Reflect, Lambda: 1e-2, Tolerance: 1e-10}
		want := f.Exact(t, o.equations())
		for _, n := range []int{1, 2, 3, 4, 7} {
			got, res, err := f.run(t, n, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := oracle.Relative(got, want); d > 1e-8 {
				t.Errorf("%d ranks: off by %.2g after %d iterations", n, d, res.Iterations)
			}
		}
	}
}
