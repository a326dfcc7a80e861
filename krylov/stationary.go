package krylov

import (
	"context"
	"math"
	"slices"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// A residual that has grown by divergedGrowth over its smallest value, or over the
// start, is taken to grow for ever: the sweep has an eigenvalue outside the unit circle.
const divergedGrowth = 20

// fewRates is how many ratios of steps the rate of a stationary iteration is taken from, the
// largest. It is taken to be nearer to 1 while there are fewer.
const fewRates = 3

// Stationary repeats x += P (b - A x): with P restricted additive Schwarz, the
// decomposed sweep of D3L with the coupling of the whole matrix kept. Its fixed
// point is the solution; that it gets there is a theorem for M-matrices only
// (Frommer and Szyld, Numer. Math. 83 (1999) 259), so a growing residual ends it
// with Status Diverged; one in which nothing moves but by rounding ends with Status
// Stagnated. One sweep costs one application of p and a. Collective: see the
// package comment for the errors.
func Stationary(ctx context.Context, comm ranks.Comm, a Operator, p Preconditioner, x, b []float64, c Control) (*Report, error) {
	return sweep(ctx, comm, a, x, b, c, func(r, z []float64) error {
		if err := p.Apply(z, r); err != nil {
			return err
		}
		linalg.Axpy(1, z, x)
		return subtract(a, r, b, x)
	})
}

// Multiplicative sweeps over the colours one after the other, each local solve on
// the newest residual: block Gauss-Seidel on overlapping blocks. The objective
// falls at every step, for any overlap, as long as subdomains of one colour do not
// couple. One sweep costs one round of local solves and Colours() applications of a.
// Collective: see the package comment for the errors.
func Multiplicative(ctx context.Context, comm ranks.Comm, a Operator, p Colours, x, b []float64, c Control) (*Report, error) {
	return sweep(ctx, comm, a, x, b, c, func(r, z []float64) error {
		for colour := range p.Colours() {
			if err := p.ApplyColour(colour, z, r); err != nil {
				return err
			}
			linalg.Axpy(1, z, x)
			if err := subtract(a, r, b, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// subtract sets r = b - A x.
func subtract(a Operator, r, b, x []float64) error {
	if err := a.Apply(r, x); err != nil {
		return err
	}
	sub(r, b, r)
	return nil
}

// sweep repeats step, which advances x and leaves the true residual in r, until
// the error is small enough. Without LambdaMin the error is estimated from the
// length of the last step and the observed rate rho: rho/(1-rho) ||dx||. rho is the largest
// of the last few.
func sweep(ctx context.Context, comm ranks.Comm, a Operator, x, b []float64, c Control, step func(r, z []float64) error) (*Report, error) {
	if err := ranks.AgreeError(comm, c.check(a, x, b)); err != nil {
		return nil, err
	}
	t := &team{ctx: ctx, comm: comm}
	report := &Report{Certified: c.LambdaMin > 0}
	return t.outcome(report, sweeps(t, report, a, x, b, c.withDefaults(), step))
}

// sweeps leaves in report how the iteration ended; an error is one of the operator,
// the subdomains, the communication or the context.
func sweeps(t *team, report *Report, a Operator, x, b []float64, c Control, step func(r, z []float64) error) error {
	g := gauge{tolerance: c.Tolerance, lambdaMin: c.LambdaMin, likely: c.LambdaLikely, inverse: c.Inverse}
	r, z, before := make([]float64, len(b)), make([]float64, len(b)), make([]float64, len(b))
	if err := subtract(a, r, b, x); err != nil {
		return err
	}
	bb, rr := linalg.Dot(b, b), linalg.Dot(r, r)
	if err := t.sum(&bb, &rr); err != nil {
		return err
	}
	if bb == 0 {
		clear(x)
		report.History = []float64{0}
		report.Status = Converged
		return nil
	}
	g.bnorm = math.Sqrt(bb)
	start := math.Sqrt(rr)
	smallest, lastStep, still := start, 0.0, newPlateau()
	var rates []float64 // of the lengths of steps
	report.History = append(report.History, start/g.bnorm)
	for {
		copy(before, x)
		if err := step(r, z); err != nil {
			return err
		}
		report.Iterations++
		sub(before, x, before)
		rr, xx, dd := linalg.Dot(r, r), linalg.Dot(x, x), linalg.Dot(before, before)
		if err := t.sum(&rr, &xx, &dd); err != nil {
			return err
		}
		rnorm, length := math.Sqrt(rr), math.Sqrt(dd)
		rho := 1.0
		if lastStep > 0 {
			rates = append(rates, length/lastStep)
			rho = slices.Max(rates[max(0, len(rates)-fewRates):])
		}
		if len(rates) < fewRates {
			rho = math.Sqrt(rho) // which is nearer to 1, where it is below
		}
		lastStep = length
		report.Residual = rnorm / g.bnorm
		report.History = append(report.History, report.Residual)
		report.ErrorBound = g.bound(farAlong, math.Sqrt(xx), rnorm, length*rho, math.Max(1-rho, 1e-300))
		report.Certified = g.certifies(report.ErrorBound)
		if c.Progress != nil {
			target := 0.0
			if c.LambdaMin > 0 {
				target = g.residualFor(math.Sqrt(xx)) / g.bnorm
			}
			c.tell(report.Iterations, report.Residual, target)
		}
		if c.Monitor != nil {
			stop, err := c.Monitor(report.Iterations, x)
			if err != nil {
				return err
			}
			if stop {
				report.Status = Converged
				return nil
			}
		}
		if report.ErrorBound <= c.Tolerance {
			report.Status = Converged
			return nil
		}
		smallest = math.Min(smallest, rnorm)
		if math.IsNaN(rnorm) || rnorm > divergedGrowth*smallest {
			report.Status = Diverged
			return nil
		}
		if still.reached(rnorm, length, math.Sqrt(xx)) {
			report.Status = Stagnated
			return nil
		}
		if report.Iterations >= c.MaxIterations {
			report.Status = IterationLimit
			return nil
		}
	}
}
