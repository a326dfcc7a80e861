package kernel

import (
	"strings"

	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// checkRoom refuses counts and shapes of the config that need far more memory than there
// is. It counts what a run cannot do without; plan says more. Collective.
func (c *settings) checkRoom(comm ranks.Comm) error {
	var bytes float64
	var keys []string
	share := 1 / float64(comm.Size())
	add := func(key string, each, root float64) {
		if comm.Rank() == 0 {
			each += root
		}
		bytes += each
		keys = append(keys, key)
	}
	places := 0.0
	switch {
	case c.Frame.Pixels:
		rows, cols := c.Frame.Rows, c.Frame.Cols
		if c.Frame.Truth == "" && c.Observations.Path == "" {
			rows, cols = c.Frame.shape()
		}
		if c.Frame.Truth == "" {
			places = float64(rows) * float64(cols)
			add("frame.rows and frame.cols", 0, 8*4*places) // pixels and weights, nearest neighbours, inpainting
		}
	case c.Observations.Path == "":
		n, d := float64(c.Simulate.Count), float64(c.Simulate.Dim)
		add("simulate.count", 8*share*n*(2*d+8), 8*n*(2*d+7))
	}
	if shape, _ := c.Evaluate.Shape.Ints(1); len(shape) > 0 && !c.Frame.Pixels {
		places = product(shape)
		keys = append(keys, "evaluate.shape")
	}
	add("", 8*2*share*places, 8*2*places)
	return lifecycle.CheckRoom(comm, bytes, strings.Join(keys[:len(keys)-1], " or "))
}
