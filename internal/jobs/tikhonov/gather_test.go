package tikhonov

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

const layersJob = "job = 'two-layer'\n[simulate]\nrows = 30\ncols = 27\nmissing = 0.05\n[layers]\ntile = 6\noverlap = 2\n"

// arrays are the files of a result by name, run.log and metrics.json apart.
func arrays(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "run.log" || path == lifecycle.MetricsName || path == lifecycle.ConfigName {
			return err
		}
		found[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Every file of a result, pictures of a small frame included, has the same bytes whether
// rank 0 holds whole arrays or no rank does.
func TestGatheredAndNot(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 37, 29
	f := &imageio.Frame{Channels: 3, Rows: rows, Cols: cols, Data: make([]float64, 3*rows*cols)}
	for i := range f.Data {
		f.Data[i] = 100 + float64(i%13)
	}
	f.Data[40] = math.NaN()
	f.Header = imageio.Header{card("OBJECT  = 'M 51    '           / what it is")}
	frame := filepath.Join(dir, "frame.fits")
	if err := imageio.WriteFITS(frame, f); err != nil {
		t.Fatal(err)
	}
	text := "job = 'tikhonov'\n[simulate]\nrows = 37\ncols = 29\n[blur]\nkind = 'gaussian'\nsize = 3\n"
	for _, c := range []struct {
		name, text string
		load       func(*config.File) *lifecycle.Job
		sets       []string
		files      int
	}{
		{"fits", fitsJob, Load, []string{fmt.Sprintf("image.path=%q", frame), "output.pictures=true"}, 7},
		{"simulated", text, Load, []string{"output.pictures=true"}, 7},
		{"no pictures", text, Load, []string{"simulate.channels=3", "output.pictures=false"}, 1},
		{"two-layer", layersJob, LoadTwoLayer, []string{"output.pictures=true"}, 6},
		{"two-layer, no pictures", layersJob, LoadTwoLayer, []string{"output.pictures=false"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 7} {
				run := func(gather string) map[string][]byte {
					out, err := jobtest.Run(t, c.load, n, c.text, append([]string{"output.gather=" + gather}, c.sets...)...)
					if err != nil {
						t.Fatal(err)
					}
					m := jobtest.Metrics(t, out)
					if m["gathered"] != (gather == "true") || m["rank_memory_mb"].(float64) > m["peak_memory_mb"].(float64) {
						t.Errorf("gather = %s: gathered %v, rank_memory_mb %v, peak_memory_mb %v", gather, m["gathered"], m["rank_memory_mb"], m["peak_memory_mb"])
					}
					return arrays(t, out)
				}
				whole, apart := run("true"), run("false")
				if len(whole) != c.files || len(apart) != c.files {
					t.Errorf("%d ranks: %d files gathered and %d not, want %d", n, len(whole), len(apart), c.files)
				}
				for name, want := range whole {
					if !bytes.Equal(apart[name], want) {
						t.Errorf("%d ranks: %s differs", n, name)
					}
				}
			}
		})
	}
}

// largestComm finds the longest array that a rank receives.
type largestComm struct {
	ranks.Comm
	most *atomic.Int64
}

func (c *largestComm) see(buf []float64) {
	for n := int64(len(buf)); ; {
		if old := c.most.Load(); n <= old || c.most.CompareAndSwap(old, n) {
			return
		}
	}
}

func (c *largestComm) Recv(buf []float64, src, tag int) (ranks.Status, error) {
	c.see(buf)
	return c.Comm.Recv(buf, src, tag)
}

func (c *largestComm) Exchange(n ranks.Neighbours, send, recv []float64) error {
	c.see(recv)
	return c.Comm.Exchange(n, send, recv)
}

func (c *largestComm) Bcast(buf []float64, root int) error {
	c.see(buf)
	return c.Comm.Bcast(buf, root)
}

func (c *largestComm) Reduce(dst, src []float64, op ranks.Op, root int) error {
	c.see(src)
	return c.Comm.Reduce(dst, src, op, root)
}

func (c *largestComm) Allreduce(dst, src []float64, op ranks.Op) error {
	c.see(src)
	return c.Comm.Allreduce(dst, src, op)
}

func (c *largestComm) Gatherv(dst []float64, counts []int, src []float64, root int) error {
	c.see(dst)
	return c.Comm.Gatherv(dst, counts, src, root)
}

func (c *largestComm) Allgatherv(dst []float64, counts []int, src []float64) error {
	c.see(dst)
	return c.Comm.Allgatherv(dst, counts, src)
}

func (c *largestComm) Alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error {
	c.see(recv)
	return c.Comm.Alltoallv(recv, recvCounts, send, sendCounts)
}

// Without gathering no rank receives an array that is larger than the part of the frame that
// it owns, which is what a transform's columns take; with gathering, rank 0 receives whole
// parts of the others.
func TestNothingIsGathered(t *testing.T) {
	const rows, cols, n = 160, 192, 4 // columns in whole blocks of a transform for each rank
	frame := jobtest.WriteNpy(t, t.TempDir(), "frame.npy", make([]float64, rows*cols), rows, cols)
	most := func(sets ...string) int64 {
		var most atomic.Int64
		dir := filepath.Join(t.TempDir(), "out")
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(Load, "job = 'tikhonov'\n[output]\npictures = false", append(sets, fmt.Sprintf("output.dir=%q", dir),
				fmt.Sprintf("simulate.rows=%d", rows), fmt.Sprintf("simulate.cols=%d", cols), "blur.kind=gaussian")...)
			if err != nil {
				return err
			}
			return j.Run(ctx, &largestComm{comm, &most}, lifecycle.Env{Version: "test"})
		})
		if err != nil {
			t.Fatal(err)
		}
		return most.Load()
	}
	const own = rows * cols / n
	for _, source := range []string{"image.path=", fmt.Sprintf("image.path=%q", frame), fmt.Sprintf("simulate.from=%q", frame)} {
		if got := most("output.gather=false", source); got > own {
			t.Errorf("%s: an array of %d values was received, a rank owns %d", source, got, own)
		}
		if got := most("output.gather=true", source); got < own {
			t.Errorf("%s, gathered: the longest array received has %d values, want %d or more", source, got, own)
		}
	}
}

// Without gathering, too, a run that is told to stop keeps the earlier result, and a
// directory that cannot be written fails the run on all ranks and leaves no half file.
func TestApartEndsClean(t *testing.T) {
	for name, c := range map[string]struct {
		load func(*config.File) *lifecycle.Job
		text string
	}{"tikhonov": {Load, fitsJob}, "two-layer": {LoadTwoLayer, layersJob}} {
		const n = 3
		out := filepath.Join(t.TempDir(), "out")
		// run is cancelled on rank 1 at one of its reductions; 0 = never.
		run := func(at int) (errs [n]error, calls int) {
			ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := jobtest.Parse(c.load, c.text, "simulate.cols=9", "output.gather=false", fmt.Sprintf("output.dir=%q", out))
				if err != nil {
					return err
				}
				if comm.Rank() == 1 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					defer cancel()
					comm = &stoppingComm{comm, at, &calls, cancel}
				}
				errs[comm.Rank()] = j.Run(ctx, comm, lifecycle.Env{Version: "test"})
				return errs[comm.Rank()]
			})
			return errs, calls
		}
		errs, calls := run(0)
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before := arrays(t, out)
		for at := 1; at < calls/2; at += max(1, calls/8) {
			errs, _ := run(at)
			for r, err := range errs {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: stopped at call %d of %d, rank %d has %v", name, at, calls, r, err)
				}
			}
			after := arrays(t, out)
			delete(after, lifecycle.FailedLogName)
			if len(after) != len(before) || !bytes.Equal(after["solution.npy"], before["solution.npy"]) {
				t.Errorf("%s: stopped at call %d of %d, the earlier result is not what it was", name, at, calls)
			}
		}
		// A folder in the place of the solution: the file cannot get its name.
		os.Remove(filepath.Join(out, "solution.npy"))
		if err := os.MkdirAll(filepath.Join(out, "solution.npy", "full"), 0o777); err != nil {
			t.Fatal(err)
		}
		errs, _ = run(0)
		for r, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "solution.npy") {
				t.Errorf("%s: rank %d has %v, want an error about solution.npy", name, r, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(out, ".*")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

// stoppingComm cancels a context at one of its calls of Allreduce.
type stoppingComm struct {
	ranks.Comm
	at     int
	calls  *int
	cancel func()
}

func (c *stoppingComm) Allreduce(dst, src []float64, op ranks.Op) error {
	if *c.calls++; *c.calls == c.at {
		c.cancel()
	}
	return c.Comm.Allreduce(dst, src, op)
}

// The plan says that rank 0 needs nothing beyond its part where nothing is gathered.
func TestPlanOfAnApartRun(t *testing.T) {
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
		for gather, want := range map[string]float64{"false": 0, "true": 8 * 60 * 50, "auto": 8 * 60 * 50} {
			for _, load := range []func(*config.File) *lifecycle.Job{Load, LoadTwoLayer} {
				j, err := jobtest.Parse(load, "[simulate]\nrows = 60\ncols = 50\n", "output.gather="+gather)
				if err != nil {
					return err
				}
				p, err := j.Plan(t.Context(), comm, 4, lifecycle.Link{})
				if err != nil {
					return err
				}
				if p.RootBytes != want {
					return fmt.Errorf("gather = %s: %g bytes of rank 0, want %g", gather, p.RootBytes, want)
				}
			}
		}
		return nil
	})
}
