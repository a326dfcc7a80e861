package outliers

import (
	"math"
	"slices"
)

// Limits of Apart.
const (
	apartFar   = 15  // distance from the median in interquartile ranges
	apartGap   = 2   // distance of the nearest value that is apart by that of the farthest other one
	apartShare = 0.2 // share of the values from which on they are the nature of the data
	apartFew   = 20  // values from which on quartiles tell anything
)

// Group is what Apart has found.
type Group struct {
	Far       []int   // places of the values that are apart
	Low, High float64 // the least and the largest of the others
}

// Apart tells values without an order that lie far from all others: farther than 15 interquartile ranges from the median, with
// a gap between them and the others that is as wide as these reach. Values that are not finite are missing. nil: there are none,
// or they are more than a fifth. A wide field or a skewed distribution has no such gap. Cost n log n.
func Apart(values []float64) *Group {
	var list []float64
	for _, v := range values {
		if v-v == 0 {
			list = append(list, v)
		}
	}
	n := len(list)
	if n < apartFew {
		return nil
	}
	slices.Sort(list)
	middle, range4 := list[n/2], list[3*n/4]-list[n/4]
	g := &Group{Low: math.Inf(1), High: math.Inf(-1)}
	near, far := 0.0, math.Inf(1)
	for i, v := range values {
		d := math.Abs(v - middle)
		switch {
		case v-v != 0:
		case d > apartFar*range4 && range4 > 0:
			g.Far, far = append(g.Far, i), min(far, d)
		default:
			g.Low, g.High, near = min(g.Low, v), max(g.High, v), max(near, d)
		}
	}
	if len(g.Far) == 0 || far < apartGap*near || float64(len(g.Far)) > apartShare*float64(n) {
		return nil
	}
	return g
}
