package krylov

import (
	"context"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// reorthogonalise is the drop of a new Krylov vector's norm under which the
// Gram-Schmidt step is repeated. Twice is enough (Daniel, Gragg, Kaufman and
// Stewart, Math. Comp. 30 (1976) 772); with a laxer bound the classical form loses
// the basis after a dozen vectors.
const reorthogonalise = 0.7

// GMRES solves A x = b by restarted GMRES, preconditioned from the right by p, so
// that its residual is that of A x = b. x holds the start on entry and the solution on
// return, also when the error is a *NotConvergedError. One iteration costs one
// application of p and of a, one global sum, and 4k vector reads at depth k; the
// memory is one vector per Krylov direction and three more. Collective: see the package
// comment for the errors.
// Saad and Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856.
//
// A preconditioner that rounds to single precision (SinglePrecision) is not quite
// linear, and P(Vy) not quite sum y_k P v_k. Its results are then kept as well, in
// float32, and the correction is formed from them: flexible GMRES,
// Saad, SIAM J. Sci. Comput. 14 (1993) 461.
func GMRES(ctx context.Context, comm ranks.Comm, a Operator, p Preconditioner, x, b []float64, c Control) (*Report, error) {
	if err := ranks.AgreeError(comm, c.check(a, x, b)); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	g := &gmres{
		Control: c, a: a, p: p, x: x, b: b,
		team:  team{ctx: ctx, comm: comm},
		gauge: gauge{tolerance: c.Tolerance, lambdaMin: c.LambdaMin, likely: c.LambdaLikely, inverse: c.Inverse},
		z:     make([]float64, a.Len()),
		theta: 1,
	}
	if s, ok := p.(SinglePrecision); ok {
		g.flexible = s.SinglePrecision()
	}
	return g.team.outcome(&g.report, g.run())
}

type gmres struct {
	Control
	team  team
	gauge gauge
	a     Operator
	p     Preconditioner
	x, b  []float64

	v        [][]float64 // Krylov vectors, v[0] also holds the true residual between cycles
	z        []float64
	zs       [][]float32 // P v[k] where flexible
	flexible bool
	r        [][]float64 // r[j][:j+1]: column j of the triangular factor of the Hessenberg matrix
	cs, sn   []float64   // its Givens rotations
	rhs      []float64   // rotated right-hand side
	theta    float64
	report   Report
}

// run leaves in report how the iteration ended; an error is one of the operator, the
// preconditioner, the communication or the context.
func (g *gmres) run() error {
	rnorm, xnorm, err := g.residual()
	if err != nil {
		return err
	}
	bb := linalg.Dot(g.b, g.b)
	if err := g.team.sum(&bb); err != nil {
		return err
	}
	g.gauge.bnorm = math.Sqrt(bb)
	g.report.Certified = g.LambdaMin > 0
	if bb == 0 {
		clear(g.x)
		g.report.History = []float64{0}
		g.report.Status = Converged
		return nil
	}
	g.report.History = append(g.report.History, rnorm/g.gauge.bnorm)
	if rnorm == 0 {
		g.report.Status = Converged
		return nil
	}
	target := 0.0
	for {
		before := rnorm
		stop, err := g.cycle(rnorm, xnorm, target)
		if err != nil {
			return err
		}
		if rnorm, xnorm, err = g.residual(); err != nil {
			return err
		}
		znorm := 0.0
		if g.LambdaMin == 0 {
			if err := g.p.Apply(g.z, g.v[0]); err != nil {
				return err
			}
			zz := linalg.Dot(g.z, g.z)
			if err := g.team.sum(&zz); err != nil {
				return err
			}
			znorm = math.Sqrt(zz)
		}
		bound := g.gauge.bound(g.report.Iterations, xnorm, rnorm, znorm, g.theta)
		g.report.Residual = rnorm / g.gauge.bnorm
		g.report.ErrorBound, g.report.Certified = bound, g.gauge.certifies(bound)
		switch {
		case stop || bound <= g.Tolerance:
			g.report.Status = Converged
			return nil
		case g.report.Iterations >= g.MaxIterations:
			g.report.Status = IterationLimit
			return nil
		case rnorm > 0.99*before:
			g.report.Status = Stagnated
			g.report.Rounding = g.gauge.lost(bound, xnorm)
			return nil
		}
		target = rnorm * 0.5 * g.Tolerance / bound
	}
}

// residual puts b - A x into v[0] and returns its norm and that of x.
func (g *gmres) residual() (rnorm, xnorm float64, err error) {
	v := g.vector(0)
	xx := linalg.Dot(g.x, g.x)
	if err := g.team.sum(&xx); err != nil {
		return 0, 0, err
	}
	if xx == 0 {
		copy(v, g.b)
	} else {
		if err := g.a.Apply(v, g.x); err != nil {
			return 0, 0, err
		}
		sub(v, g.b, v)
	}
	rr := linalg.Dot(v, v)
	if err := g.team.sum(&rr); err != nil {
		return 0, 0, err
	}
	return math.Sqrt(rr), math.Sqrt(xx), nil
}

// vector returns Krylov vector k, made when first asked for.
func (g *gmres) vector(k int) []float64 {
	for len(g.v) <= k {
		g.v = append(g.v, make([]float64, g.a.Len()))
	}
	return g.v[k]
}

// cycle runs up to Restart iterations from the residual in v[0] and adds the
// correction to x. target is the residual norm to reach, 0 if it has yet to be
// found from the first step; stop is what Monitor returned.
func (g *gmres) cycle(beta, xnorm, target float64) (stop bool, err error) {
	linalg.Scale(1/beta, g.v[0])
	g.r, g.cs, g.sn, g.rhs = g.r[:0], g.cs[:0], g.sn[:0], append(g.rhs[:0], beta)
	k := 0
	for k < g.Restart && g.report.Iterations < g.MaxIterations && !stop {
		if err := g.p.Apply(g.z, g.v[k]); err != nil {
			return false, err
		}
		if g.flexible {
			g.keep(k)
		}
		w := g.vector(k + 1)
		if err := g.a.Apply(w, g.z); err != nil {
			return false, err
		}
		norm, znorm, err := g.orthogonalise(k, w)
		if err != nil {
			return false, err
		}
		if target == 0 {
			target = g.firstTarget(xnorm, beta, znorm)
		}
		g.rotate(k, norm)
		k++
		g.report.Iterations++
		res := math.Abs(g.rhs[k])
		g.report.History = append(g.report.History, res/g.gauge.bnorm)
		g.tell(g.report.Iterations, res/g.gauge.bnorm, target/g.gauge.bnorm)
		if g.Monitor != nil {
			x := append([]float64(nil), g.x...)
			if err := g.correct(x, k); err != nil {
				return false, err
			}
			if stop, err = g.Monitor(g.report.Iterations, x); err != nil {
				return false, err
			}
		}
		if res <= target || norm == 0 {
			break
		}
		linalg.Scale(1/norm, w)
	}
	if theta := smallestSingular(g.r, k); g.theta == 0 || theta < g.theta { // a short cycle sees less
		g.theta = theta
	}
	return stop, g.correct(g.x, k)
}

// firstTarget guesses the residual to reach from the first preconditioned vector:
// ||x|| is about ||P b||. The true test after the cycle corrects the guess.
func (g *gmres) firstTarget(xnorm, beta, znorm float64) float64 {
	if xnorm == 0 {
		xnorm = beta * znorm
	}
	if g.LambdaMin > 0 {
		return 0.9 * g.gauge.residualFor(xnorm)
	}
	return 0.3 * g.Tolerance * xnorm / znorm
}

// orthogonalise makes w orthogonal to v[0..k] by classical Gram-Schmidt, the k+1
// dot products and ||w|| in one global sum, repeated if little of w is left. It
// stores the coefficients as column k of the Hessenberg matrix and returns the
// norm left and, for k = 0, ||z||.
func (g *gmres) orthogonalise(k int, w []float64) (norm, znorm float64, err error) {
	h := make([]float64, k+1, k+4)
	sums := make([]float64, k+3)
	linalg.MultiDot(sums[:k+1], g.v[:k+1], w)
	sums[k+1] = linalg.Dot(w, w)
	if k == 0 {
		sums[k+2] = linalg.Dot(g.z, g.z)
	}
	if err := g.team.sumSlice(sums); err != nil {
		return 0, 0, err
	}
	ww := sums[k+1]
	znorm = math.Sqrt(sums[k+2])
	if !(ww <= math.MaxFloat64) {
		return 0, 0, &OverflowError{Iteration: g.report.Iterations + 1}
	}
	for {
		left := ww
		for j := range h {
			h[j] += sums[j]
			left -= sums[j] * sums[j]
			sums[j] = -sums[j]
		}
		linalg.MultiAxpy(w, sums[:k+1], g.v[:k+1])
		if left > reorthogonalise*reorthogonalise*ww {
			norm = math.Sqrt(left)
			break
		}
		linalg.MultiDot(sums[:k+1], g.v[:k+1], w)
		sums[k+1] = linalg.Dot(w, w)
		if err := g.team.sumSlice(sums[:k+2]); err != nil {
			return 0, 0, err
		}
		if sums[k+1] <= 1e-30*ww { // w lies in the space to the last digit
			norm = 0
			break
		}
		ww = sums[k+1]
	}
	g.r = append(g.r, h)
	return norm, znorm, nil
}

// rotate brings column k to triangular form; below is its subdiagonal element.
func (g *gmres) rotate(k int, below float64) {
	h := g.r[k]
	for j := range k {
		h[j], h[j+1] = g.cs[j]*h[j]+g.sn[j]*h[j+1], -g.sn[j]*h[j]+g.cs[j]*h[j+1]
	}
	d := math.Hypot(h[k], below)
	c, s := 1.0, 0.0
	if d > 0 {
		c, s = h[k]/d, below/d
	}
	h[k] = d
	g.cs, g.sn = append(g.cs, c), append(g.sn, s)
	g.rhs = append(g.rhs, -s*g.rhs[k])
	g.rhs[k] *= c
}

// correct adds P V y to x, y the least-squares solution of depth k.
func (g *gmres) correct(x []float64, k int) error {
	if k == 0 {
		return nil
	}
	y := append([]float64(nil), g.rhs[:k]...)
	for j := k - 1; j >= 0; j-- {
		y[j] /= g.r[j][j]
		for i := range j {
			y[i] -= g.r[j][i] * y[j]
		}
	}
	if g.flexible {
		for lo := 0; lo < len(x); lo += 2048 { // 2048 numbers of x at a time stay in the cache
			part := x[lo:min(lo+2048, len(x))]
			for j, c := range y {
				z := g.zs[j][lo:][:len(part)]
				for i, v := range z {
					part[i] += c * float64(v)
				}
			}
		}
		return nil
	}
	u := make([]float64, len(x))
	linalg.MultiAxpy(u, y, g.v[:k])
	if err := g.p.Apply(g.z, u); err != nil {
		return err
	}
	linalg.Axpy(1, g.z, x)
	return nil
}

// keep stores z as the preconditioned Krylov vector k.
func (g *gmres) keep(k int) {
	if len(g.zs) == k {
		g.zs = append(g.zs, make([]float32, len(g.z)))
	}
	for i, v := range g.z {
		g.zs[k][i] = float32(v)
	}
}
