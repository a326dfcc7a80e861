package scdl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"tessera/ranks"
)

// Digest is a checksum of the whole set in hexadecimal: the SHA-256 of P, M, Total and
// the SHA-256 of each tile of TileSamples samples. Numbers enter as little-endian
// float64, those of the high sample before those of the low one. It is the same on all
// ranks and does not depend on their number; so is an error, if a part is wrong or the
// parts do not make up the whole set. Collective.
func (s *Samples) Digest(comm ranks.Comm) (string, error) {
	if err := s.agree(comm, "Digest", nil); err != nil {
		return "", err
	}
	var sums []byte
	for at := 0; at < s.Count(); at += TileSamples {
		sum := sha256.Sum256(littleEndian(s.interleaved(at, min(at+TileSamples, s.Count()))))
		sums = append(sums, sum[:]...)
	}
	return combine(comm, sums, littleEndian([]float64{float64(s.P), float64(s.M), float64(s.Total)}))
}

// interleaved are the samples lo <= i < hi of this rank, each high then low.
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

// combine is the SHA-256 of prefix and the checksums of all ranks in their order.
// Collective.
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
