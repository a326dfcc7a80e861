package scdl

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestBicubic(t *testing.T) {
	g := Grid{Scale: 2, Patch: 5, Blur: 0}
	// A parabola is reproduced away from the borders.
	y := &Image{Rows: 12, Cols: 10, Data: make([]float64, 120)}
	for i := range y.Data {
		r, c := float64(i/10), float64(i%10)
		y.Data[i] = 1 + 0.5*r - 0.25*c + 0.1*r*r
	}
	x := wholeBicubic(g, y, 24, 20)
	for i := 4; i < 20; i++ {
		for j := 4; j < 16; j++ {
			r, c := float64(i)/2-0.25, float64(j)/2-0.25
			if want := 1 + 0.5*r - 0.25*c + 0.1*r*r; math.Abs(x.Data[i*20+j]-want) > 1e-12 {
				t.Fatalf("pixel %d, %d: %g, want %g", i, j, x.Data[i*20+j], want)
			}
		}
	}
}

func TestPairs(t *testing.T) {
	g := Grid{Scale: 3, Patch: 5, Blur: 1}
	if g.High() != 15 || g.Check() != nil || (Grid{Scale: 5, Patch: 5}).Check() == nil || (Grid{Scale: 2, Patch: 4}).Check() == nil {
		t.Error("sizes of patches")
	}
	images := []*Image{madeUp(1, 60), madeUp(2, 50)}
	var all, part Samples
	if err := g.Pairs(images, 7, 0, 40, &all); err != nil {
		t.Fatal(err)
	}
	if err := g.Pairs(images, 7, 20, 40, &part); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.High[20*all.P:], part.High) || !slices.Equal(all.Low[20*all.M:], part.Low) {
		t.Error("a patch depends on the other patches of the call")
	}
	if err := g.Pairs([]*Image{madeUp(1, 12)}, 7, 0, 1, &part); err == nil {
		t.Error("patches from an image that is too small")
	}
}

// In a picture with only one corner that is not flat, every patch is from there.
func TestPairsAreNotFlat(t *testing.T) {
	g := Grid{Scale: 2, Patch: 3, Blur: 0.5}
	x := &Image{Rows: 60, Cols: 60, Data: make([]float64, 3600)}
	for i := range 6 {
		for j := range 6 {
			x.Data[i*60+j] = float64((i + j) % 2)
		}
		x.Data[i*61] = 0.3
	}
	var s Samples
	if err := g.Pairs([]*Image{x}, 1, 0, 100, &s); err != nil {
		t.Fatal(err)
	}
	for k := range 100 {
		low := s.Low[k*s.M : (k+1)*s.M]
		if slices.Max(low)-slices.Min(low) <= flat {
			t.Errorf("patch %d is flat: %v", k, low)
		}
	}
	clear(x.Data)
	if err := g.Pairs([]*Image{x}, 1, 0, 1, &s); err == nil || !strings.Contains(err.Error(), "the images are flat") {
		t.Errorf("flat images: %v", err)
	}
}
