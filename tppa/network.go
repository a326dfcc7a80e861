package tppa

import (
	"fmt"
	"math"

	"tessera/internal/pairs"
)

// Grid holds the knots of a spline: low, low + step, ... high.
type Grid struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Knots int     `json:"knots"` // 4 or more
}

func (g Grid) step() float64 { return (g.High - g.Low) / float64(g.Knots-1) }

func (g Grid) check(what string) error {
	if !(g.Low < g.High) || math.IsInf(g.Low, 0) || math.IsInf(g.High, 0) || g.Knots < 4 {
		return fmt.Errorf("tppa: grid of the %s: %d knots from %g to %g, want 4 or more between two numbers", what, g.Knots, g.Low, g.High)
	}
	return nil
}

// Options of a Network. The zero value of every field is the documented default. Grids are in
// units of the image, which Model.Scale makes about 1.
type Options struct {
	Layers     int  // T; 0 = 10
	Shared     bool // all layers have the same functions
	Average    Grid // of averages; zero = -0.05 to 0.75 with 67 knots
	Difference Grid // of differences; zero = -0.12 to 0.12 with 83 knots
}

// Network is the shape of a model.
type Network struct {
	Axes       int  `json:"axes"`
	Layers     int  `json:"layers"`
	Shared     bool `json:"shared"`
	Average    Grid `json:"average"`
	Difference Grid `json:"difference"`
}

// largestStep is the largest gamma in units of 1/L, which the sigmoid approaches.
const largestStep = 1.9

// NewNetwork is a network for images of so many axes.
func NewNetwork(axes int, o Options) (*Network, error) {
	n := &Network{Axes: axes, Layers: o.Layers, Shared: o.Shared, Average: o.Average, Difference: o.Difference}
	if n.Layers == 0 {
		n.Layers = 10
	}
	if n.Average == (Grid{}) {
		n.Average = Grid{-0.05, 0.75, 67}
	}
	if n.Difference == (Grid{}) {
		n.Difference = Grid{-0.12, 0.12, 83}
	}
	return n, n.Check()
}

// Check says what is wrong with the shape.
func (n *Network) Check() error {
	switch {
	case n.Axes < 1 || n.Axes > 3:
		return fmt.Errorf("tppa: %d axes, want 1 to 3", n.Axes)
	case n.Layers < 1 || n.Layers > 1000:
		return fmt.Errorf("tppa: %d layers, want 1 to 1000", n.Layers)
	}
	if err := n.Average.check("averages"); err != nil {
		return err
	}
	return n.Difference.check("differences")
}

// grid is that of a wavelet channel: averages are even.
func (n *Network) grid(k int) Grid {
	if k%2 == 0 {
		return n.Average
	}
	return n.Difference
}

// Parameters is the number of parameters.
func (n *Network) Parameters() int {
	layers := n.Layers
	if n.Shared {
		layers = 1
	}
	return n.Layers + layers*n.Axes*(n.Average.Knots+n.Difference.Knots)
}

// Identity are the parameters at which every function is the identity and every step 1/L: the
// network is then the accelerated gradient method without a penalty, stopped after T steps.
func (n *Network) Identity() []float64 {
	theta := make([]float64, n.Parameters())
	for t := range n.Layers {
		theta[t] = -math.Log(largestStep - 1)
	}
	return theta
}

// Step is gamma of layer t, counted from 0, in units of 1/L, and its derivative by beta.
func (n *Network) Step(theta []float64, t int) (gamma, slope float64) {
	gamma = largestStep / (1 + math.Exp(-theta[t]))
	return gamma, gamma * (1 - gamma/largestStep)
}

// Coefficients are those of layer t and wavelet channel k, a part of theta.
func (n *Network) Coefficients(theta []float64, t, k int) []float64 {
	if n.Shared {
		t = 0
	}
	at := n.Layers + (t*n.Axes+k/2)*(n.Average.Knots+n.Difference.Knots)
	if k%2 == 1 {
		at += n.Average.Knots
		return theta[at : at+n.Difference.Knots]
	}
	return theta[at : at+n.Average.Knots]
}

// Function is phi(u) of layer t and wavelet channel k.
func (n *Network) Function(theta []float64, t, k int, u float64) float64 {
	g := n.grid(k)
	return u + pairs.NewSpline(n.Coefficients(theta, t, k), g.Low, g.step()).Value(u)
}

// momentum is mu of each layer: s of layer t is x_(t-1) + mu[t] (x_(t-1) - x_(t-2)).
func (n *Network) momentum() []float64 {
	mu := make([]float64, n.Layers)
	q := 1.0
	for t := 1; t < n.Layers; t++ {
		next := (1 + math.Sqrt(1+4*q*q)) / 2
		mu[t] = (q - 1) / next
		q = next
	}
	return mu
}
