package outliers

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Values far from all others are found however many of a hundred they are, and no value of a wide or skewed distribution is.
func TestApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	field := make([]float64, 1000)
	skewed := make([]float64, 1000)
	for i := range field {
		field[i], skewed[i] = 150+2*rng.Float64(), math.Exp(2*rng.NormFloat64())
	}
	with := func(values []float64, v float64, n int) []float64 {
		list := append([]float64(nil), values...)
		for i := range n {
			list[7*i] = v
		}
		return list
	}
	for name, c := range map[string]struct {
		values []float64
		want   int
	}{
		"a field":               {field, 0},
		"a skewed distribution": {skewed, 0},
		"one at 99":             {with(field, 99, 1), 1},
		"thirty at 99":          {with(field, 99, 30), 30},
		"a hundred at 65535":    {with(field, 65535, 100), 100},
		"NaN is missing":        {with(field, math.NaN(), 30), 0},
		"two fields":            {with(field, 10, 140), 140},
		"two large fields":      {append(with(field, 10, 140), with(field, 10, 140)[:500:500]...), 0},
		"equal values":          {with(make([]float64, 100), 3, 5), 0},
		"few values":            {with(field, 99, 1)[:10], 0},
	} {
		if name == "two large fields" {
			for i := range 400 { // a fifth and more
				c.values[i] = 10
			}
		}
		got := 0
		if g := Apart(c.values); g != nil {
			if got = len(g.Far); g.Low < 150 || g.High > 152 {
				t.Errorf("%s: the others are from %g to %g", name, g.Low, g.High)
			}
		}
		if got != c.want {
			t.Errorf("%s: %d values, want %d", name, got, c.want)
		}
	}
}
