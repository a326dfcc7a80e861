package tppa

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
	"tessera/train"
)

// Pair is a truth and the data that were seen of it.
type Pair struct{ Truth, Data []float64 }

// Training is a set of pairs, of which a rank holds those of halo.Split(Count, ranks, rank).
type Training struct {
	Count int
	Pairs []Pair // of this rank, in order
	// Run of a pair's operator on a world of one, the same for all pairs of this rank.
	Run *Run
}

// Problem is the training as package train takes it, from the parameters start.
func (t *Training) Problem(comm ranks.Comm, start []float64) *train.Problem {
	lo, _ := halo.Split(t.Count, comm.Size(), comm.Rank())
	return &train.Problem{Start: start, Items: t.Count, Gradient: func(item int, theta, g []float64) (float64, error) {
		p := t.Pairs[item-lo]
		return t.Run.Gradient(theta, p.Data, p.Truth, g)
	}}
}

// Train minimises the mean loss of the pairs. Collective, with the results of train.Run.
func (t *Training) Train(ctx context.Context, comm ranks.Comm, start []float64, o train.Options) (*train.Result, error) {
	lo, hi := halo.Split(t.Count, comm.Size(), comm.Rank())
	var err error
	if len(t.Pairs) != hi-lo {
		err = fmt.Errorf("tppa: this rank holds %d pairs, want %d of %d", len(t.Pairs), hi-lo, t.Count)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	return train.Run(ctx, comm, t.Problem(comm, start), o)
}

// Digest is a SHA-256 of all pairs, in hexadecimal; the same on all ranks and on any number of
// them. Collective.
func (t *Training) Digest(comm ranks.Comm) (string, error) {
	const words = sha256.Size / 4 // 32 bits each, which a float64 carries exactly
	all := make([]float64, t.Count*words)
	lo, _ := halo.Split(t.Count, comm.Size(), comm.Rank())
	for i, p := range t.Pairs {
		h := sha256.New()
		var bytes [8]byte
		for _, part := range [][]float64{p.Truth, p.Data} {
			for _, v := range part {
				binary.LittleEndian.PutUint64(bytes[:], math.Float64bits(v))
				h.Write(bytes[:])
			}
		}
		sum := h.Sum(nil)
		for k := range words {
			all[(lo+i)*words+k] = float64(binary.LittleEndian.Uint32(sum[4*k:]))
		}
	}
	if err := comm.Allreduce(all, all, ranks.Sum); err != nil {
		return "", err
	}
	h := sha256.New()
	for _, v := range all {
		binary.Write(h, binary.LittleEndian, uint32(v))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
