package loadbalance

import (
	"math"
	"math/rand/v2"
	"testing"

	"tessera/halo"
)

// boxLoads is the sum of the weights in each box.
func boxLoads(cols int, weight []float64, boxes []halo.Box) []float64 {
	loads := make([]float64, len(boxes))
	for r, b := range boxes {
		for y := b.Lo[0]; y < b.Hi[0]; y++ {
			for x := b.Lo[1]; x < b.Hi[1]; x++ {
				loads[r] += weight[y*cols+x]
			}
		}
	}
	return loads
}

// The boxes cover the frame and none is empty. If most weight lies in one corner, the
// loads are more equal than those of boxes of equal size.
func TestFrameBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 0))
	const rows, cols = 96, 71
	for _, kind := range []string{"even", "corner", "zero", "one pixel"} {
		weight := make([]float64, rows*cols)
		for i := range weight {
			switch {
			case kind == "even":
				weight[i] = 1
			case kind == "corner" && (i/cols < rows/2 && i%cols < cols/2 || rng.IntN(10) == 0):
				weight[i] = 1
			case kind == "one pixel" && i == 77:
				weight[i] = 1
			}
		}
		for _, n := range []int{1, 2, 3, 4, 7, 16, 64} {
			boxes, err := FrameBoxes([]int{rows, cols}, weight, n, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := halo.FromBoxes([]int{rows, cols}, boxes); err != nil {
				t.Fatalf("%s, %d ranks: %v", kind, n, err)
			}
			for r, b := range boxes {
				if b.Empty() {
					t.Errorf("%s, %d ranks: box %d is empty", kind, n, r)
				}
			}
			if kind != "corner" || n == 1 {
				continue
			}
			d, err := halo.Decompose([]int{rows, cols}, n)
			if err != nil {
				t.Fatal(err)
			}
			var equal []halo.Box
			for r := range n {
				equal = append(equal, d.Owned(r))
			}
			before, after := E(boxLoads(cols, weight, equal)), E(boxLoads(cols, weight, boxes))
			if after < before || n <= 16 && after < 0.75 { // of 64 each has some ten rows and columns
				t.Errorf("%d ranks: E = %.3f, of equal boxes %.3f", n, after, before)
			}
		}
	}
	boxes, err := FrameBoxes([]int{rows, cols}, make([]float64, rows*cols), 7, []int{8, 12})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if b.Lo[0]%8 != 0 || b.Lo[1]%12 != 0 || b.Hi[0]%8 != 0 && b.Hi[0] != rows || b.Hi[1]%12 != 0 && b.Hi[1] != cols {
			t.Errorf("box %v cuts tiles of 8 x 12", b)
		}
	}
}

func TestFrameBoxesErrors(t *testing.T) {
	ones := []float64{1, 1, 1, 1}
	for _, c := range []struct {
		shape  []int
		weight []float64
		ranks  int
		tile   []int
		want   string
	}{
		{nil, nil, 1, nil, "a frame of [] cells for 1 ranks: want 1 to 3 axes and 1 rank or more"},
		{[]int{1, 1, 2, 2}, ones, 1, nil, "a frame of [1 1 2 2] cells for 1 ranks: want 1 to 3 axes and 1 rank or more"},
		{[]int{2, 2}, ones, 0, nil, "a frame of [2 2] cells for 0 ranks: want 1 to 3 axes and 1 rank or more"},
		{[]int{-2, -2}, ones, 1, nil, "a frame of [-2 -2] cells: want 1 or more along every axis"},
		{[]int{2, 2}, ones[1:], 2, nil, "3 weights for [2 2] = 4 cells"},
		{[]int{2, 2}, []float64{1, 1, 1, -1}, 2, nil, "weight -1 at cell 3: want 0 or more"},
		{[]int{2, 2}, []float64{1, math.NaN(), 1, 1}, 2, nil, "weight NaN at cell 1: want 0 or more"},
		{[]int{2, 2}, ones, 2, []int{1}, "tiles of 1 axes for a frame of 2"},
		{[]int{2, 2}, ones, 2, []int{1, 0}, "tiles of [1 0] cells: want 1 or more along every axis"},
		{[]int{2, 2}, ones, 5, nil, "[2 2] cells in tiles of [1 1] are too few for 5 ranks"},
	} {
		if _, err := FrameBoxes(c.shape, c.weight, c.ranks, c.tile); err == nil || err.Error() != "loadbalance: "+c.want {
			t.Errorf("FrameBoxes(%v, %v, %d, %v): %v, want %s", c.shape, c.weight, c.ranks, c.tile, err, c.want)
		}
	}
}
