package psf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tessera/ranks"
)

// shelf stores the last snapshot of all ranks in memory.
type shelf struct {
	mu      sync.Mutex
	meta    []byte
	records map[int][]byte
	saves   int
}

func (k *shelf) save(s *Snapshot) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.records == nil {
		k.records = map[int][]byte{}
	}
	k.meta = s.Meta
	k.saves++
	for i, id := range s.IDs {
		record := make([]byte, s.RecordBytes)
		s.Fill(i, record)
		k.records[id] = record
	}
	return nil
}

func (k *shelf) snapshot() *Snapshot {
	return &Snapshot{Meta: k.meta, Records: func(ids []int, use func(int, []byte) error) error {
		for _, id := range ids {
			if r := k.records[id]; r != nil {
				if err := use(id, r); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// stopAt cancels the context of a solve at a convergence check, and returns the snapshot
// that it saved.
func stopAt(t *testing.T, size int, s *Stack, o Options, at int) *shelf {
	t.Helper()
	kept := &shelf{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := ranks.Launch(ctx, ranks.Options{Ranks: size, Grace: time.Minute}, func(ctx context.Context, c ranks.Comm) error {
		part, own := stretch(s, o, size, c.Rank())
		own.Save = kept.save
		own.Progress = func(p Progress) {
			if p.Iteration >= at {
				cancel()
			}
		}
		_, err := Deconvolve(ctx, c, part, own)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled solve ended with %v", err)
	}
	if kept.saves != size || len(kept.records) != s.Total {
		t.Fatalf("%d saves of %d stamps on %d ranks", kept.saves, len(kept.records), size)
	}
	return kept
}

// A solve that was stopped and continued has the result of one that was not: to the last
// bit on the same number of ranks, to 1e-10 on another number.
func TestResume(t *testing.T) {
	sizes, stops := []int{3, 1, 2, 7}, []int{4, 16, 24, 36}
	if testing.Short() {
		sizes, stops = []int{3, 2}, []int{16, 24}
	}
	for _, o := range []Options{
		{Reweightings: 1},
		{Border: Wrap, StampTolerance: 1e-3, Balance: true, Reweightings: 2},
		{Mode: LowRank, Precision: Double, Block: 3},
		{Mode: LowRank, Threshold: Hard},
	} {
		o.MaxIterations, o.CheckEvery = 24, 4
		s := smallStack(11, 10, 9, 5, true)
		whole := map[int]*Result{}
		for _, size := range sizes {
			whole[size] = solve(t, size, s, o)
		}
		for _, at := range stops {
			if at >= 24 && o.Reweightings == 0 {
				continue
			}
			kept := stopAt(t, 3, s, o, at)
			for _, size := range sizes {
				want := whole[size]
				r, err := trySolve(size, s, o, func(_ ranks.Comm, o *Options) { o.Resume = kept.snapshot() })
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%+v stopped at %d on 3 ranks, continued on %d", o, at, size)
				if (size == 3 || o.Mode == Sparse) && !slices.Equal(want.Data, r.Data) {
					t.Errorf("%s: not the same", name)
				}
				tolerance := 1e-10
				if o.Precision != Double {
					tolerance = 1e-5
				}
				for i, v := range want.Data {
					if math.Abs(v-r.Data[i]) > tolerance {
						t.Fatalf("%s: number %d off by %.1e", name, i, math.Abs(v-r.Data[i]))
					}
				}
				if len(r.Checks) != len(want.Checks) || !slices.Equal(r.StampIterations, want.StampIterations) {
					t.Errorf("%s: %d convergence checks, want %d; iterations %v, want %v", name, len(r.Checks), len(want.Checks), r.StampIterations, want.StampIterations)
				}
			}
		}
	}
}

func TestSaveEvery(t *testing.T) {
	s := smallStack(11, 10, 9, 5, true)
	for _, mode := range []Mode{Sparse, LowRank} {
		o := Options{Mode: mode, MaxIterations: 12, CheckEvery: 4, SaveEvery: time.Nanosecond}
		kept := &shelf{}
		if _, err := trySolve(2, s, o, func(_ ranks.Comm, o *Options) { o.Save = kept.save }); err != nil {
			t.Fatal(err)
		}
		if kept.saves != 2*2 { // after the checks at 4 and 8; at 12 the solve ends
			t.Errorf("%s: %d saves", mode, kept.saves)
		}
		// A failing disk ends the solve on all ranks.
		_, err := trySolve(2, s, o, func(c ranks.Comm, o *Options) {
			o.Save = func(*Snapshot) error {
				if c.Rank() == 1 {
					return errors.New("disk full")
				}
				return nil
			}
		})
		if err == nil || !strings.Contains(err.Error(), "rank 1: disk full") {
			t.Errorf("%s: a failing save ended with %v", mode, err)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	s := smallStack(11, 10, 9, 5, false)
	o := Options{MaxIterations: 24, CheckEvery: 4}
	kept := stopAt(t, 2, s, o, 8)
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"other thresholds": {func(o *Options) { o.Thresholds = []float64{1, 1, 1} }, "made with other options"},
		"other mode":       {func(o *Options) { o.Mode = LowRank }, "made with other options"},
		"no records":       {func(o *Options) { o.Resume.Records = func([]int, func(int, []byte) error) error { return nil } }, "has 0 of the 10 stamps"},
		"short record": {func(o *Options) {
			o.Resume.Records = func(ids []int, use func(int, []byte) error) error { return use(ids[0], make([]byte, 9)) }
		}, "record of stamp 0 has 9 bytes"},
		"nil records": {func(o *Options) { o.Resume.Records = nil }, "has no Records"},
		"rubbish":     {func(o *Options) { o.Resume.Meta = []byte("rubbish") }, "not a checkpoint"},
	} {
		_, err := trySolve(1, s, o, func(_ ranks.Comm, o *Options) { o.Resume = kept.snapshot(); c.change(o) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	other := smallStack(11, 9, 9, 5, false)
	_, err := trySolve(1, other, o, func(_ ranks.Comm, o *Options) { o.Resume = kept.snapshot() })
	if err == nil || !strings.Contains(err.Error(), "of 10 stamps of 9 x 9, the stack has 9") {
		t.Errorf("another stack: %v", err)
	}
}

// A snapshot with more iterations than the options allow is an error on all ranks, and
// one that has just reached the limit ends at once with the iterations that it has.
func TestResumePastEnd(t *testing.T) {
	s := smallStack(11, 10, 9, 5, false)
	for _, mode := range []Mode{Sparse, LowRank} {
		o := Options{Mode: mode, MaxIterations: 24, CheckEvery: 4, Settle: 2}
		kept := stopAt(t, 2, s, o, 8)
		resume := func(limit int) (*Result, error) {
			o := o
			o.MaxIterations = limit
			return trySolve(3, s, o, func(_ ranks.Comm, o *Options) { o.Resume = kept.snapshot() })
		}
		if _, err := resume(4); err == nil || !strings.Contains(err.Error(), "the options allow 4: continue with") {
			t.Errorf("%s: %v", mode, err)
		}
		r, err := resume(12)
		if err != nil || r.Iterations != 12 || r.Checks[len(r.Checks)-1].Iteration != 12 {
			t.Errorf("%s: %+v, %v", mode, r, err)
		}
	}
}
