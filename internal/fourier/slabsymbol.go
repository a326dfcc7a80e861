package fourier

import (
	"math"
	"runtime"
)

// Symbol is a filter of the frame in the basis of a Slab. With h the spectrum of a
// convolution and
//
//	a(k,l) = Weight |h|^2 + Lambda p(k,l),    p = (2 - 2 cos t_k + 2 - 2 cos t_l)^Order,
//
// the spectrum of A, which is positive everywhere, the columns are multiplied by what Action says. Order is 0
// where the penalty of A is the identity's, 1 for differences and 2 for the Laplacian; t are
// the angles of the basis.
type Symbol struct {
	H              []float64 // of Slab.Spectrum
	Weight, Lambda float64
	Order          int
	Action         Action
}

// Action is what a Symbol does to a frame x.
type Action int

const (
	Gram     Action = iota // H A^-1 H' x
	Inverse                // A^-1 x
	Adjoint                // A^-1 H' x
	Direct                 // H A^-1 x
	Convolve               // H x
)

// Sums are of the right-hand side r = H'x (Gram, Adjoint) or x (else) of
// A z = r: |r|^2, |z|^2 and z'Pz, P the penalty. Those of all parts add up to those of the
// frame.
type Sums struct{ RightSide, Solution, Penalty float64 }

// Filter applies a symbol to this part's columns, in place: received and own, of their
// Lengths, hold what Load made on all other parts and on this one.
func (s *Slab) Filter(received, own []float64, f Symbol) Sums {
	_, receive, stay := s.Lengths()
	checkLength("Slab.Filter received", len(received), receive)
	checkLength("Slab.Filter own", len(own), stay)
	checkLength("Slab.Filter H", len(f.H), s.modes())
	if s.modes() == 0 {
		return Sums{}
	}
	t := s.transform.filter(received, own, &f)
	runtime.KeepAlive(s)
	t.RightSide *= s.Scale()
	t.Solution *= s.Scale()
	t.Penalty *= s.Scale()
	return t
}

// Ends are numbers of a Symbol.
type Ends struct {
	Smallest, Largest float64 // of a, on this part's columns; +Inf and 0 where it has none
	Blur, Adjoint     float64 // largest |h| and |h|/a
	Data              float64 // this part's share of the mean of w|h|^2/a^2 over the frame's modes
	Penalty           float64 // likewise of lambda p/a
	Inverse           float64 // likewise of 1/a^2
}

// Ends are those of this part.
func (s *Slab) Ends(f Symbol) Ends {
	e := Ends{Smallest: math.Inf(1)}
	s.eachMode(func(at int, l, weight float64) {
		power, p := s.power(f.H, at), penaltyOf(l, f.Order)
		a := f.Weight*power + f.Lambda*p
		e.Smallest, e.Largest = min(e.Smallest, a), max(e.Largest, a)
		h := math.Sqrt(power)
		e.Blur, e.Adjoint = max(e.Blur, h), max(e.Adjoint, h/a)
		weight *= s.Scale()
		e.Data += weight * f.Weight * power / (a * a)
		e.Penalty += weight * f.Lambda * p / a
		e.Inverse += weight / (a * a)
	})
	return e
}

// power is |h|^2 of the mode at this place.
func (s *Slab) power(h []float64, at int) float64 {
	if s.basis == Waves {
		return h[at]*h[at] + h[at+1]*h[at+1]
	}
	return h[at] * h[at]
}

func penaltyOf(l float64, order int) float64 {
	switch order {
	case 0:
		return 1
	case 1:
		return l
	}
	return l * l
}

// eachMode calls f for every mode of this part's columns: where it stands in the columns,
// the spectrum l of the negative Laplacian, and how many values of the frame it stands for.
func (s *Slab) eachMode(f func(at int, l, weight float64)) {
	step := slabLanes / s.columns()
	down := s.angles(s.rows)
	rowWeights := s.rowWeights()
	for b := range s.ownBlocks() {
		across, weights := s.lanes(s.blockOf[s.part] + b)
		for k := range s.rows {
			for j := range s.columns() {
				if w := weights[j*step] * rowWeights[k]; w > 0 {
					f((b*s.rows+k)*slabLanes+j*step, down[k]+across[j*step], w)
				}
			}
		}
	}
}

// angles are 2 - 2 cos t_k for the n modes along an axis.
func (s *Slab) angles(n int) []float64 {
	turn, first := 2*math.Pi/float64(n), 0
	switch s.basis {
	case Cosines:
		turn /= 2
	case Sines:
		turn, first = math.Pi/float64(n+1), 1
	}
	a := make([]float64, n)
	for k := range a {
		half := math.Sin(turn * float64(first+k) / 2)
		a[k] = 4 * half * half
	}
	return a
}

// lanes are, for the float64 in a row of a block, 2 - 2 cos t_l, and how many values of the
// frame the lane's mode stands for: 0 beyond the last column.
func (s *Slab) lanes(block int) (across, weight []float64) {
	across, weight = make([]float64, slabLanes), make([]float64, slabLanes)
	angles := s.angles(s.cols)
	for j := range slabLanes {
		l := (block*slabLanes + j) * s.columns() / slabLanes
		if block*slabLanes+j >= s.width() {
			across[j] = 1 // any value that makes a positive
			continue
		}
		across[j], weight[j] = angles[l], 2
		if l == 0 || s.basis == Sines || s.basis == Waves && 2*l == s.cols {
			weight[j] = 1
		}
	}
	return across, weight
}

// rowWeights are the factors of a mode's weight that come from its row.
func (s *Slab) rowWeights() []float64 {
	w := make([]float64, s.rows)
	for k := range w {
		w[k] = 1
		if s.basis == Cosines && k > 0 {
			w[k] = 2
		}
	}
	return w
}
