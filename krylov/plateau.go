package krylov

import "math"

// patience is after how many sweeps without a smaller residual or a smaller step a
// stationary iteration is taken to have ended. A slow one gets smaller in every sweep; one
// that rounding stops soon has no new smallest value.
const patience = 50

// plateau finds when a stationary iteration no longer moves.
type plateau struct {
	residual, length float64 // the smallest so far
	since            int     // sweeps since one of them fell
}

func newPlateau() *plateau { return &plateau{residual: math.Inf(1), length: math.Inf(1)} }

// reached is told ||r||, the length of the step and ||x|| after each sweep. It returns true
// once the step is lost in the rounding of x, or nothing has fallen for patience sweeps.
func (p *plateau) reached(residual, length, xnorm float64) bool {
	const epsilon = 0x1p-53
	p.since++
	if residual < p.residual || length < p.length {
		p.since = 0
	}
	p.residual, p.length = math.Min(p.residual, residual), math.Min(p.length, length)
	return length <= epsilon*xnorm || p.since >= patience
}
