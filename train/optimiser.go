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

// optimiser changes parameters by their gradient.
type optimiser struct {
	method Method
	rate   float64
	// state is everything that the next steps depend on but theta: the number of steps done, q of Nesterov,
	// first and second.
	state  []float64
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
	s := make([]float64, 2+2*n)
	s[1] = 1
	return &optimiser{method: o.Method, rate: o.Rate, state: s, first: s[2 : 2+n], second: s[2+n:]}
}

// move makes one step. For Nesterov theta is the extrapolated point v of Algorithm 1:
//
//	theta_i = v - rate g,  v = theta_i + (q - 1)/q+ (theta_i - theta_(i-1)).
func (p *optimiser) move(theta, g []float64) {
	p.state[0]++
	step, q := p.state[0], p.state[1]
	if p.method == Nesterov {
		next := (1 + math.Sqrt(1+4*q*q)) / 2
		mu := (q - 1) / next
		if step == 1 {
			copy(p.first, theta)
		}
		for i, d := range g {
			now := theta[i] - p.rate*d
			theta[i], p.first[i] = now+mu*(now-p.first[i]), now
		}
		p.state[1] = next
		return
	}
	correct1, correct2 := 1-math.Pow(decay1, step), 1-math.Pow(decay2, step)
	for i, d := range g {
		p.first[i] = decay1*p.first[i] + (1-decay1)*d
		p.second[i] = decay2*p.second[i] + (1-decay2)*d*d
		theta[i] -= p.rate * (p.first[i] / correct1) / (math.Sqrt(p.second[i]/correct2) + epsilon)
	}
}

// restore takes the state of an earlier run.
func (p *optimiser) restore(s []float64) error {
	if len(s) != len(p.state) {
		return fmt.Errorf("train: the state of the optimiser has %d numbers, want %d", len(s), len(p.state))
	}
	copy(p.state, s)
	return nil
}
