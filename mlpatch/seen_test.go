package mlpatch

import (
	"math"
	"testing"
)

// A training set of one picture has no spread by which another one could be judged: that is no error.
func TestSeenOne(t *testing.T) {
	h := make([]float64, Histograms*Bins)
	h[3], h[Bins+20], h[2*Bins+20] = 1, 1, 1
	score, strange, err := See([][]float64{h}).Score(h)
	if err != nil || strange || !math.IsNaN(score) {
		t.Errorf("score %g, strange %v, %v", score, strange, err)
	}
	if _, _, err := See([][]float64{h}).Score(h[1:]); err == nil {
		t.Error("a histogram of another length is taken")
	}
}
