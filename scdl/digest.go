package scdl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"tessera/ranks"
)

// digestTile is how many samples one of the checksums that Digest combines is of.
const digestTile = 64

// Digest is a checksum of the whole set: SHA-256, in hexadecimal, over P, M and Total
// and over the SHA-256 of each 64 samples, all as little-endian 64-bit numbers, a
// sample's high ones before its low ones. It does not depend on how the samples are
// dealt to the ranks: the first samples of a rank that belong to a tile begun on an
// earlier one are sent there, at most 63. Collective.
func (s *Samples) Digest(comm ranks.Comm) (string, error) {
	size, rank := comm.Size(), comm.Rank()
	counts := make([]int, size)
	ones := make([]int, size)
	for q := range ones {
		ones[q] = 1
	}
	all := make([]float64, size)
	if err := comm.Allgatherv(all, ones, []float64{float64(s.Count())}); err != nil {
		return "", err
	}
	first := make([]int, size+1)
	for q, n := range all {
		counts[q] = int(n)
		first[q+1] = first[q] + counts[q]
	}
	var err error
	if first[rank] != s.First || first[size] != s.Total {
		err = fmt.Errorf("scdl: samples from number %d of %d, where the ranks before hold %d of %d", s.First, s.Total, first[rank], first[size])
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return "", err
	}

	// head is how many of a rank's first samples go to the rank that holds the first
	// sample of their tile.
	head := func(q int) int { return min(counts[q], (digestTile-first[q]%digestTile)%digestTile) }
	holder := func(k int) int {
		for q := range size {
			if k < first[q+1] {
				return q
			}
		}
		return size - 1
	}
	send, receive := make([]int, size), make([]int, size)
	w := s.P + s.M
	for q := range size {
		if head(q) == 0 {
			continue
		}
		to := holder(first[q] / digestTile * digestTile)
		if q == rank {
			send[to] = head(q) * w
		}
		if to == rank {
			receive[q] = head(q) * w
		}
	}
	total := 0
	for _, n := range receive {
		total += n
	}
	tail := make([]float64, total)
	if err := comm.Alltoallv(tail, receive, s.interleaved(0, head(rank)), send); err != nil {
		return "", err
	}

	var sums []byte
	for at := head(rank); at < s.Count(); at += digestTile {
		n := min(digestTile, s.Count()-at)
		tile := s.interleaved(at, at+n)
		if n < digestTile {
			tile = append(tile, tail...)
		}
		sum := sha256.Sum256(littleEndian(tile))
		sums = append(sums, sum[:]...)
	}
	return combine(comm, sums, littleEndian([]float64{float64(s.P), float64(s.M), float64(s.Total)}))
}

// interleaved is the samples lo to hi of this rank, each high then low.
func (s *Samples) interleaved(lo, hi int) []float64 {
	out := make([]float64, 0, (hi-lo)*(s.P+s.M))
	for i := lo; i < hi; i++ {
		out = append(out, s.High[i*s.P:(i+1)*s.P]...)
		out = append(out, s.Low[i*s.M:(i+1)*s.M]...)
	}
	return out
}

func littleEndian(x []float64) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// combine hashes the checksums of all ranks in their order, after a prefix. Collective.
func combine(comm ranks.Comm, sums, prefix []byte) (string, error) {
	const tag = 7201
	total := sha256.New()
	digest := make([]byte, sha256.Size)
	length := []float64{float64(len(sums))}
	if comm.Rank() != 0 {
		if err := comm.Send(length, 0, tag); err != nil {
			return "", err
		}
		if len(sums) > 0 {
			if err := comm.SendBytes(sums, 0, tag); err != nil {
				return "", err
			}
		}
	} else {
		total.Write(prefix)
		total.Write(sums)
		for q := 1; q < comm.Size(); q++ {
			if _, err := comm.Recv(length, q, tag); err != nil {
				return "", err
			}
			theirs := make([]byte, int(length[0]))
			if len(theirs) > 0 {
				if _, err := comm.RecvBytes(theirs, q, tag); err != nil {
					return "", err
				}
			}
			total.Write(theirs)
		}
		total.Sum(digest[:0])
	}
	if err := comm.BcastBytes(digest, 0); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest), nil
}
