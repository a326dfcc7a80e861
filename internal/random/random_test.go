package random

import (
	"math"
	"runtime"
	"slices"
	"testing"
)

// The reference outputs of SplitMix64 for the seed 1234567, as the generator's many
// published implementations print them.
func TestReferenceOutputs(t *testing.T) {
	want := []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821}
	for k, w := range want {
		if got := Stream(1234567).Bits(uint64(k)); got != w {
			t.Errorf("number %d is %d, want %d", k, got, w)
		}
	}
	if got := Hash(1234567); got != want[0] {
		t.Errorf("Hash(1234567) = %d, want %d", got, want[0])
	}
}

// The bits that jobs have drawn since the first version; the values were printed by it.
func TestFixedBits(t *testing.T) {
	for x, want := range map[uint64]uint64{
		0: 0, 1: 0x5692161d100b05e5, Increment: 0xe220a8397b1dcdaf, math.MaxUint64: 0xb4d055fcf2cbbd7b,
	} {
		if got := Mix(x); got != want {
			t.Errorf("Mix(%#x) = %#x, want %#x", x, got, want)
		}
	}
	s := New(42, 3, 7)
	if s != 0x8610694c757b6eb2 {
		t.Errorf("New(42, 3, 7) = %#x", uint64(s))
	}
	for k, want := range [][4]uint64{
		{0x05b1bd8ea3a4848e, 0x3f96c6f63a8e9210, 0x4005f034aa8e4f12, 0x3fd3560cf688ee68},
		{0x047888b4f49a41c7, 0x3f91e222d3d26910, 0xbfe8e07a03258e22, 0xbfc15e5c46afb6ef},
		{0xbb80bef07894eb90, 0x3fe77017de0f129e, 0xbffaecd63256218d, 0xbf8742c000ae2aa0},
	} {
		i := uint64(k)
		even, odd := s.Normals(i)
		if got := [2]uint64{s.Bits(i), math.Float64bits(s.Uniform(i))}; got != [2]uint64(want[:2]) {
			t.Errorf("number %d: %#x, want %#x", k, got, want)
		}
		for j, v := range []float64{even, odd} {
			// Processors with fused multiply-add round a logarithm differently.
			w := math.Float64frombits(want[2+j])
			if v != w && (runtime.GOARCH == "amd64" || math.Abs(v-w) > 1e-14) {
				t.Errorf("normal number %d is %v, want %v", 2*k+j, v, w)
			}
		}
		if s.Normal(2*i) != even || s.Normal(2*i+1) != odd {
			t.Errorf("Normal(%d) and Normal(%d) are not Normals(%d)", 2*i, 2*i+1, i)
		}
	}
}

func TestUniformStaysInside(t *testing.T) {
	s := New(7, 3, 3)
	lo, hi, sum := 1.0, 0.0, 0.0
	const n = 1 << 20
	for k := range uint64(n) {
		u := s.Uniform(k)
		lo, hi, sum = min(lo, u), max(hi, u), sum+u
	}
	if lo <= 0 || hi >= 1 || lo > 1e-5 || hi < 1-1e-5 || math.Abs(sum/n-0.5) > 4*math.Sqrt(1.0/12/n) {
		t.Errorf("%v to %v, mean %v", lo, hi, sum/n)
	}
}

// Streams of neighbouring paths share no number and are not correlated.
func TestStreamsAreApart(t *testing.T) {
	const n = 1 << 12
	keys := []Stream{New(1), New(1, 0), New(1, 1), New(1, 0, 1), New(1, 1, 0), New(2, 0, 1), New(1, 0, 0)}
	var all []uint64
	for i, a := range keys {
		for k := range uint64(n) {
			all = append(all, a.Bits(k))
		}
		for _, b := range keys[:i] {
			c := 0.0
			for k := range uint64(n) {
				c += a.Normal(k) * b.Normal(k)
			}
			if d := math.Abs(c) / math.Sqrt(n); d > 4.5 {
				t.Errorf("streams %#x and %#x correlate: %.1f standard errors", uint64(a), uint64(b), d)
			}
		}
	}
	slices.Sort(all)
	if unique := len(slices.Compact(all)); unique != n*len(keys) {
		t.Errorf("%d of %d numbers are unique", unique, n*len(keys))
	}
}
