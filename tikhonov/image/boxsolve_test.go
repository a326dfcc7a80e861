package image

import (
	"fmt"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
)

func BenchmarkLocal(b *testing.B) {
	g5, _ := forward.Gaussian(5, 1)
	g13, _ := forward.Gaussian(13, 2)
	m11, _ := forward.Moffat(11, 4, 3)
	m41, _ := forward.Moffat(41, 4, 3)
	for _, c := range []struct {
		name    string
		psf     forward.PSF
		q       forward.Regulariser
		lambda  float64
		missing float64
		locals  []string
	}{
		{"g5", g5, forward.Identity, 1e-2, 0.01, []string{"box", "tile", "as-cg", "cg"}},
		{"g5", g5, forward.Identity, 1e-2, 0.3, []string{"box", "tile", "as-cg", "cg"}},
		{"g13", g13, forward.Identity, 1e-5, 0.01, []string{"box", "tile", "as-cg"}},
		{"m11", m11, forward.Gradient, 2e-3, 0.01, []string{"box", "tile", "cg"}},
		{"m11", m11, forward.Gradient, 2e-3, 0.3, []string{"box", "tile", "cg"}},
		{"m41", m41, forward.Gradient, 2e-3, 0.01, []string{"box"}},
		{"none", forward.PSF{}, forward.Gradient, 100, 0.95, []string{"box", "two-level"}},
		{"none", forward.PSF{}, forward.Gradient, 1e-2, 0.3, []string{"box", "tile", "two-level", "cg"}},
	} {
		for _, l := range c.locals {
			o := Options{Regulariser: c.q, Lambda: c.lambda, Border: halo.Reflect, Method: krylov.RASGMRES, Local: Local(l), MaxIterations: 2000}
			if l != "box" && l != "tile" {
				o.Method, o.Local = krylov.Method(l), LocalAuto
			}
			b.Run(fmt.Sprintf("%s/%s/%g/%g/%s", c.name, c.q, c.lambda, c.missing, l), func(b *testing.B) {
				f := randomFrame(1, 1024, 1024, 1)
				f.PSF = c.psf
				f.Mask(c.missing, 1)
				f.bench(b, 2, o)
			})
		}
	}
}
