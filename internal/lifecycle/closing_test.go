package lifecycle

import "testing"

func TestChange(t *testing.T) {
	for _, c := range []struct {
		from, to float64
		want     string
	}{
		{100, 100.034, "+0.034 %"}, {100, 92.3, "-7.7 %"}, {100, 90.04, "-10 %"}, {100, 1, "-99 %"}, {100, 0.4, "-100 %"}, {100, 0, "-100 %"},
		{-5, -15, "+200 %"}, {1, 101, "+10000 %"}, {1e-9, 1, "+1e+11 %"}, {3, 3, "+0 %"},
	} {
		if got := change(c.from, c.to); got != c.want {
			t.Errorf("from %g to %g: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}
