//go:build !native || !cgo

package pairs

func (b *Box) step(ext, s, g []float64, gamma float64) { b.stepPlain(ext, s, g, gamma) }

func extrapolate(s, x, before []float64, mu float64) { extrapolatePlain(s, x, before, mu) }

func (b *Box) shrink(x, s, ext []float64, mu, reach float64, l Limits) float64 {
	return b.shrinkPlain(x, s, ext, mu, reach, l)
}

func (b *Box) edge(ext, s, g []float64, gamma float64) { b.stepPlain(ext, s, g, gamma) }

func (b *Box) advance(x, s, _, ext []float64, _, mu, reach float64, l Limits) float64 {
	return b.shrinkPlain(x, s, ext, mu, reach, l)
}

func (b *Box) descend(x, ext, g, p []float64, apart int, tau, theta float64, l Limits) {
	b.descendPlain(x, ext, g, p, apart, tau, theta, l)
}

func ascend(p, ext []float64, stride int, sigma, radius float64) {
	ascendPlain(p, ext, stride, sigma, radius)
}

func (b *Box) ascendTogether(p, ext []float64, apart int, sigma, radius float64) {
	b.ascendTogetherPlain(p, ext, apart, sigma, radius)
}

func relax(t, ext []float64, stride int, alpha, radius float64) {
	relaxPlain(t, ext, stride, alpha, radius)
}

func (b *Box) reflected(out, t, ext []float64, apart int, keep, scale, radius float64) {
	b.reflectedPlain(out, t, ext, apart, keep, scale, radius)
}

func residual(r, a, y, w []float64) { residualPlain(r, a, y, w) }

func (b *Box) learned(out, ext, g []float64, moments [][]float64, l *Layer) {
	b.learnedBy(linePlain, addPlain, out, ext, g, moments, l)
}
