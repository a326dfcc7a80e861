package scdl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"tessera/ranks"
)

// Digest is a checksum of the whole set: SHA-256, in hexadecimal, over P, M and Total
// and over the SHA-256 of each TileSamples samples, all as little-endian 64-bit numbers,
// a sample's high ones before its low ones. It does not depend on the number of ranks,
// each of which has whole tiles. Collective.
func (s *Samples) Digest(comm ranks.Comm) (string, error) {
	if err := ranks.AgreeError(comm, s.Check()); err != nil {
		return "", err
	}
	var sums []byte
	for at := 0; at < s.Count(); at += TileSamples {
		sum := sha256.Sum256(littleEndian(s.interleaved(at, min(at+TileSamples, s.Count()))))
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
