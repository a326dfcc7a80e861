package tv

import (
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// rounds is how often p is shortened and made feasible again before the dual value is taken;
// each round moves p closer to both demands.
const rounds = 6

// gauge measures costs and duality gaps; see the package's comment.
type gauge struct {
	comm     ranks.Comm
	fid      *fidelity
	field    *field
	diff     *forward.Differences
	poisson  *poisson
	bounds   *Bounds
	penalty  Penalty
	coupled  bool
	channels int
	ones     []float64 // channels x channels: sums over channel i of A'W A 1_j
	solved   int       // equations of Poisson, of all gaps
}

// standing is what a gauge finds of an iterate.
type standing struct {
	cost, misfit, tv, excess float64
	gap                      float64 // cost minus the dual value
	bias                     float64 // lambda TV(x) - <p, D x>: what of the gap an iteration cannot reduce whose limit is not the minimum
}

// newGauge finds the channels' sums of A'W A 1. Collective.
func newGauge(comm ranks.Comm, p *Problem, o *Options, fid *fidelity, f *field) (*gauge, error) {
	border := halo.Reflect
	if p.Periodic {
		border = halo.Periodic
	}
	diff, err := forward.NewDifferences(comm, p.Frame, p.Channels, border)
	if err != nil {
		return nil, err
	}
	g := &gauge{
		comm: comm, fid: fid, field: f, diff: diff, bounds: o.Bounds,
		penalty: o.Penalty, coupled: o.Coupled, channels: p.Channels,
	}
	if g.pixelwise() {
		return g, nil
	}
	g.poisson = newPoisson(comm, p.Frame, p.Channels, p.Periodic)
	g.ones = make([]float64, p.Channels*p.Channels)
	x, ax := make([]float64, p.Channels*f.cells), make([]float64, len(p.Data))
	for j := range p.Channels {
		clear(x)
		for i := range f.cells {
			x[j*f.cells+i] = 1
		}
		if err := fid.apply(ax, x); err != nil {
			return nil, err
		}
		fid.w.Apply(ax)
		if err := fid.adjoint(x, ax); err != nil {
			return nil, err
		}
		for i, s := range g.channelSums(x) {
			g.ones[i*p.Channels+j] = s
		}
	}
	return g, comm.Allreduce(g.ones, g.ones, ranks.Sum)
}

// pixelwise tells whether the dual value has a closed form for every p.
func (g *gauge) pixelwise() bool { return g.fid.a == nil && g.fid.weakest > 0 }

// channelSums are this rank's sums over each channel.
func (g *gauge) channelSums(x []float64) []float64 {
	sums := make([]float64, g.channels)
	for c := range sums {
		for _, v := range x[c*g.field.cells : (c+1)*g.field.cells] {
			sums[c] += v
		}
	}
	return sums
}

// stand measures an iterate x, given A x and p, axes x channels x owned box, whose groups are
// no longer than lambda. p is overwritten, and so is ext of the field. reach is that of
// field.variation. Collective.
func (g *gauge) stand(x, ax, p []float64, lambda, reach float64) (*standing, error) {
	dp := make([]float64, len(x))
	if err := g.adjoint(dp, p); err != nil {
		return nil, err
	}
	s, err := g.costs(x, ax, dp, lambda, reach)
	if err != nil {
		return nil, err
	}
	dual := math.Inf(-1)
	if g.pixelwise() {
		dual, err = g.dualPixels(dp)
	} else {
		dual, err = g.dualFeasible(x, ax, p, dp, lambda)
	}
	s.gap = math.Max(0, s.cost-dual)
	return s, err
}

// differences sets d = D x. Collective.
func (g *gauge) differences(d, x []float64) error {
	g.field.filled++
	return g.diff.Apply(d, x)
}

// adjoint sets x = D'p. Collective.
func (g *gauge) adjoint(x, p []float64) error {
	g.field.filled++
	return g.diff.Adjoint(x, p)
}

// costs measures an iterate x but for the gap, given A x and D'p. ext of the field is overwritten. Collective.
func (g *gauge) costs(x, ax, dp []float64, lambda, reach float64) (*standing, error) {
	if err := g.field.set(x); err != nil {
		return nil, err
	}
	s := &standing{misfit: g.fid.misfit(ax)}
	s.tv, s.excess = g.field.variation(g.penalty, g.coupled, reach)
	along := 0.0 // <p, D x>
	for i, v := range dp {
		along += v * x[i]
	}
	sums := []float64{s.misfit, s.tv, s.excess, along}
	if err := g.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	s.misfit, s.tv, s.excess = sums[0], sums[1], lambda*sums[2]
	s.cost = s.misfit/2 + lambda*s.tv
	s.bias = lambda*s.tv - sums[3]
	return s, nil
}

// dualPixels is the dual value without an operator, given D'p: the sum over the pixels of
// the least w/2 (x - y)^2 + x D'p within the bounds. Collective.
func (g *gauge) dualPixels(dp []float64) (float64, error) {
	sum := []float64{0}
	for i, v := range dp {
		w, y := g.fid.w.At(i), g.fid.y[i]
		x := y - v/w
		if b := g.bounds; b != nil {
			x = min(max(x, b.Lower), b.Upper)
		}
		sum[0] += w/2*(x-y)*(x-y) + x*v
	}
	err := g.comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

// dualFeasible is the dual value of q = W (A x - y) and p once they are made feasible, given
// D'p; -Inf if they cannot be. Collective.
func (g *gauge) dualFeasible(x, ax, p, dp []float64, lambda float64) (float64, error) {
	q := make([]float64, len(ax))
	g.fid.residual(q, ax)
	v := make([]float64, len(x))
	if err := g.fid.adjoint(v, q); err != nil {
		return 0, err
	}
	// kept is the part of v = A'q + D'p that the bounds of active pixels stand for.
	kept := make([]float64, len(x))
	sums := make([]float64, g.channels+1)
	if b := g.bounds; b != nil {
		for i, u := range x {
			if s := v[i] + dp[i]; u <= b.Lower && s > 0 || u >= b.Upper && s < 0 {
				kept[i] = s
				sums[g.channels] += s * u
			}
		}
	}
	for c, s := range g.channelSums(v) { // the sum of D'p is zero
		sums[c] = s
	}
	for c, s := range g.channelSums(kept) {
		sums[c] -= s
	}
	if err := g.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, err
	}
	shift, ok := solveSmall(g.ones, sums[:g.channels])
	if !ok {
		return math.Inf(-1), nil
	}
	if err := g.subtract(q, v, shift); err != nil {
		return 0, err
	}
	for i, k := range kept {
		v[i] -= k
	}
	return g.best(q, v, p, dp, lambda, sums[g.channels])
}

// subtract takes W A (shift of each channel) from q, and its adjoint image from v. Collective.
func (g *gauge) subtract(q, v, shift []float64) error {
	x, ax := make([]float64, len(v)), make([]float64, len(q))
	for i := range x {
		x[i] = shift[i/max(1, g.field.cells)]
	}
	if err := g.fid.apply(ax, x); err != nil {
		return err
	}
	g.fid.w.Apply(ax)
	for i, a := range ax {
		q[i] -= a
	}
	if err := g.fid.adjoint(x, ax); err != nil {
		return err
	}
	for i, a := range x {
		v[i] -= a
	}
	return nil
}

// best makes p feasible, D'p = -v, some times, and takes the largest dual value. active is
// the term of the bounds. Collective.
func (g *gauge) best(q, v, p, dp []float64, lambda, active float64) (float64, error) {
	terms := []float64{0, 0} // ||q/W^(1/2)||^2, <q, y>
	for i, r := range q {
		if r != 0 {
			terms[0] += r * r / g.fid.w.At(i)
			terms[1] += r * g.fid.y[i]
		}
	}
	if err := g.comm.Allreduce(terms, terms, ranks.Sum); err != nil {
		return 0, err
	}
	groups := g.field.groupsOf(g.penalty, g.coupled)
	u, du := make([]float64, len(v)), make([]float64, len(p))
	most := math.Inf(-1)
	for round := range rounds {
		if round > 0 {
			project(p, groups, g.field.cells, lambda)
			if err := g.adjoint(dp, p); err != nil {
				return 0, err
			}
		}
		for i, a := range v {
			u[i] = a + dp[i]
		}
		g.solved++
		if err := g.poisson.solve(u); err != nil {
			return 0, err
		}
		if err := g.differences(du, u); err != nil {
			return 0, err
		}
		for i, d := range du {
			p[i] -= d
		}
		length := []float64{longest(p, groups, g.field.cells)}
		if err := g.comm.Allreduce(length, length, ranks.Max); err != nil {
			return 0, err
		}
		factor := 1.0
		if terms[0] > 0 {
			factor = (active - terms[1]) / terms[0]
		}
		factor = max(0, min(factor, lambda/length[0]))
		most = max(most, -factor*factor/2*terms[0]-factor*(terms[1]-active))
		if length[0] <= lambda*(1+1e-9) {
			break
		}
	}
	return most, nil
}

// solveSmall solves a x = b for the square matrix a by elimination, with 0 where a row and its
// b are zero; false if it is singular otherwise.
func solveSmall(a, b []float64) ([]float64, bool) {
	n := len(b)
	a, x := append([]float64(nil), a...), append([]float64(nil), b...)
	scale := 0.0
	for _, v := range a {
		scale = max(scale, math.Abs(v))
	}
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[pivot*n+k]) {
				pivot = i
			}
		}
		if math.Abs(a[pivot*n+k]) <= 1e-13*scale {
			// A channel of which nothing was observed asks for nothing.
			for _, v := range append([]float64{x[k]}, a[k*n:(k+1)*n]...) {
				if v != 0 {
					return nil, false
				}
			}
			a[k*n+k] = 1
			continue
		}
		for j := range n {
			a[k*n+j], a[pivot*n+j] = a[pivot*n+j], a[k*n+j]
		}
		x[k], x[pivot] = x[pivot], x[k]
		for i := k + 1; i < n; i++ {
			t := a[i*n+k] / a[k*n+k]
			for j := k; j < n; j++ {
				a[i*n+j] -= t * a[k*n+j]
			}
			x[i] -= t * x[k]
		}
	}
	for k := n - 1; k >= 0; k-- {
		for j := k + 1; j < n; j++ {
			x[k] -= a[k*n+j] * x[j]
		}
		x[k] /= a[k*n+k]
	}
	return x, true
}
