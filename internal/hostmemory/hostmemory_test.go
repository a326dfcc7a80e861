package hostmemory

import (
	"math"
	"testing"
)

func TestTotal(t *testing.T) {
	for text, want := range map[string]float64{
		"MemTotal:       1000 kB\nMemFree: 7 kB\nSwapTotal:  24 kB\n": 1024 * 1024,
		"MemTotal:\nnothing here":                                     math.Inf(1),
		"":                                                            math.Inf(1),
	} {
		if got := total(text); got != want {
			t.Errorf("%q: %g bytes, want %g", text, got, want)
		}
	}
	if Total() < 1<<20 {
		t.Errorf("a host with %g bytes of memory", Total())
	}
}
