package tv

import (
	"math"

	"tessera/ranks"
)

const (
	mostRounds  = 16   // of a dual point of ADMM
	inset       = 0.2  // its groups are shortened to less than lambda by that much of the tolerance, relative
	overshort   = 1.5  // factor of the shortening
	worthARound = 0.05 // of the gap, that the round before must have gained
)

// dualPoint is what becomes feasible: A'q + D'p = kept, |p| <= lambda, and kept of the sign that the bounds allow.
type dualPoint struct {
	q, p, kept []float64
}

// standSplit measures the iterate x of ADMM, or where there are bounds its nearest image within them. Collective.
func (s *solver) standSplit(k *split, x []float64, lambda float64) (*standing, error) {
	g, f := s.gauge, s.field
	n := len(x)
	d := &dualPoint{q: make([]float64, len(s.p.Data)), p: make([]float64, len(f.shape)*n), kept: make([]float64, n)}
	s.multipliers(k, lambda)
	size := f.channels * f.plane
	for a := range f.shape {
		b := k.b
		if b == nil {
			b = k.t
		}
		f.plan.Gather(d.p[a*n:(a+1)*n], b[a*size:(a+1)*size], f.channels)
	}
	groups := f.groupsOf(s.o.Penalty, s.o.Coupled)
	project(d.p, groups, f.cells, lambda/k.rho)
	for i, v := range d.p {
		d.p[i] = k.rho * v
	}
	l := limits(s.o.Bounds)
	for i, v := range k.v { // minus the multipliers of w = x
		d.kept[i] = pixelShare * k.rho * (min(max(v, l.Lower), l.Upper) - v)
	}
	ax := make([]float64, len(s.p.Data))
	if err := s.fid.apply(ax, x); err != nil {
		return nil, err
	}
	s.fid.residual(d.q, ax)
	if k.v != nil {
		x = append([]float64(nil), x...)
		s.bounded(x)
		if err := s.fid.apply(ax, x); err != nil {
			return nil, err
		}
	}
	dp := make([]float64, n)
	if err := g.adjoint(dp, d.p); err != nil {
		return nil, err
	}
	at, err := g.costs(x, ax, dp, lambda, 0)
	if err != nil {
		return nil, err
	}
	dual := math.Inf(-1)
	if g.pixelwise() {
		if dual, err = g.dualPixels(dp); err != nil {
			return nil, err
		}
	} else if dual, err = s.dualSplit(k, d, at.cost, lambda); err != nil {
		return nil, err
	}
	at.gap = math.Max(0, at.cost-dual)
	return at, nil
}

// dualSplit is the largest dual value of some points near d. Each round solves (M + rho D'D + eta I) z = e for what is
// left, e = A'q + D'p - kept, and moves
//
//	q - W A z,   p - rho D z,   kept + eta z      (eta = 0 without bounds)
//
// of which nothing is left where M is A'WA. Otherwise, and with bounds, of which kept must have the sign, the mean of
// what is left is taken from q as a multiple of W A 1 and the rest from p by D'D u = e, as for the other methods. Then
// one factor brings all to |p| <= lambda, and the next round begins with groups of p shortened to a little less than
// lambda. Collective.
func (s *solver) dualSplit(k *split, d *dualPoint, cost, lambda float64) (float64, error) {
	g, f := s.gauge, s.field
	n := len(d.kept)
	groups := f.groupsOf(s.o.Penalty, s.o.Coupled)
	e, z, az, dz := make([]float64, n), make([]float64, n), make([]float64, len(d.q)), make([]float64, len(d.p))
	left := func() error { // e = A'q + D'p - kept
		if err := s.fid.adjoint(e, d.q); err != nil {
			return err
		}
		if err := g.adjoint(z, d.p); err != nil {
			return err
		}
		for i, v := range z {
			e[i] += v - d.kept[i]
		}
		return nil
	}
	loose := 0.0
	if k.v != nil {
		loose = pixelShare * k.rho
	}
	most := math.Inf(-1)
	for round := range mostRounds {
		if err := left(); err != nil {
			return 0, err
		}
		if err := s.inverse.solve(e, k.rho, loose); err != nil {
			return 0, err
		}
		copy(z, e)
		if err := s.fid.apply(az, z); err != nil {
			return 0, err
		}
		s.fid.w.Apply(az)
		for i, v := range az {
			d.q[i] -= v
		}
		if err := g.differences(dz, z); err != nil {
			return 0, err
		}
		for i, v := range dz {
			d.p[i] -= k.rho * v
		}
		if loose > 0 {
			for i, v := range z {
				d.kept[i] = s.allowed(d.kept[i] + loose*v)
			}
		}
		if !s.inverse.exact || loose > 0 {
			if err := left(); err != nil {
				return 0, err
			}
			if ok, err := s.balanceMeans(d, e); err != nil || !ok {
				return most, err
			}
			if err := s.inverse.poisson(e); err != nil {
				return 0, err
			}
			if err := g.differences(dz, e); err != nil {
				return 0, err
			}
			for i, v := range dz {
				d.p[i] -= v
			}
		}
		value, length, err := s.dualValue(d, groups, lambda)
		if err != nil {
			return 0, err
		}
		gain := value - most
		most = max(most, value)
		gap := cost - most
		if length <= lambda || gap <= s.o.Tolerance*cost || gain < worthARound*gap || round >= 2 && gap > 30*s.o.Tolerance*cost {
			break
		}
		copy(dz, d.p)
		project(dz, groups, f.cells, lambda*(1-inset*s.o.Tolerance))
		for i, v := range dz {
			d.p[i] += overshort * (v - d.p[i])
		}
	}
	return most, nil
}

// allowed is the nearest value that A'q + D'p may have at a pixel: of any sign between two bounds, at least 0 above a
// lower bound alone, at most 0 below an upper one, 0 without bounds.
func (s *solver) allowed(v float64) float64 {
	l := limits(s.o.Bounds)
	if math.IsInf(l.Lower, -1) {
		v = min(v, 0)
	}
	if math.IsInf(l.Upper, 1) {
		v = max(v, 0)
	}
	return v
}

// balanceMeans takes the means of e from q as a multiple of W A 1 for each channel; false where it cannot. Collective.
func (s *solver) balanceMeans(d *dualPoint, e []float64) (bool, error) {
	g := s.gauge
	sums := g.channelSums(e)
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return false, err
	}
	shift, ok := solveSmall(g.ones, sums)
	if !ok {
		return false, nil
	}
	return true, g.subtract(d.q, e, shift)
}

// dualValue is the dual value of a point with A'q + D'p = kept, times the factor that is best among those that bring
// the groups of p to at most lambda; length is that of the longest one. Collective.
func (s *solver) dualValue(d *dualPoint, groups [][]int, lambda float64) (value, length float64, err error) {
	sums := []float64{0, 0, 0} // ||q/W^(1/2)||^2, <q, y>, the least <kept, x> within the bounds
	for i, r := range d.q {
		if r != 0 {
			sums[0] += r * r / s.fid.w.At(i)
			sums[1] += r * s.fid.y[i]
		}
	}
	if b := s.o.Bounds; b != nil {
		for _, v := range d.kept {
			if v > 0 {
				sums[2] += v * b.Lower
			} else if v < 0 {
				sums[2] += v * b.Upper
			}
		}
	}
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, 0, err
	}
	longest := []float64{longest(d.p, groups, s.field.cells)}
	if err := s.comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return 0, 0, err
	}
	factor := 1.0
	if sums[0] > 0 {
		factor = (sums[2] - sums[1]) / sums[0]
	}
	factor = max(0, min(factor, lambda/longest[0]))
	return -factor*factor/2*sums[0] - factor*(sums[1]-sums[2]), longest[0], nil
}
