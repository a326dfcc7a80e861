package loadbalance

import (
	"math/rand/v2"
	"testing"

	"tessera/halo"
)

// boxLoads is what each box weighs.
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

// The boxes tile the frame, none is empty, and a frame of which a corner is observed
// densely is shared better than by equal boxes.
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
	if _, err := FrameBoxes([]int{2, 2}, []float64{1, 1, 1, -1}, 2, nil); err == nil {
		t.Error("a negative weight was balanced")
	}
	if _, err := FrameBoxes([]int{2, 2}, []float64{1, 1, 1, 1}, 5, nil); err == nil {
		t.Error("five ranks were given four cells")
	}
}
