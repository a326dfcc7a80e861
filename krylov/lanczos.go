package krylov

import "math"

// ritzEvery is how many iterations pass before conjugate gradients compute their smallest
// Ritz value anew.
const ritzEvery = 5

// lanczos is the Lanczos matrix of a run of conjugate gradients, whose smallest eigenvalue,
// the smallest Ritz value, estimates that of the preconditioned matrix from above.
type lanczos struct {
	diag, off           []float64
	theta               float64 // smallest Ritz value; +Inf before the first
	lastAlpha, lastBeta float64
}

// restart forgets the matrix, before a run.
func (l *lanczos) restart() {
	*l = lanczos{diag: l.diag[:0], off: l.off[:0], theta: math.Inf(1), lastAlpha: 1}
}

// step takes the step length alpha of an iteration and the beta of the next direction, by
// Fletcher and Reeves.
func (l *lanczos) step(alpha, beta float64) {
	if len(l.diag) > 0 {
		l.off = append(l.off, math.Sqrt(math.Max(l.lastBeta, 0))/l.lastAlpha)
	}
	l.diag = append(l.diag, 1/alpha+l.lastBeta/l.lastAlpha)
	if len(l.diag)%ritzEvery == 1 {
		l.theta = smallestEigenvalue(l.diag, l.off)
	}
	l.lastAlpha, l.lastBeta = alpha, beta
}
