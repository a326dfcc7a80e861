package scdl

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Pair is a pair of coupled dictionaries: atom j is High[j*P:(j+1)*P] with
// Low[j*M:(j+1)*M], that is, the transposes of D_h and D_l.
type Pair struct {
	P, M, Atoms int
	High, Low   []float64
}

func (p *Pair) high(a int) []float64 { return p.High[a*p.P : (a+1)*p.P] }
func (p *Pair) low(a int) []float64  { return p.Low[a*p.M : (a+1)*p.M] }

// normalise divides both halves of an atom by the length of the high one, so that
// they go on to belong to each other.
func (p *Pair) normalise(a int) {
	if n := linalg.Norm2(p.high(a)); n > 0 {
		linalg.Scale(1/n, p.high(a))
		linalg.Scale(1/n, p.low(a))
	}
}

// set makes atom a of a sample, high then low.
func (p *Pair) set(a int, sample []float64) {
	copy(p.high(a), sample[:p.P])
	copy(p.low(a), sample[p.P:])
}

// RawAtoms is a pair made of samples as they are, a yardstick: random ones that are not
// zero, or the first ones where there are not so many. Collective.
func RawAtoms(comm ranks.Comm, s *Samples, atoms int, seed uint64) (*Pair, error) {
	p, err := randomAtoms(comm, s, atoms, seed)
	if errors.Is(err, errFewAtoms) { // on all ranks alike
		return s.atoms(comm, first(atoms))
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

// randomAtoms is a pair made of samples that are not zero, drawn by the seed, at unit
// length: what training begins with. Collective.
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
	return fmt.Errorf("scdl: %d atoms for %d samples, want 1 to as many", atoms, total)
}

// atoms makes a pair of the samples with the given numbers, as they are. Collective.
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
