package scdl

import "slices"

// unused: an atom is replaced if the squared length of its row of the codes is at most
// this fraction of the mean.
const unused = 1e-8

// unusedAtom is the first atom that no code uses, by the squared lengths of the rows of
// the codes; -1 if there is none.
func unusedAtom(rows []float64) int {
	mean := 0.0
	for _, v := range rows {
		mean += v / float64(len(rows))
	}
	if mean == 0 {
		return -1
	}
	return slices.IndexFunc(rows, func(v float64) bool { return v <= unused*mean })
}

// worstSample is the number of the sample with the largest error, from the error and the
// number of each rank's worst sample; -1 if no error is positive.
func worstSample(of []float64) int {
	worst, number := 0.0, -1
	for i := 0; i < len(of); i += 2 {
		if of[i] > worst {
			worst, number = of[i], int(of[i+1])
		}
	}
	return number
}

// reseed replaces the first unused atom by the sample with the largest error, at most one
// atom an iteration. Collective: all ranks decide the same.
func (l *learner[T]) reseed(rows []float64) error {
	dead, number := unusedAtom(rows), worstSample(l.sums[l.at.worst:])
	if dead < 0 || number < 0 {
		return nil
	}
	sample, err := l.s.gather(l.comm, []int{number})
	if err != nil {
		return err
	}
	l.pair.set(dead, sample)
	l.pair.normalise(dead)
	l.r.Reseeded++
	return nil
}

// reseed replaces the first unused atom by the sample of the mini-batch with the largest
// error. Collective: all ranks decide the same.
func (l *stream[T]) reseed(worst []float64) error {
	a, rows := l.o.Atoms, l.s.P+l.s.M
	diagonal := make([]float64, a)
	for j := range diagonal {
		diagonal[j] = l.memory[j*a+j]
	}
	dead := unusedAtom(diagonal)
	number := worstSample(worst)
	if dead < 0 || number < 0 {
		return nil
	}
	p, err := l.s.atoms(l.comm, []int{number})
	if err != nil {
		return err
	}
	p.normalise(0)
	copy(l.dictionary[dead*rows:], p.High)
	copy(l.dictionary[dead*rows+l.s.P:], p.Low)
	l.r.Reseeded++
	return nil
}
