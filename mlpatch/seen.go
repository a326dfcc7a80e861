package mlpatch

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// Bins is the number of bins of a histogram, and Histograms their number: of the values, from -0.5 to 1.5,
// and of the differences of neighbours, from -0.5 to 0.5, along the rows and the columns.
const (
	Bins       = 42
	Histograms = 3
)

// Farther is how many times farther from the training set than its own farthest picture an
// answer may be before Score calls it unlike the training set.
const Farther = 1.25

// Seen is what a model has seen in its training: the mean of the pictures' histograms, and how far one
// picture was from it. The distance of two histograms is half the sum of the absolute differences, 0 to 1;
// that of two pictures is the sum over their histograms.
type Seen struct {
	Histogram []float64 // Histograms x Bins; each adds up to 1
	Farthest  float64   // largest distance of a picture of the training set
}

// Histogram is that of a frame in units of the training set: channels x owned box; values that are NaN are
// not counted. Pairs across the border are not counted. The same on all ranks. Collective: one exchange.
func Histogram(comm ranks.Comm, frame *halo.Decomposition, channels int, x []float64) ([]float64, error) {
	plan, err := halo.NewPlan(frame, comm.Rank(), []int{1, 1}, halo.Zero)
	if err != nil {
		return nil, err
	}
	ext := make([]float64, channels*plan.Extended().Size())
	plan.Scatter(ext, x, channels)
	if err := plan.Exchange(comm, ext, channels); err != nil {
		return nil, err
	}
	h := make([]float64, Histograms*Bins)
	box, shape := plan.Owned(), frame.Domain().Shape()
	stride := plan.Extended().Shape()[1]
	for c := range channels {
		e := ext[c*plan.Extended().Size():]
		for i := box.Lo[0]; i < box.Hi[0]; i++ {
			for j := box.Lo[1]; j < box.Hi[1]; j++ {
				at := (i-box.Lo[0]+1)*stride + j - box.Lo[1] + 1
				count(h[:Bins], e[at], -0.5, 1.5)
				if i+1 < shape[0] {
					count(h[Bins:2*Bins], e[at+stride]-e[at], -0.5, 0.5)
				}
				if j+1 < shape[1] {
					count(h[2*Bins:], e[at+1]-e[at], -0.5, 0.5)
				}
			}
		}
	}
	if err := comm.Allreduce(h, h, ranks.Sum); err != nil {
		return nil, err
	}
	for k := range Histograms {
		part, sum := h[k*Bins:(k+1)*Bins], 0.0
		for _, v := range part {
			sum += v
		}
		for i := range part {
			part[i] /= max(sum, 1)
		}
	}
	return h, nil
}

// count puts a value into its bin; the first and the last one hold what lies outside.
func count(h []float64, v, low, high float64) {
	if math.IsNaN(v) {
		return
	}
	h[int(min(max((v-low)/(high-low)*(Bins-2)+1, 0), Bins-1))]++
}

// See makes the mean of the histograms of a training set. Every rank has them all.
func See(all [][]float64) *Seen {
	s := &Seen{Histogram: make([]float64, Histograms*Bins)}
	for _, h := range all {
		for i, v := range h {
			s.Histogram[i] += v / float64(len(all))
		}
	}
	for _, h := range all {
		s.Farthest = max(s.Farthest, s.distance(h))
	}
	return s
}

func (s *Seen) distance(h []float64) (d float64) {
	for i, v := range h {
		d += max(v-s.Histogram[i], 0)
	}
	return d
}

// Score is the distance of a frame with this histogram by the farthest of the training set;
// strange tells whether it is more than Farther: the model should then not be trusted. Where the
// pictures of the training set are all alike, as a single one is, the score is NaN and nothing is strange.
func (s *Seen) Score(h []float64) (score float64, strange bool, err error) {
	if len(h) != len(s.Histogram) || !(s.Farthest >= 0) {
		return 0, false, fmt.Errorf("mlpatch: histograms of %d and %d numbers, the farthest picture at %g", len(h), len(s.Histogram), s.Farthest)
	}
	if s.Farthest == 0 {
		return math.NaN(), false, nil
	}
	score = s.distance(h) / s.Farthest
	return score, score > Farther, nil
}
