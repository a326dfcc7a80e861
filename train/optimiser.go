package train

import (
	"fmt"
	"math"
)

// Method names an optimiser.
type Method string

const (
	Adam     Method = "adam"
	Nesterov Method = "nesterov"
)

// optimiser changes parameters by their gradient. Its state is a list of numbers.
type optimiser struct {
	method Method
	rate   float64
	step   float64   // steps done
	q      float64   // Nesterov
	first  []float64 // Adam: mean of the gradients; Nesterov: theta before
	second []float64 // Adam: mean of their squares
}

// Constants of Adam, as its authors have them.
const (
	decay1  = 0.9
	decay2  = 0.999
	epsilon = 1e-8
)

func newOptimiser(o *Options, n int) *optimiser {
	return &optimiser{method: o.Method, rate: o.Rate, q: 1, first: make([]float64, n), second: make([]float64, n)}
}

// move makes one step. For Nesterov theta is the extrapolated point v of Algorithm 1:
//
//	theta_i = v - rate g,  v = theta_i + (q - 1)/q+ (theta_i - theta_(i-1)).
func (p *optimiser) move(theta, g []float64) {
	p.step++
	if p.method == Nesterov {
		next := (1 + math.Sqrt(1+4*p.q*p.q)) / 2
		mu := (p.q - 1) / next
		if p.step == 1 {
			copy(p.first, theta)
		}
		for i, d := range g {
			now := theta[i] - p.rate*d
			theta[i], p.first[i] = now+mu*(now-p.first[i]), now
		}
		p.q = next
		return
	}
	correct1, correct2 := 1-math.Pow(decay1, p.step), 1-math.Pow(decay2, p.step)
	for i, d := range g {
		p.first[i] = decay1*p.first[i] + (1-decay1)*d
		p.second[i] = decay2*p.second[i] + (1-decay2)*d*d
		theta[i] -= p.rate * (p.first[i] / correct1) / (math.Sqrt(p.second[i]/correct2) + epsilon)
	}
}

// state is a copy of everything that the next steps depend on but theta.
func (p *optimiser) state() []float64 {
	s := []float64{p.step, p.q}
	return append(append(s, p.first...), p.second...)
}

// restore takes a state that state made.
func (p *optimiser) restore(s []float64) error {
	n := len(p.first)
	if len(s) != 2+2*n {
		return fmt.Errorf("train: the state of the optimiser has %d numbers, want %d", len(s), 2+2*n)
	}
	p.step, p.q = s[0], s[1]
	copy(p.first, s[2:2+n])
	copy(p.second, s[2+n:])
	return nil
}
