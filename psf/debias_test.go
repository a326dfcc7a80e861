package psf

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A stamp with a pedestal loses it, one that is too faint gains a factor, at both borders, with
// weights, masked pixels and pixels that are NaN. The blurred stamp then has the observed flux.
func TestDebias(t *testing.T) {
	const side, n = 9, 81
	r := rand.New(rand.NewPCG(5, 5))
	psfs := []float64{0.05, 0.1, 0.05, 0.1, 0.3, 0.1, 0.1, 0.1, 0.1}
	truth := make([]float64, n)
	for i := range truth {
		if a, b := i/side-4, i%side-4; a*a+b*b <= 4 {
			truth[i] = 10 - float64(a*a+2*b*b)
		}
	}
	for _, border := range []Border{Zero, Wrap} {
		for name, weight := range map[string]func(j int) float64{
			"no weights": nil,
			"weights":    func(j int) float64 { return 1e6 * (1 + r.Float64()) },
			"masked":     func(j int) float64 { return float64(j % 7) },
			"NaN":        nil,
		} {
			s := &Stack{Side: side, Total: 1, PSFSide: 3, PSFs: psfs, Data: make([]float64, n)}
			if weight != nil {
				for j := range n {
					s.Weights = append(s.Weights, weight(j))
				}
			}
			residual := make([]float64, n)
			s.Residual(border, 0, truth, residual) // W^(1/2) (0 - H truth)
			for j, v := range residual {
				switch w := s.weight(j); {
				case math.IsNaN(v), name == "NaN" && j%5 == 0:
					s.Data[j] = math.NaN()
				default:
					s.Data[j] = -v / math.Sqrt(w)
				}
			}
			debias := s.Debias(border)
			missing := func(x []float64) float64 {
				s.Residual(border, 0, x, residual)
				sum, all := 0.0, 0.0
				for j, v := range residual {
					if !math.IsNaN(v) {
						sum += v * math.Sqrt(s.weight(j))
						all += s.Data[j] * s.weight(j)
					}
				}
				return sum / all
			}
			bright, faint := make([]float64, n), make([]float64, n)
			for j, v := range truth {
				bright[j], faint[j] = v+0.25, 0.9*v
			}
			for what, x := range map[string][]float64{"a pedestal": bright, "a factor": faint} {
				before := math.Abs(missing(x))
				debias(0, x)
				if left := math.Abs(missing(x)); before < 0.05 || left > 1e-12 {
					t.Errorf("%s, %s, %s: %g of the flux was missing, and %g is", border, name, what, before, left)
				}
				for j, v := range x {
					if math.Abs(v-truth[j]) > 1e-11 {
						t.Errorf("%s, %s, %s: pixel %d is %g, want %g", border, name, what, j, v, truth[j])
						break
					}
				}
			}
			// What has no answer stays as it is.
			nothing := make([]float64, n)
			debias(0, nothing)
			for j := range s.Data {
				s.Data[j] = -s.Data[j]
			}
			same := append([]float64(nil), truth...)
			debias(0, same)
			for j := range n {
				if nothing[j] != 0 || same[j] != truth[j] {
					t.Fatalf("%s, %s: a stamp without an answer was changed", border, name)
				}
			}
		}
	}
}
