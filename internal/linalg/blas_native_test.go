//go:build native && cgo

package linalg

import "testing"

func TestBufferCount(t *testing.T) {
	tests := []struct {
		config string
		want   int
	}{
		{"OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Zen MAX_THREADS=64", 128},
		{"OpenBLAS 0.3.29 DYNAMIC_ARCH MAX_THREADS=128 USE64BITINT", 256},
		{"OpenBLAS 0.3.21 Haswell MAX_THREADS=2", 50},
		{"OpenBLAS 0.2.20 SINGLE_THREADED", 50},
	}
	for _, test := range tests {
		if got := bufferCount(test.config); got != test.want {
			t.Errorf("%q: %d calls at once, want %d", test.config, got, test.want)
		}
	}
}
