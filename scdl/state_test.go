package scdl

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/ranks"
)

// kept stores the last snapshot of all ranks in memory.
type kept struct {
	mu      sync.Mutex
	meta    []byte
	records map[int][]byte
	saves   int
}

func (k *kept) save(s *Snapshot) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saves++
	if k.records == nil {
		k.records = map[int][]byte{}
	}
	k.meta = s.Meta
	for i, id := range s.IDs {
		k.records[id] = make([]byte, s.RecordBytes)
		s.Fill(i, k.records[id])
	}
	return nil
}

func (k *kept) snapshot() *Snapshot {
	return &Snapshot{Meta: k.meta, Records: func(ids []int, use func(int, []byte) error) error {
		for _, id := range ids {
			if r, ok := k.records[id]; ok {
				if err := use(id, r); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// trainer is Train or Online.
type trainer func(context.Context, ranks.Comm, *Samples, Options) (*Result, error)

// dealt trains on size ranks, each with its share of the samples.
func dealt(size int, s *Samples, o Options, train trainer) (*Result, error) {
	return dealtWith(context.Background(), size, s, o, train)
}

func dealtWith(ctx context.Context, size int, s *Samples, o Options, train trainer) (*Result, error) {
	var result *Result
	err := ranks.Launch(ctx, ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
		lo, hi := Share(s.Total, size, c.Rank())
		part := *s
		part.First, part.High, part.Low = lo, s.High[lo*s.P:hi*s.P], s.Low[lo*s.M:hi*s.M]
		r, err := train(ctx, c, &part, o)
		if c.Rank() == 0 {
			result = r
		}
		return err
	})
	return result, err
}

func same(t *testing.T, what string, a, b *Result, tolerance float64) {
	t.Helper()
	for _, c := range []struct {
		name string
		x, y []float64
	}{{"D_h", a.High, b.High}, {"D_l", a.Low, b.Low}, {"high error", a.ErrorHigh, b.ErrorHigh}, {"low error", a.ErrorLow, b.ErrorLow}} {
		if len(c.x) != len(c.y) {
			t.Fatalf("%s: %s has %d numbers, want %d", what, c.name, len(c.x), len(c.y))
		}
		for i, v := range c.y {
			if d := math.Abs(c.x[i] - v); d > tolerance || math.IsNaN(d) {
				t.Fatalf("%s: %s, number %d is off by %.1e", what, c.name, i, d)
			}
		}
	}
	if !slices.Equal(a.At, b.At) || a.Iterations != b.Iterations || tolerance == 0 && a.SparsityHigh != b.SparsityHigh {
		t.Errorf("%s: errors at %v, %v nonzero; want %v, %v", what, a.At, a.SparsityHigh, b.At, b.SparsityHigh)
	}
}

var forms = map[string]Options{
	"scaled": {}, "general": {Beta: 0.7}, "sequential": {Compatibility: Sequential, Lambda: 0.01}, "spark": {Compatibility: Spark}, "single": {Precision: Single},
}

// The state in files is bit for bit that in memory, and an interrupted training has the
// result of an uninterrupted one, on any number of ranks, with either kind of state.
func TestInterrupted(t *testing.T) {
	sizes, stops := []int{1, 2, 3, 7}, []int{1, 4}
	if testing.Short() {
		sizes, stops = []int{2, 7}, []int{4}
	}
	s := spectra(300, 4)
	for name, o := range forms {
		o.Atoms, o.MaxIterations, o.Seed = 30, 9, 2
		if o.Precision == "" {
			o.Precision = Double
		}
		whole := map[int]*Result{}
		for _, size := range sizes {
			r, err := dealt(size, s, o, Train)
			if err != nil {
				t.Fatal(name, err)
			}
			whole[size] = r
			if r.Read+r.Written != 0 {
				t.Errorf("%s: %d bytes read, %d written without a folder", name, r.Read, r.Written)
			}
		}
		for _, files := range []bool{false, true} {
			for _, stop := range stops {
				for _, size := range sizes {
					o := o
					if files {
						o.Folder = t.TempDir()
					}
					ctx, cancel := context.WithCancel(context.Background())
					k := &kept{}
					o.Save = k.save
					o.Progress = func(p Progress) {
						if p.Iteration == stop {
							cancel()
						}
					}
					if _, err := dealtWith(ctx, 2, s, o, Train); !errors.Is(err, context.Canceled) {
						t.Fatalf("%s: %v", name, err)
					}
					if k.saves == 0 || files != (len(k.records) == 0) {
						t.Fatalf("%s: %d saves, %d records", name, k.saves, len(k.records))
					}
					o.Progress, o.Resume = nil, k.snapshot()
					r, err := dealt(size, s, o, Train)
					if err != nil {
						t.Fatal(name, err)
					}
					what := name + ", in memory"
					if files {
						what = name + ", in files"
					}
					tolerance := 1e-9
					if size == 2 { // as before the stop
						tolerance = 0
					} else if name == "single" {
						tolerance = 1e-3
					}
					same(t, what, r, whole[size], tolerance)
					if r.Resumed < stop || r.Resumed > stop+2 {
						t.Errorf("%s: went on from iteration %d, stopped at %d", what, r.Resumed, stop)
					}
					if files && (r.Read == 0 || r.Written == 0) {
						t.Errorf("%s: %d bytes read, %d written", what, r.Read, r.Written)
					}
				}
			}
		}
		for _, size := range sizes {
			o := o
			o.Folder = t.TempDir()
			r, err := dealt(size, s, o, Train)
			if err != nil {
				t.Fatal(name, err)
			}
			same(t, name+", files", r, whole[size], 0)
		}
	}
}

// A snapshot that does not fit is an error that says why.
func TestNotContinued(t *testing.T) {
	s := spectra(150, 4)
	begin := Options{Atoms: 20, MaxIterations: 4, Precision: Double, Folder: t.TempDir()}
	k := &kept{}
	begin.Save = k.save
	if _, err := dealt(2, s, begin, Train); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, o *Options)
		want   string
	}{
		"options":   {func(_ *testing.T, o *Options) { o.Lambda = 0.5 }, "lambda 0.001"},
		"garbage":   {func(_ *testing.T, o *Options) { o.Resume = &Snapshot{Meta: []byte("?")} }, "not a checkpoint"},
		"memory":    {func(_ *testing.T, o *Options) { o.Folder = "" }, "state in files; now"},
		"no folder": {func(t *testing.T, o *Options) { o.Folder = filepath.Join(t.TempDir(), "other") }, "tiles-0: no such file"},
		"damaged":   {func(t *testing.T, o *Options) { o.Folder = damaged(t, begin.Folder, 0, 2*4096+9) }, "tiles-0: tile 0: damaged"},
		"short":     {func(t *testing.T, o *Options) { o.Folder = damaged(t, begin.Folder, 5000, -1) }, "tiles-0: tile "},
		"old":       {func(t *testing.T, o *Options) { o.Folder = swapped(t, begin.Folder) }, "of iteration 3, want 4"},
	} {
		t.Run(name, func(t *testing.T) {
			o := begin
			o.MaxIterations, o.Resume = 6, k.snapshot()
			c.change(t, &o)
			_, err := dealt(2, s, o, Train)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// damaged is a copy of a folder in which tiles-0 has been truncated or one byte changed.
func damaged(t *testing.T, folder string, length, at int) string {
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(to, "tiles-0")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if length > 0 {
		b = b[:length]
	}
	if at >= 0 {
		b[at] ^= 1
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return to
}

func swapped(t *testing.T, folder string) string {
	to := t.TempDir()
	for a, b := range map[string]string{"tiles-0": "tiles-1", "tiles-1": "tiles-0"} {
		text, err := os.ReadFile(filepath.Join(folder, a))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, b), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 50 {
		x := make([]float32, 64*(1+r.IntN(4)))
		for i := range x {
			if r.IntN(3) == 0 {
				x[i] = r.Float32()
			}
		}
		y := make([]float32, len(x))
		packed := pack([]byte("before"), x)
		rest, ok := unpack(y, append(packed, "after"...)[len("before"):])
		if !ok || string(rest) != "after" || !slices.Equal(x, y) {
			t.Fatalf("%v packed and unpacked is %v, rest %q", x, y, rest)
		}
		if _, ok := unpack(make([]float32, len(x)), packed[6:len(packed)-1]); ok && packed[len(packed)-1] != 0 {
			t.Fatal("unpacked what is too short")
		}
	}
}
