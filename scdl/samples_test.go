package scdl

import "testing"

func TestShare(t *testing.T) {
	for _, c := range []struct {
		total int
		ends  []int // of each rank
	}{
		{0, []int{0, 0}},
		{1, []int{1, 1, 1}},
		{64, []int{64, 64}},
		{65, []int{64, 65, 65}},
		{256, []int{64, 128, 192, 256}},
		{300, []int{128, 256, 300}},
		{300, []int{192, 300}},
		{1000, []int{1000}},
	} {
		at := 0
		for rank, end := range c.ends {
			if lo, hi := Share(c.total, len(c.ends), rank); lo != at || hi != end {
				t.Errorf("rank %d of %d has %d to %d of %d samples, want %d to %d", rank, len(c.ends), lo, hi, c.total, at, end)
			}
			at = end
		}
	}
}
