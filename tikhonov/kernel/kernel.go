package kernel

import (
	"fmt"
	"math"

	"tessera/loadbalance"
)

// Family names a kernel.
type Family string

const (
	WendlandC0 Family = "wendland-c0" // (1-r/rho)_+^2
	WendlandC2 Family = "wendland-c2" // (1-r/rho)_+^4 (4r/rho + 1)
	WendlandC4 Family = "wendland-c4" // (1-r/rho)_+^6 (35(r/rho)^2 + 18r/rho + 3) / 3
	Matern12   Family = "matern-1/2"  // exp(-r/rho)
	Matern32   Family = "matern-3/2"  // (1 + s) exp(-s), s = sqrt(3) r/rho
	Matern52   Family = "matern-5/2"  // (1 + s + s^2/3) exp(-s), s = sqrt(5) r/rho
	Gaussian   Family = "gaussian"    // exp(-r^2 / (2 rho^2))
)

// Families lists all families.
func Families() []Family {
	return []Family{WendlandC0, WendlandC2, WendlandC4, Matern12, Matern32, Matern52, Gaussian}
}

// Kernel is a radial kernel with k(0) = 1, positive definite in up to 3 dimensions.
type Kernel struct {
	Family Family // one of Families
	// Width rho is the radius of the support for Wendland's kernels, the length
	// scale of the others; in the unit of the coordinates.
	Width float64
	// Truncate is the value below which a kernel without compact support counts
	// as 0; 0 = 1e-12.
	Truncate float64
}

func (k Kernel) check() error {
	known := false
	for _, f := range Families() {
		known = known || k.Family == f
	}
	switch {
	case !known:
		return fmt.Errorf("kernel: unknown family %q", k.Family)
	case !(k.Width > 0) || math.IsInf(k.Width, 0):
		return fmt.Errorf("kernel: width %v: want more than 0", k.Width)
	case !(k.Truncate >= 0) || k.Truncate >= 1:
		return fmt.Errorf("kernel: truncate %v: want 0 or more and less than 1", k.Truncate)
	}
	return nil
}

// Dimensions is the most dimensions in which kernels of the family are positive definite here: 3
// for Wendland's, else as many as points may have coordinates.
func (f Family) Dimensions() int {
	if (Kernel{Family: f}).compact() {
		return 3
	}
	return loadbalance.MostAxes
}

// compact tells whether the kernel has compact support of its own.
func (k Kernel) compact() bool {
	return k.Family == WendlandC0 || k.Family == WendlandC2 || k.Family == WendlandC4
}

func (k Kernel) truncate() float64 {
	if k.Truncate == 0 {
		return 1e-12
	}
	return k.Truncate
}

// Radius is the distance from which on the kernel is 0, or counts as 0.
func (k Kernel) Radius() float64 {
	if k.compact() {
		return k.Width
	}
	eps := k.truncate()
	if k.Family == Gaussian {
		return k.Width * math.Sqrt(-2*math.Log(eps))
	}
	lo, hi := 0.0, 1.0 // in units of rho
	f := k.profile()
	for f.at(sq(hi*k.Width)) > eps {
		hi *= 2
	}
	for range 60 {
		if mid := (lo + hi) / 2; f.at(sq(mid*k.Width)) > eps {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi * k.Width
}

// defaultOverlap is how far blocks reach, in coordinate units: half the support of
// a compact kernel, two length scales of the others. Farther observations are
// matter little, because those in between screen them off.
func (k Kernel) defaultOverlap() float64 {
	if k.compact() {
		return k.Width / 2
	}
	return min(2*k.Width, k.Radius())
}

// At is k(r), without truncation.
func (k Kernel) At(r float64) float64 {
	p := k.profile()
	return p.at(r * r)
}

func sq(x float64) float64 { return x * x }

// profile is a kernel ready to be evaluated at many squared distances.
type profile struct {
	family Family
	scale  float64 // r^2 to the square of the kernel's argument
	slope2 float64 // factor of the slope
}

func (k Kernel) profile() profile {
	w2 := k.Width * k.Width
	switch k.Family {
	case WendlandC0:
		return profile{k.Family, 1 / w2, -2 / w2}
	case WendlandC2:
		return profile{k.Family, 1 / w2, -20 / w2}
	case WendlandC4:
		return profile{k.Family, 1 / w2, -56 / (3 * w2)}
	case Matern12:
		return profile{k.Family, 1 / w2, -1 / w2}
	case Matern32:
		return profile{k.Family, 3 / w2, -3 / w2}
	case Matern52:
		return profile{k.Family, 5 / w2, -5 / (3 * w2)}
	}
	return profile{Gaussian, 0.5 / w2, -1 / w2}
}

func (p *profile) at(r2 float64) float64 {
	v := [1]float64{r2}
	p.eval(v[:])
	return v[0]
}

// eval replaces squared distances by values of the kernel.
func (p *profile) eval(v []float64) {
	s2 := p.scale
	switch p.family {
	case WendlandC0:
		for i, r2 := range v {
			u := max(0, 1-math.Sqrt(r2*s2))
			v[i] = u * u
		}
	case WendlandC2:
		for i, r2 := range v {
			q := math.Sqrt(r2 * s2)
			u := max(0, 1-q)
			u *= u
			v[i] = u * u * (4*q + 1)
		}
	case WendlandC4:
		for i, r2 := range v {
			q := math.Sqrt(r2 * s2)
			u := max(0, 1-q)
			u *= u
			v[i] = u * u * u * ((35*q+18)*q + 3) * (1. / 3)
		}
	case Matern12:
		for i, r2 := range v {
			v[i] = math.Exp(-math.Sqrt(r2 * s2))
		}
	case Matern32:
		for i, r2 := range v {
			s := math.Sqrt(r2 * s2)
			v[i] = (1 + s) * math.Exp(-s)
		}
	case Matern52:
		for i, r2 := range v {
			s := math.Sqrt(r2 * s2)
			v[i] = (1 + s + s*s*(1./3)) * math.Exp(-s)
		}
	default:
		for i, r2 := range v {
			v[i] = math.Exp(-r2 * s2)
		}
	}
}

// slope is k'(r)/r at a squared distance: the gradient of k(|t - x|) in t is slope times
// t - x. Where it is infinite, for WendlandC0 and Matern12 at 0, it is taken as 0.
func (p *profile) slope(r2 float64) float64 {
	switch p.family {
	case WendlandC0:
		if r2 == 0 {
			return 0
		}
		q := math.Sqrt(r2 * p.scale)
		return p.slope2 * max(0, 1-q) / q
	case WendlandC2:
		u := max(0, 1-math.Sqrt(r2*p.scale))
		return p.slope2 * u * u * u
	case WendlandC4:
		q := math.Sqrt(r2 * p.scale)
		u := max(0, 1-q)
		return p.slope2 * (1 + 5*q) * u * u * u * u * u
	case Matern12:
		if r2 == 0 {
			return 0
		}
		q := math.Sqrt(r2 * p.scale)
		return p.slope2 * math.Exp(-q) / q
	case Matern32:
		return p.slope2 * math.Exp(-math.Sqrt(r2*p.scale))
	case Matern52:
		s := math.Sqrt(r2 * p.scale)
		return p.slope2 * (1 + s) * math.Exp(-s)
	}
	return p.slope2 * math.Exp(-r2*p.scale)
}
