package mlpatch

import (
	"errors"
	"fmt"
	"math"

	"tessera/internal/random"
)

// Network is the shape of a model: what a patch is and what the layers are.
type Network struct {
	Planes   int      `json:"planes"`   // of which a patch is sampled
	Levels   int      `json:"levels"`   // planes of which only the patch's own pixel is an input, such as the noise
	Geometry Geometry `json:"geometry"` // of the patch
	Hidden   []int    `json:"hidden"`   // numbers of units of the hidden layers, of each chunk
	// Chunks cuts the points of a patch into so many parts, in order, each with layers of its own that
	// end in Features numbers; these and the levels are the input of the mixer. 1 = no chunks.
	Chunks   int   `json:"chunks"`
	Features int   `json:"features"` // with more than one chunk
	Mixer    []int `json:"mixer"`    // numbers of units of its hidden layers
	// The output, times the first level where there is one, is added to the pixel of the first plane.
	Residual bool `json:"residual"`
}

const (
	mostUnits      = 1 << 13
	mostLayers     = 16
	mostParameters = 1 << 25
)

// Check says what is wrong with the shape.
func (n *Network) Check() error {
	if n.Planes < 1 || n.Planes > 64 || n.Levels < 0 || n.Levels > 64 {
		return fmt.Errorf("mlpatch: %d planes and %d levels, want 1 to 64 and 0 to 64", n.Planes, n.Levels)
	}
	if err := n.Geometry.Check(); err != nil {
		return err
	}
	if n.Chunks < 1 || n.Geometry.Points()%n.Chunks != 0 {
		return fmt.Errorf("mlpatch: %d chunks of %d points, want a number that divides it", n.Chunks, n.Geometry.Points())
	}
	for _, list := range [][]int{n.Hidden, n.Mixer} {
		if len(list) > mostLayers {
			return fmt.Errorf("mlpatch: %d hidden layers, want at most %d", len(list), mostLayers)
		}
		for _, u := range list {
			if u < 1 || u > mostUnits {
				return fmt.Errorf("mlpatch: a layer of %d units, want 1 to %d", u, mostUnits)
			}
		}
	}
	if n.Chunks > 1 && (n.Features < 1 || n.Features > mostUnits) {
		return fmt.Errorf("mlpatch: chunks that end in %d features, want 1 to %d", n.Features, mostUnits)
	}
	if n.Chunks == 1 && (n.Features != 0 || len(n.Mixer) > 0) {
		return errors.New("mlpatch: features and a mixer of a network without chunks: want chunks = 2 or more, or features = 0 and no mixer")
	}
	if p := n.Parameters(); p > mostParameters {
		return fmt.Errorf("mlpatch: %d parameters, want at most %d", p, mostParameters)
	}
	return nil
}

// part is one chain of layers: sizes of the input, the hidden layers and the output.
type part struct {
	sizes []int
	at    int // of its first parameter
}

// parameters of a part: for each layer out x (in + 1), the last column the bias.
func (p part) parameters() int {
	sum := 0
	for l := 1; l < len(p.sizes); l++ {
		sum += p.sizes[l] * (p.sizes[l-1] + 1)
	}
	return sum
}

// parts are the chunks and the mixer, or the only chain.
func (n *Network) parts() (list []part) {
	at := 0
	add := func(in, out int, hidden []int) {
		p := part{append(append([]int{in}, hidden...), out), at}
		at += p.parameters()
		list = append(list, p)
	}
	points := n.Geometry.Points()
	if n.Chunks == 1 {
		add(points*n.Planes+n.Levels, 1, n.Hidden)
		return list
	}
	for range n.Chunks {
		add(points/n.Chunks*n.Planes, n.Features, n.Hidden)
	}
	add(n.Chunks*n.Features+n.Levels, 1, n.Mixer)
	return list
}

// weights is the number of parameters but for those of the geometry.
func (n *Network) weights() int {
	sum := 0
	for _, p := range n.parts() {
		sum += p.parameters()
	}
	return sum
}

// Parameters is the number of parameters: the layers', then, where the geometry is learned, the
// offsets (row, column of each point) and their factor.
func (n *Network) Parameters() int {
	if n.Geometry.Learned {
		return n.weights() + 2*n.Geometry.Points() + 1
	}
	return n.weights()
}

// Operations is the number of floating-point operations of the layers for one pixel.
func (n *Network) Operations() float64 { return 2 * float64(n.weights()) }

// Offsets are the offsets of a patch with these parameters, in pixels: (row, column) of each point.
func (n *Network) Offsets(theta []float64) []float64 {
	if !n.Geometry.Learned {
		return n.Geometry.Offsets()
	}
	list := append([]float64(nil), theta[n.weights():len(theta)-1]...)
	for i := range list {
		list[i] *= theta[len(theta)-1]
	}
	return list
}

// forStart is the purpose of the random numbers of Start.
const forStart = 31

// Start are parameters to begin a training with: normal numbers of variance 2/inputs in hidden
// layers and 1/inputs in the last, biases of 0, the offsets of the geometry. With Residual the last layer is
// 0, so that the network is the identity.
func (n *Network) Start(seed uint64) []float64 {
	theta := make([]float64, 0, n.Parameters())
	draw := random.New(seed, forStart)
	parts := n.parts()
	for k, p := range parts {
		for l := 1; l < len(p.sizes); l++ {
			spread := math.Sqrt(2 / float64(p.sizes[l-1]))
			if l == len(p.sizes)-1 {
				spread = math.Sqrt(1 / float64(p.sizes[l-1]))
				if n.Residual && k == len(parts)-1 {
					spread = 0
				}
			}
			for range p.sizes[l] {
				for range p.sizes[l-1] {
					theta = append(theta, spread*draw.Normal(uint64(len(theta))))
				}
				theta = append(theta, 0)
			}
		}
	}
	if n.Geometry.Learned {
		theta = append(append(theta, n.Geometry.Offsets()...), 1)
	}
	return theta
}
