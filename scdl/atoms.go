package scdl

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Pair is a pair of coupled dictionaries, with an atom a row: the transposes of D_h and
// D_l.
type Pair struct {
	P, M  int       // numbers of a high and of a low sample
	Atoms int       // of each dictionary
	High  []float64 // Atoms x P, in a trained pair of length 1 each
	Low   []float64 // Atoms x M
}

func (p *Pair) high(a int) []float64 { return p.High[a*p.P : (a+1)*p.P] }
func (p *Pair) low(a int) []float64  { return p.Low[a*p.M : (a+1)*p.M] }

// farLength is a length of an atom from which on it is first divided by a power of two.
const farLength = 1e300

// normalise divides both halves of an atom by the length of the high half, so that one
// code still fits both. An atom whose high half is zero stays as it is.
func (p *Pair) normalise(a int) {
	n := linalg.Norm2(p.high(a))
	if n > 0 && (n < 1/farLength || n > farLength) { // the length, or its reciprocal, may be infinite
		top := 0.0
		for _, v := range p.high(a) {
			top = max(top, math.Abs(v))
		}
		_, exponent := math.Frexp(top)
		for _, half := range [][]float64{p.high(a), p.low(a)} {
			for i, v := range half {
				half[i] = math.Ldexp(v, -exponent)
			}
		}
		n = linalg.Norm2(p.high(a))
	}
	if n > 0 {
		linalg.Scale(1/n, p.high(a))
		linalg.Scale(1/n, p.low(a))
	}
}

// set copies a sample, high then low, to atom a.
func (p *Pair) set(a int, sample []float64) {
	copy(p.high(a), sample[:p.P])
	copy(p.low(a), sample[p.P:])
}

// RawAtoms is a pair whose atoms are samples, a baseline for training: random samples
// that are not zero, or the first samples if fewer than atoms are not zero, divided by the
// length of the high half. The pair is the same on all ranks, and so is
// an error. Every rank passes the same atoms and seed. Collective.
func RawAtoms(comm ranks.Comm, s *Samples, atoms int, seed uint64) (*Pair, error) {
	if err := s.agree(comm, "RawAtoms", nil, ranks.Same{Name: "atoms", Value: float64(atoms)}, ranks.SameText("seed", seed)); err != nil {
		return nil, err
	}
	p, err := randomAtoms(comm, s, atoms, seed)
	if errors.Is(err, errFewAtoms) { // the same on all ranks
		if p, err = s.atoms(comm, first(atoms)); err == nil {
			for a := range atoms {
				p.normalise(a)
			}
		}
	}
	return p, err
}

var errFewAtoms = errors.New("too few")

// first are the numbers of the first samples.
func first(n int) []int {
	numbers := make([]int, n)
	for k := range numbers {
		numbers[k] = k
	}
	return numbers
}

// randomAtoms is a pair of samples that are not zero, drawn by the seed and normalised:
// the first dictionaries of a training. Collective; an error is the same on all ranks.
func randomAtoms(comm ranks.Comm, s *Samples, atoms int, seed uint64) (*Pair, error) {
	if atoms < 1 || atoms > s.Total {
		return nil, tooMany(atoms, s.Total)
	}
	usable, err := s.usable(comm)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, 0, atoms)
	for _, k := range rand.New(rand.NewPCG(seed, 0)).Perm(s.Total) {
		if usable[k] && len(numbers) < atoms {
			numbers = append(numbers, k)
		}
	}
	if len(numbers) < atoms {
		return nil, fmt.Errorf("scdl: %d samples are not zero, %w for %d atoms", len(numbers), errFewAtoms, atoms)
	}
	p, err := s.atoms(comm, numbers)
	if err != nil {
		return nil, err
	}
	for a := range atoms {
		p.normalise(a)
	}
	return p, nil
}

func tooMany(atoms, total int) error {
	return fmt.Errorf("scdl: %d atoms for %d samples, want 1 to the number of samples", atoms, total)
}

// atoms is a pair of the samples with the given numbers, not normalised. Collective.
func (s *Samples) atoms(comm ranks.Comm, numbers []int) (*Pair, error) {
	all, err := s.gather(comm, numbers)
	if err != nil {
		return nil, err
	}
	n, w := len(numbers), s.P+s.M
	p := &Pair{P: s.P, M: s.M, Atoms: n, High: make([]float64, n*s.P), Low: make([]float64, n*s.M)}
	for a := range n {
		p.set(a, all[a*w:(a+1)*w])
	}
	return p, nil
}
