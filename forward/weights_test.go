package forward

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// Weights of one plane act on every channel, and missing pixels hide what they hold.
func TestWeights(t *testing.T) {
	w := Weights{4, 0, 9}
	data := func() []float64 { return []float64{1, math.NaN(), 2, 3, math.Inf(1), 4} }
	for what, c := range map[string]struct {
		do         func(Weights, []float64)
		want, ones []float64
	}{
		"Apply":     {Weights.Apply, []float64{4, 0, 18, 12, 0, 36}, []float64{1, 5, 2}},
		"ApplySqrt": {Weights.ApplySqrt, []float64{2, 0, 6, 6, 0, 12}, []float64{1, 5, 2}},
	} {
		a := data()
		c.do(w, a)
		if !slices.Equal(a, c.want) {
			t.Errorf("%s gives %v, want %v", what, a, c.want)
		}
		plain := []float64{1, 5, 2}
		if c.do(nil, plain); !slices.Equal(plain, c.ones) {
			t.Errorf("%s of nil weights gives %v, want %v", what, plain, c.ones)
		}
	}
	a := []float64{1, 2, 3, 4, 5, 6}
	w.Mark(a)
	for i, v := range a {
		if math.IsNaN(v) != (i%3 == 1) || w.Missing(i) != (i%3 == 1) || w.At(i) != w[i%3] {
			t.Errorf("value %d: marked %v, Missing %v, At %v", i, v, w.Missing(i), w.At(i))
		}
	}
	if none := Weights(nil); none.At(5) != 1 || none.Missing(5) || none.Observed(6) != 6 || w.Observed(6) != 4 {
		t.Errorf("nil weights: %v, %v, %d observed; %v has %d observed", none.At(5), none.Missing(5), none.Observed(6), w, w.Observed(6))
	}
}

func TestWeightsCheck(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		w     Weights
		data  []float64
		want  string // "" = nothing is wrong
		index int    // -1: no *ValueError
	}{
		{Weights{1, 0}, []float64{1, nan, 2, inf}, "", -1},
		{nil, []float64{1, 2, 3, 4}, "", -1},
		{Weights{1}, []float64{1, 2, 3, 4}, "1 weights, want 2", -1},
		{Weights{1, -1}, []float64{1, 2, 3, 4}, "weight -1 at pixel 1, want 0 or more", 1},
		{Weights{nan, 1}, []float64{1, 2, 3, 4}, "weight NaN at pixel 0", 0},
		{Weights{1, inf}, []float64{1, 2, 3, 4}, "weight +Inf at pixel 1", 1},
		{Weights{0, 1}, []float64{1, 2, 3, nan}, "data value NaN at pixel 1, which the weights do not mark as missing", 1},
		{nil, []float64{1, 2, inf, 4}, "data value +Inf at pixel 0", 0},
	} {
		err := c.w.Check(c.data, 2)
		if c.want == "" {
			if err != nil {
				t.Errorf("%v of %v: %v", c.w, c.data, err)
			}
			continue
		}
		var bad *ValueError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &bad) != (c.index >= 0) || bad != nil && bad.Index != c.index {
			t.Errorf("%v of %v: %v, want %q", c.w, c.data, err, c.want)
		}
	}
	e := &ValueError{Index: 3, Value: -1, Weight: true}
	if got := e.At("row 1, column 0"); got != "weight -1 at row 1, column 0, want 0 or more" {
		t.Errorf("At gives %q", got)
	}
}
