package frames

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// ramp is an observation whose pixel (channel, row, column) holds a number of its own; whole
// is the frame.
func ramp(comm ranks.Comm, channels, rows, cols int) (o *Observation, whole *imageio.Frame, err error) {
	whole = &imageio.Frame{Channels: channels, Rows: rows, Cols: cols, Data: make([]float64, channels*rows*cols)}
	for i := range whole.Data {
		whole.Data[i] = math.Sin(float64(i)) + 2
		if i%7 == 3 {
			whole.Data[i] = math.NaN()
		}
	}
	o = &Observation{Channels: channels}
	if o.Frame, err = halo.Decompose([]int{rows, cols}, comm.Size()); err != nil {
		return nil, nil, err
	}
	o.Data, err = o.Frame.ScatterFrom(comm, 0, whole.Data, channels)
	return o, whole, err
}

// A file that the ranks write together has the bytes of one that rank 0 writes alone.
func TestWriteParts(t *testing.T) {
	for _, name := range []string{"a.npy", "a.fits"} {
		for kind, channels := range []int{1, 3, 1, 3, 1, 3, 1, 3} {
			for _, n := range []int{1, 2, 3, 4, 7} {
				dir := t.TempDir()
				f := &File{Path: filepath.Join(dir, name), History: []string{"made by a test"}, Single: kind&2 > 0, ChannelsLast: kind&4 > 0}
				f.Header = imageio.Header{imageio.Card(fmt.Sprintf("%-80s", "OBJECT  = 'M 51    '"))}
				jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
					o, whole, err := ramp(comm, channels, 17, 23)
					if err != nil {
						return err
					}
					own := *f
					if comm.Rank() != 0 {
						own.Header, own.History = nil, nil // only rank 0 knows them
					}
					if err := o.WriteParts(comm, &own, o.Data); err != nil || comm.Rank() != 0 {
						return err
					}
					got, err := os.ReadFile(f.Path)
					if err != nil {
						return err
					}
					if err := f.WriteWhole(whole); err != nil {
						return err
					}
					read, err := imageio.ReadFrame(f.Path)
					if err != nil {
						return err
					}
					if (read.Type == "float32") != f.Single || read.ChannelsLast != (f.ChannelsLast && name == "a.npy") || read.Channels != channels {
						return fmt.Errorf("%s: %s, channels last %v, %d channels", name, read.Type, read.ChannelsLast, read.Channels)
					}
					for i, v := range whole.Data {
						if d := math.Abs(read.Data[i] - v); d > 1e-6*math.Abs(v) || math.IsNaN(v) != math.IsNaN(read.Data[i]) {
							return fmt.Errorf("%s: %g at %d, want %g", name, read.Data[i], i, v)
						}
					}
					want, err := os.ReadFile(f.Path)
					if err == nil && !bytes.Equal(got, want) {
						err = fmt.Errorf("%s with %d channels: the bytes differ", name, channels)
					}
					return err
				})
			}
		}
	}
}

// brokenDisk lets one rank write somewhere else than rank 0 says.
type brokenDisk struct {
	ranks.Comm
	hidden string
}

func (c *brokenDisk) BcastBytes(buf []byte, root int) error {
	if err := c.Comm.BcastBytes(buf, root); err != nil {
		return err
	}
	var l imageio.PartsLayout
	if json.Unmarshal(buf, &l) != nil {
		return nil // the text of an error
	}
	l.Hidden = c.hidden
	text, err := json.Marshal(l)
	if err != nil || len(text) > len(buf) {
		return fmt.Errorf("%s does not fit into %s: %v", text, buf, err)
	}
	copy(buf, text)
	for i := len(text); i < len(buf); i++ {
		buf[i] = ' '
	}
	return nil
}

// A rank that cannot write is an error on all ranks. Then no file appears, and an earlier
// one stays.
func TestWritePartsFails(t *testing.T) {
	for _, c := range []struct{ hidden, want string }{
		{".none", "does not see it"},
		{".full", "no space left on device"},
	} {
		dir := t.TempDir()
		if c.hidden == ".full" {
			if _, err := os.Stat("/dev/full"); err != nil {
				t.Skip("no /dev/full")
			}
			if err := os.Symlink("/dev/full", filepath.Join(dir, c.hidden)); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "solution.npy")
		for _, earlier := range []string{"", "earlier"} {
			if earlier != "" {
				if err := os.WriteFile(path, []byte(earlier), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			for _, broken := range []int{1, 2} {
				jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
					o, _, err := ramp(comm, 1, 17, 23)
					if err != nil {
						return err
					}
					if comm.Rank() == broken {
						comm = &brokenDisk{comm, c.hidden}
					}
					err = o.WriteParts(comm, &File{Path: path}, o.Data)
					if err == nil || !strings.Contains(err.Error(), c.want) {
						return fmt.Errorf("rank %d: got %v, want %q in it", comm.Rank(), err, c.want)
					}
					return nil
				})
			}
			if text, _ := os.ReadFile(path); string(text) != earlier {
				t.Errorf("the file holds %q, want %q", text, earlier)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".solution*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

// Where rank 0 cannot create the file or give it its name, all ranks say so.
func TestWritePartsOnRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "folder.npy", "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "none", "a.npy"): "no such file", filepath.Join(dir, "folder.npy"): "rename"} {
		jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
			o, _, err := ramp(comm, 1, 9, 7)
			if err != nil {
				return err
			}
			if err := o.WriteParts(comm, &File{Path: path}, o.Data); err == nil || !strings.Contains(err.Error(), want) {
				return fmt.Errorf("got %v, want %q in it", err, want)
			}
			return nil
		})
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Block means are those of the whole frame, missing pixels left out, whatever the ranks'
// boxes cut; blocks of one pixel are the pixels themselves.
func TestReduced(t *testing.T) {
	const channels, rows, cols = 2, 19, 31
	for _, box := range []imageio.Box{{R1: rows, C1: cols}, {R0: 3, R1: 16, C0: 11, C1: 30}, {R0: 0, R1: 1, C0: 30, C1: 31}} {
		for _, k := range []int{1, 2, 5, 40} {
			for _, n := range []int{1, 2, 3, 4, 7} {
				jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
					o, whole, err := ramp(comm, channels, rows, cols)
					if err != nil {
						return err
					}
					got, err := o.Reduced(comm, o.Data, box, k)
					if err != nil || comm.Rank() != 0 {
						if got != nil {
							err = fmt.Errorf("a frame on rank %d", comm.Rank())
						}
						return err
					}
					want := blockMeans(whole, box, k)
					if got.Rows != want.Rows || got.Cols != want.Cols || len(got.Data) != len(want.Data) {
						return fmt.Errorf("%d x %d, want %d x %d", got.Rows, got.Cols, want.Rows, want.Cols)
					}
					for i, v := range want.Data {
						g := got.Data[i]
						if math.IsNaN(v) != math.IsNaN(g) || math.Abs(g-v) > 1e-14 || k == 1 && !math.IsNaN(v) && g != v {
							return fmt.Errorf("%d ranks, box %v, k = %d, block %d: %g, want %g", n, box, k, i, g, v)
						}
					}
					return nil
				})
			}
		}
	}
}

func blockMeans(f *imageio.Frame, b imageio.Box, k int) *imageio.Frame {
	out := &imageio.Frame{Channels: f.Channels, Rows: (b.R1 - b.R0 + k - 1) / k, Cols: (b.C1 - b.C0 + k - 1) / k}
	for c := range f.Channels {
		for i := range out.Rows * out.Cols {
			sum, n := 0.0, 0.0
			for r := b.R0 + i/out.Cols*k; r < min(b.R1, b.R0+(i/out.Cols+1)*k); r++ {
				for q := b.C0 + i%out.Cols*k; q < min(b.C1, b.C0+(i%out.Cols+1)*k); q++ {
					if v := f.Data[(c*f.Rows+r)*f.Cols+q]; !math.IsNaN(v) {
						sum += v
						n++
					}
				}
			}
			out.Data = append(out.Data, sum/n)
		}
	}
	return out
}

// The views of a large frame are small: no side longer than pictureSide, and the middle.
func TestViews(t *testing.T) {
	jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
		o, whole, err := ramp(comm, 1, 3, 4100)
		if err != nil {
			return err
		}
		reduced, middle, err := o.Views(comm, o.Data)
		if err != nil || comm.Rank() != 0 {
			return err
		}
		if reduced.Rows != 1 || reduced.Cols != 1367 { // blocks of 3 x 3
			return fmt.Errorf("%d x %d", reduced.Rows, reduced.Cols)
		}
		want := Middle(whole)
		for i, v := range want.Data {
			if g := middle.Data[i]; g != v && !(math.IsNaN(g) && math.IsNaN(v)) {
				return fmt.Errorf("pixel %d of the middle is %g, want %g", i, g, v)
			}
		}
		return nil
	})
}
