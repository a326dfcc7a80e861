package scdl

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"
	"testing"

	"tessera/ranks"
)

// digests computes the digest with the samples cut at the given numbers, on every rank.
func digests(t *testing.T, s *Samples, cuts []int) []string {
	t.Helper()
	var mu sync.Mutex
	var all []string
	bounds := slices.Concat([]int{0}, cuts, []int{s.Total})
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: len(bounds) - 1}, func(_ context.Context, c ranks.Comm) error {
		lo, hi := bounds[c.Rank()], bounds[c.Rank()+1]
		part := &Samples{P: s.P, M: s.M, First: lo, Total: s.Total, High: s.High[lo*s.P : hi*s.P], Low: s.Low[lo*s.M : hi*s.M]}
		d, err := part.Digest(c)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDigest(t *testing.T) {
	s := spectra(200, 1)
	total := sha256.New()
	numbers := func(x ...float64) []byte {
		b, err := binary.Append(nil, binary.LittleEndian, x)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	total.Write(numbers(float64(s.P), float64(s.M), 200))
	for at := 0; at < 200; at += 64 {
		tile := sha256.New()
		for i := at; i < min(200, at+64); i++ {
			tile.Write(numbers(s.High[i*s.P : (i+1)*s.P]...))
			tile.Write(numbers(s.Low[i*s.M : (i+1)*s.M]...))
		}
		total.Write(tile.Sum(nil))
	}
	want := hex.EncodeToString(total.Sum(nil))
	for _, cuts := range [][]int{nil, {64}, {128}, {64, 64, 128, 192}, {0, 0, 192}, {200}} {
		for _, got := range digests(t, s, cuts) {
			if got != want {
				t.Errorf("cut at %v: %s, want %s", cuts, got, want)
			}
		}
	}
	s.Low[17] += 1e-15
	if got := digests(t, s, nil)[0]; got == want {
		t.Error("a sample changed and the digest did not")
	}
}
