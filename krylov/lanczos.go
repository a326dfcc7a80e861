package krylov

import "math"

// ritzEvery is how many iterations pass before conjugate gradients compute their smallest
// Ritz value anew, after the first ritzAlways.
const (
	ritzEvery  = 5
	ritzAlways = 40
)

// The smallest Ritz value has settled where it is settledTo of what it was; it is taken as so
// many times smaller where it has not.
const (
	settledTo = 0.8
	unsettled = 10
)

// lanczos is the Lanczos matrix of a run of conjugate gradients, whose smallest eigenvalue,
// the smallest Ritz value, estimates that of the preconditioned matrix from above.
type lanczos struct {
	diag, off           []float64
	theta               float64   // smallest Ritz value of all runs; 0 before the first
	thetas              []float64 // after every iteration
	lastAlpha, lastBeta float64
}

// restart begins a run: the matrix is forgotten, theta is not.
func (l *lanczos) restart() {
	l.diag, l.off, l.lastAlpha, l.lastBeta = l.diag[:0], l.off[:0], 1, 0
}

// step takes the step length alpha of an iteration and the beta of the next direction, by
// Fletcher and Reeves.
func (l *lanczos) step(alpha, beta float64) {
	if len(l.diag) > 0 {
		l.off = append(l.off, math.Sqrt(math.Max(l.lastBeta, 0))/l.lastAlpha)
	}
	l.diag = append(l.diag, 1/alpha+l.lastBeta/l.lastAlpha)
	if len(l.diag) <= ritzAlways || len(l.diag)%ritzEvery == 1 {
		if theta := smallestEigenvalue(l.diag, l.off); l.theta == 0 || theta < l.theta {
			l.theta = theta
		}
	}
	l.thetas = append(l.thetas, l.theta)
	l.lastAlpha, l.lastBeta = alpha, beta
}

// smallest is about the smallest eigenvalue of the preconditioned matrix: theta, and less where
// theta still falls, by more than settledTo in the last quarter of the iterations.
func (l *lanczos) smallest() float64 {
	k := len(l.thetas)
	if k > 2 && l.theta < settledTo*l.thetas[k-1-max(2, k/4)] {
		return l.theta / unsettled
	}
	return l.theta
}
