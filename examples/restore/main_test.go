package main

import (
	"math"
	"path/filepath"
	"testing"
)

// The restored picture is nearer to the picture that was blurred, truth.pgm.
func TestRestore(t *testing.T) {
	out := filepath.Join(t.TempDir(), "restored.pgm")
	if err := restore("blurred.pgm", out); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []float64 {
		rows, cols, picture, err := readPGM(name)
		if err != nil || rows != 64 || cols != 64 {
			t.Fatalf("%s: %d x %d, %v", name, rows, cols, err)
		}
		return picture
	}
	truth := read("truth.pgm")
	rms := func(a []float64) float64 {
		sum := 0.0
		for i, v := range a {
			sum += (v - truth[i]) * (v - truth[i])
		}
		return math.Sqrt(sum / float64(len(a)))
	}
	before, after := rms(read("blurred.pgm")), rms(read(out))
	t.Logf("error %.1f before, %.1f after", before, after)
	if after > 0.7*before {
		t.Errorf("the error is %.1f grey levels before and %.1f after", before, after)
	}
}
