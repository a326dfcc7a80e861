package psf

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"tessera/ranks"
)

// countdown is a context that is cancelled once its error has been asked for left times: a solve on
// one rank asks before each stamp of the sparse form and in each iteration of the low-rank form, so
// that it stops between two stamps, or at the iteration of a convergence check.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// stopAfter cancels a solve on three ranks after rank 0 has asked its context a number of times,
// and returns the snapshot; nil when the solve has ended before.
func stopAfter(t *testing.T, s *Stack, o Options, asked int) *shelf {
	t.Helper()
	kept := &shelf{}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3, Grace: time.Minute}, func(ctx context.Context, c ranks.Comm) error {
		part, own := stretch(s, o, 3, c.Rank())
		own.Save = kept.save
		if c.Rank() == 0 {
			ctx = &countdown{ctx, asked}
		}
		_, err := Deconvolve(ctx, c, part, own)
		return err
	})
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, context.Canceled) || kept.saves != 3:
		t.Fatalf("stopped after %d: %v, %d saves", asked, err, kept.saves)
	}
	return kept
}

// made is the number of iterations that all stamps of a snapshot have made: in the sparse form from
// the second and third number of their records, in the low-rank form from what all ranks know.
func (k *shelf) made(t *testing.T) int {
	var m meta
	if err := gob.NewDecoder(bytes.NewReader(k.meta)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	if m.Low != nil {
		return m.Low.Iteration * m.Total
	}
	made := 0.0
	for _, r := range k.records {
		made += math.Float64frombits(binary.LittleEndian.Uint64(r[8:])) + math.Float64frombits(binary.LittleEndian.Uint64(r[16:]))
	}
	return int(made)
}

// Every stopping rule ends a solve that was stopped and continued where it ends one that was not,
// wherever it was stopped: some ranks may have made the iterations of the next convergence check
// and others not.
func TestStoppingRulesResume(t *testing.T) {
	s := smallStack(11, 7, 9, 5, true)
	for name, o := range map[string]Options{
		"sparse, still":                  {Still: 1e-2},
		"sparse, tolerance":              {Tolerance: 1e-3},
		"sparse, each stamp":             {StampTolerance: 1e-3, Balance: true},
		"sparse, each stamp, still":      {StampTolerance: 1e-4, Still: 1e-2, Balance: true},
		"sparse, still, in two passes":   {Still: 1e-2, Reweightings: 1},
		"sparse, all iterations":         {MaxIterations: 14, Still: 1e-9},
		"low rank, still":                {Mode: LowRank, Threshold: Soft, Still: 1e-2},
		"low rank, tolerance":            {Mode: LowRank, Threshold: Soft, Tolerance: 1e-2},
		"low rank, reweighted, still":    {Mode: LowRank, Settle: 6, Still: 1e-2},
		"low rank, all iterations":       {Mode: LowRank, MaxIterations: 14, Still: 1e-9},
		"low rank, all, double, settled": {Mode: LowRank, Precision: Double, Block: 3, Settle: 3, MaxIterations: 13, Still: 1e-9},
	} {
		t.Run(name, func(t *testing.T) {
			if o.MaxIterations == 0 {
				o.MaxIterations = 200
			}
			o.CheckEvery = 4
			whole := solve(t, 3, s, o)
			if o.MaxIterations == 200 && !whole.Converged {
				t.Fatalf("the solve that is not stopped makes all %d iterations", whole.Iterations)
			}
			stops, stride := 0, whole.Iterations/6|1 // odd: it meets every place between two checks
			for at := 1; ; at += stride {
				kept := stopAfter(t, s, o, at)
				if kept == nil {
					break
				}
				stops++
				for _, size := range []int{3, 1 + stops%2} {
					r, err := trySolve(size, s, o, func(_ ranks.Comm, o *Options) { o.Resume = kept.snapshot() })
					if err != nil {
						t.Fatal(err)
					}
					what := fmt.Sprintf("stopped after %d, continued on %d", at, size)
					if r.Iterations != whole.Iterations || r.Converged != whole.Converged || len(r.Checks) != len(whole.Checks) {
						t.Errorf("%s: ends after %d iterations and %d checks, converged %v, want %d, %d, %v",
							what, r.Iterations, len(r.Checks), r.Converged, whole.Iterations, len(whole.Checks), whole.Converged)
						continue
					}
					if made := r.Made + kept.made(t); made != whole.Made {
						t.Errorf("%s: %d iterations of stamps before and after, want %d", what, made, whole.Made)
					}
					last, want := r.Checks[len(r.Checks)-1], whole.Checks[len(whole.Checks)-1]
					if size == 3 && (last.Change != want.Change || !slices.Equal(r.Data, whole.Data) || r.Accuracy != whole.Accuracy || r.Passes != whole.Passes) {
						t.Errorf("%s: not the same to the last bit", what)
					}
					if math.Abs(last.Change-want.Change) > 1e-4*want.Change {
						t.Errorf("%s: the last iteration has changed the stack by %g, want %g", what, last.Change, want.Change)
					}
					for i, v := range whole.Data {
						if math.Abs(v-r.Data[i]) > 1e-5 {
							t.Fatalf("%s: number %d is off by %.1e", what, i, math.Abs(v-r.Data[i]))
						}
					}
				}
			}
			if stops < 3 {
				t.Fatalf("stopped only %d times", stops)
			}
		})
	}
}
