package tppa

import (
	"errors"
	"fmt"

	"tessera/ranks"
)

// Bins is the number of bins of a histogram of coefficients: those within the grid, and one
// on each side.
const Bins = 34

// Farther is how many times farther from the training set than its own farthest picture a
// frame may be before Seen calls it unlike the training set.
const Farther = 1.25

// Seen is what a model has seen in its training: for each wavelet channel the mean of the
// pictures' histograms of Haar coefficients, and how far one picture was from it. The
// distance of two histograms is half the sum of the absolute differences, 0 to 1; that of two
// pictures is the sum over the wavelet channels.
type Seen struct {
	Histogram []float64 // 2 axes x Bins; each channel adds up to 1
	Farthest  float64   // largest distance of a picture of the training set
}

// Histogram is that of the Haar coefficients of the start of the network for data y: 2 axes x
// Bins, each channel adding up to 1; the same on all ranks. Collective.
func (r *Run) Histogram(y []float64) ([]float64, error) {
	x, err := r.start(y)
	if err != nil {
		return nil, err
	}
	size, _ := r.haar.Dims()
	u := make([]float64, size)
	if err := r.haar.Apply(u, x); err != nil {
		return nil, err
	}
	bad := 0
	for _, v := range u {
		if v-v != 0 {
			bad++
		}
	}
	if bad > 0 {
		err = fmt.Errorf("tppa: %d differences of neighbouring pixels are not finite: the data are too large for float64", bad)
	}
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return nil, err
	}
	h := make([]float64, 2*r.net.Axes*Bins)
	for k := range 2 * r.net.Axes {
		g := r.net.grid(k)
		width := (g.High - g.Low) / (Bins - 2)
		for _, v := range u[k*r.n : (k+1)*r.n] {
			bin := int(min(max((v-g.Low)/width+1, 0), Bins-1))
			h[k*Bins+bin]++
		}
	}
	if err := r.comm.Allreduce(h, h, ranks.Sum); err != nil {
		return nil, err
	}
	for k := range 2 * r.net.Axes {
		sum := 0.0
		for _, v := range h[k*Bins : (k+1)*Bins] {
			sum += v
		}
		for i := range Bins {
			h[k*Bins+i] /= sum
		}
	}
	return h, nil
}

// Distance is that of a picture, of which h is the histogram, from the mean of the training set.
func (s *Seen) Distance(h []float64) (float64, error) {
	if len(h) != len(s.Histogram) {
		return 0, fmt.Errorf("tppa: histograms of %d and %d numbers", len(h), len(s.Histogram))
	}
	d := 0.0
	for i, v := range h {
		d += max(v-s.Histogram[i], 0)
	}
	return d, nil
}

// Score is the distance by the farthest of the training set; strange tells whether it is
// more than Farther: the model should then not be trusted.
func (s *Seen) Score(h []float64) (score float64, strange bool, err error) {
	d, err := s.Distance(h)
	if err != nil {
		return 0, false, err
	}
	if s.Farthest == 0 {
		return 0, false, errors.New("tppa: a training set of which all pictures are alike")
	}
	score = d / s.Farthest
	return score, score > Farther, nil
}

// Look gathers the histograms of a training set. Collective; the result is the same on all
// ranks.
func (t *Training) Look(comm ranks.Comm) (*Seen, error) {
	size := 2 * t.Run.net.Axes * Bins
	mean := make([]float64, size)
	var mine [][]float64
	var failed error
	for _, p := range t.Pairs {
		h, err := t.Run.Histogram(p.Data)
		if err != nil {
			failed = err
			break
		}
		mine = append(mine, h)
		for i, v := range h {
			mean[i] += v / float64(t.Count)
		}
	}
	if err := ranks.AgreeError(comm, failed); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(mean, mean, ranks.Sum); err != nil {
		return nil, err
	}
	s := &Seen{Histogram: mean}
	most := []float64{0}
	for _, h := range mine {
		d, err := s.Distance(h)
		if err != nil {
			return nil, err
		}
		most[0] = max(most[0], d)
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, err
	}
	s.Farthest = most[0]
	return s, nil
}
