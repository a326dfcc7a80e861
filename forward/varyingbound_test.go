package forward_test

import (
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// boundOf is the bound of the norm of the blur of a frame by v.
func boundOf(t *testing.T, rows, cols int, v *forward.VaryingPSF, border halo.Border) (bound float64) {
	t.Helper()
	onOne(t, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, 1)
		if err != nil {
			return err
		}
		h, err := forward.NewVaryingBlur(comm, frame, 1, v, border)
		if err != nil {
			return err
		}
		bound = h.NormBound()
		return nil
	})
	return bound
}

// A PSF has about the same bound however its terms are written: between the corners of the frame, or as the polynomial that is
// the same function and whose terms cancel; with weights of any size that the division by the sum takes away; and for terms
// that sum to 1 near 1.
func TestBoundOfAVaryingBlur(t *testing.T) {
	const rows, cols = 60, 50
	corners := bilinear(2, 2, 9)(rows, cols)
	p := corners.Terms
	combine := func(factors ...float64) forward.PSF {
		out := forward.PSF{Rows: 9, Cols: 9, Values: make([]float64, 81)}
		for k, f := range factors {
			for i, x := range p[k].PSF.Values {
				out.Values[i] += f * x
			}
		}
		return out
	}
	power := func(n, exponent int) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = math.Pow(float64(i)/float64(n-1), float64(exponent))
		}
		return list
	}
	term := func(i, j int, psf forward.PSF) forward.Term {
		return forward.Term{PSF: psf, Rows: power(rows, i), Cols: power(cols, j)}
	}
	polynomial := []forward.Term{
		term(0, 0, combine(1, 0, 0, 0)), term(0, 1, combine(-1, 1, 0, 0)), term(1, 0, combine(-1, 0, 1, 0)), term(1, 1, combine(1, -1, -1, 1)),
	}
	var scaled []forward.Term
	for _, t := range p {
		psf := forward.PSF{Rows: t.PSF.Rows, Cols: t.PSF.Cols}
		for _, x := range t.PSF.Values {
			psf.Values = append(psf.Values, 1e3*x)
		}
		scaled = append(scaled, forward.Term{PSF: psf, Rows: t.Rows, Cols: t.Cols})
	}
	for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
		want := boundOf(t, rows, cols, corners, border)
		if border != halo.Reflect && !(want >= 1 && want < 1.3) {
			t.Errorf("border %d: the bound of a PSF of sum 1 is %.3f, want 1 to 1.3", border, want)
		}
		for name, v := range map[string]*forward.VaryingPSF{
			"polynomial": {Terms: polynomial}, "polynomial of unit sum": {Terms: polynomial, UnitSum: true}, "a thousand times": {Terms: scaled, UnitSum: true},
		} {
			if got := boundOf(t, rows, cols, v, border); !(math.Abs(got-want) < 0.1*want) {
				t.Errorf("border %d, %s: the bound is %.3f, want about %.3f", border, name, got, want)
			}
		}
	}
}
