package frames

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// files are a frame, a mask and a map of weights in every format, of odd sizes, with missing
// pixels of every kind.
func files(t *testing.T, dir string, channels, rows, cols int) (frame, mask, weights []string) {
	t.Helper()
	f := &imageio.Frame{Channels: channels, Rows: rows, Cols: cols, Data: make([]float64, channels*rows*cols)}
	for i := range f.Data {
		f.Data[i] = float64(i%97) / 128
	}
	plane := func(value func(i int) float64) *imageio.Frame {
		p := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
		for i := range p.Data {
			p.Data[i] = value(i)
		}
		return p
	}
	write := func(name string, f *imageio.Frame) (list []string) {
		shape := []int{f.Channels, f.Rows, f.Cols}
		path := filepath.Join(dir, name)
		err := errors.Join(
			imageio.WritePNG(path+".png", f, imageio.Linear(0, 1)),
			imageio.WriteFITS(path+".fits", f),
			imageio.WriteNpy(path+".npy", shape, f.Data),
			os.WriteFile(path+".big.npy", turned(t, f.Data, shape), 0o666))
		if err != nil {
			t.Fatal(err)
		}
		return []string{path + ".png", path + ".fits", path + ".npy", path + ".big.npy"}
	}
	mask = write("mask", plane(func(i int) float64 { return min(1, float64(i%11)) }))
	weights = write("weights", plane(func(i int) float64 { return float64(i%5) / 8 }))
	f.Data[7], f.Data[len(f.Data)-9] = math.NaN(), math.NaN()
	return write("frame", f), mask, weights
}

// turned is an npy file in Fortran order with the most significant byte first.
func turned(t *testing.T, data []float64, shape []int) []byte {
	text := fmt.Sprintf("{'descr': '>f8', 'fortran_order': True, 'shape': (%d, %d, %d), }", shape[0], shape[1], shape[2])
	text += strings.Repeat(" ", 118-len(text)-1) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00\x76\x00"), text...)
	for c := range shape[2] {
		for r := range shape[1] {
			for k := range shape[0] {
				bits := math.Float64bits(data[(k*shape[1]+r)*shape[2]+c])
				for shift := 56; shift >= 0; shift -= 8 {
					out = append(out, byte(bits>>shift))
				}
			}
		}
	}
	return out
}

// same compares two observations of one rank bit for bit.
func same(a, b *Observation) error {
	for _, c := range []struct {
		name string
		a, b []float64
	}{{"data", a.Data, b.Data}, {"weights", a.Weights, b.Weights}, {"truth", a.Truth, b.Truth}} {
		equal := slices.EqualFunc(c.a, c.b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
		if !equal || (c.a == nil) != (c.b == nil) {
			return fmt.Errorf("%s: %v, want %v", c.name, c.b, c.a)
		}
	}
	if a.Channels != b.Channels || a.Noise != b.Noise || a.FITS != b.FITS || (a.Source == nil) != (b.Source == nil) {
		return fmt.Errorf("%+v, want %+v", b, a)
	}
	return nil
}

// What every rank reads for itself is what rank 0 would send it.
func TestApartReadsTheSame(t *testing.T) {
	for _, channels := range []int{1, 3} {
		frame, mask, weights := files(t, t.TempDir(), channels, 21, 13)
		for k := range frame {
			other := (k + 1) % len(frame) // mask and weights in another format than the frame
			for name, c := range map[string]*simulatedFrame{
				"observed":  {Image: ImageSection{Path: frame[k], Mask: mask[other], Weights: weights[k]}},
				"no mask":   {Image: ImageSection{Path: frame[k]}},
				"simulated": {Image: ImageSection{Mask: mask[k]}, Simulate: SimulateSection{From: weights[other], Noise: 0.1, Missing: 0.2}},
				"weighted":  {Image: ImageSection{Weights: weights[k]}, Simulate: SimulateSection{Rows: 21, Cols: 13, Channels: 2, Noise: 0.1}},
			} {
				for _, n := range []int{1, 2, 3, 4, 7} {
					jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
						psf, err := forward.Gaussian(3, 1)
						if err != nil {
							return err
						}
						whole, err := c.source().Observe(t.Context(), comm, psf)
						if err != nil {
							return err
						}
						s := c.source()
						if err := GatherNever.Settle(comm, s); err != nil {
							return err
						}
						apart, err := s.Observe(t.Context(), comm, psf)
						if err != nil {
							return err
						}
						if err := same(whole, apart); err != nil {
							return fmt.Errorf("%s, %s: %w", filepath.Base(frame[k]), name, err)
						}
						return nil
					})
				}
			}
		}
	}
}

// The error of the rank that finds something wrong is the error of all, with the row and
// column of the whole file.
func TestApartErrorsReachEveryRank(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 12, 10
	values := make([]float64, rows*cols)
	frame := jobtest.WriteNpy(t, dir, "frame.npy", values, rows, cols)
	values[rows*cols-1] = -2
	bad := jobtest.WriteNpy(t, dir, "bad.npy", values, rows, cols)
	values[rows*cols-1] = math.NaN()
	nans := make([]float64, rows*cols)
	for i := range nans {
		nans[i] = math.NaN()
	}
	void := jobtest.WriteNpy(t, dir, "void.npy", nans, rows, cols)
	planes := jobtest.WriteNpy(t, dir, "planes.npy", append(make([]float64, rows*cols), values...), 2, rows, cols)
	small := jobtest.WriteNpy(t, dir, "small.npy", values[:6], 2, 3)
	for want, c := range map[string]*simulatedFrame{
		"none.npy": {Image: ImageSection{Path: filepath.Join(dir, "none.npy")}},
		"bad.npy: weight -2 at row 11, column 9: want 0 or more": {Image: ImageSection{Path: frame, Weights: bad}},
		"small.npy: 2 x 3 pixels, want the frame's 12 x 10":      {Image: ImageSection{Path: frame, Mask: small}},
		"planes.npy: 2 different channels":                       {Image: ImageSection{Path: frame, Mask: planes}},
		"void.npy: all 120 values are NaN":                       {Simulate: SimulateSection{From: void}},
	} {
		for _, n := range []int{1, 4} {
			jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
				s := c.source()
				s.Apart = true
				if _, err := s.Observe(t.Context(), comm, forward.PSF{}); err == nil || !strings.Contains(err.Error(), want) {
					return fmt.Errorf("got %v, want %q in it", err, want)
				}
				return nil
			})
		}
	}
}

// A run that is told to stop on one rank stops on all of them.
func TestApartIsCancelled(t *testing.T) {
	frame, mask, _ := files(t, t.TempDir(), 1, 8, 9)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range frame {
		jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
			ctx := t.Context()
			if comm.Rank() == 0 {
				ctx = cancelled
			}
			_, err := readApart(ctx, comm, &ImageSection{Path: path, Mask: mask[0]})
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: got %v, want the error of rank 0", path, err)
			}
			return nil
		})
	}
}

// Who holds whole arrays, and what rank 0 needs for it.
func TestGather(t *testing.T) {
	frame, mask, _ := files(t, t.TempDir(), 3, 6, 4)
	png, npy := frame[0], frame[2]
	large := SimulateSection{Rows: 8000, Cols: 8001, Channels: 1}
	small := SimulateSection{Rows: 8000, Cols: 8000, Channels: 1}
	for _, c := range []struct {
		gather   Gather
		image    ImageSection
		simulate SimulateSection
		apart    bool
		bytes    float64 // of rank 0
	}{
		{GatherAuto, ImageSection{}, small, false, 8 * 64e6},
		{GatherAuto, ImageSection{}, large, true, 0},
		{GatherAlways, ImageSection{}, large, false, 8 * 8000 * 8001},
		{GatherNever, ImageSection{}, small, true, 0},
		{GatherAuto, ImageSection{Path: npy}, large, false, 8 * 72},
		{GatherNever, ImageSection{Path: npy}, large, true, 0},
		{GatherNever, ImageSection{Path: png}, large, true, 8 * 72},
		{GatherNever, ImageSection{Path: npy, Mask: mask[0]}, large, true, 8 * 24},
		{GatherNever, ImageSection{Path: npy, Mask: mask[1], Balance: "none"}, large, true, 0},
		{GatherAuto, ImageSection{Path: npy, Balance: ByObserved}, small, false, 8 * 72},
		{GatherNever, ImageSection{Balance: ByObserved}, small, true, 0}, // a simulated frame has equal boxes
	} {
		jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
			s := &Source{Image: &c.image, Simulate: &c.simulate, Border: halo.Reflect}
			shape, err := s.Shape()
			if err != nil {
				return err
			}
			if err := c.gather.Settle(comm, s); err != nil {
				return err
			}
			if got := s.RootBytes(c.gather, shape); s.Apart != c.apart || got != c.bytes {
				return fmt.Errorf("%+v: apart %v, %g bytes; want %v, %g", c, s.Apart, got, c.apart, c.bytes)
			}
			return nil
		})
	}
}

// The key is a name or a truth value. Boxes of equal numbers of observed pixels need rank 0
// to hold the weights.
func TestGatherKey(t *testing.T) {
	for text, want := range map[string]struct {
		gather Gather
		text   string
	}{
		"":                  {GatherAuto, ""},
		"gather = true":     {GatherAlways, ""},
		"gather = 'always'": {GatherAlways, ""},
		"gather = false":    {GatherNever, ""},
		"gather = 'never'":  {GatherNever, ""},
		"gather = 'auto'":   {GatherAuto, ""},
		"gather = 'no'":     {GatherAuto, `want "auto", "always" (or true) or "never" (or false)`},
		"gather = 0":        {GatherAuto, `want "auto"`},
		"gather=false\n[image]\npath='a.npy'\nbalance='observed'": {GatherNever, "image.balance"},
	} {
		f, err := config.Parse("test.toml", []byte("[output]\n"+text), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := struct {
			Image  ImageSection `toml:"image"`
			Output struct {
				Gather Gather `toml:"gather"`
			} `toml:"output"`
		}{}
		c.Output.Gather = GatherAuto
		f.Decode(&c)
		c.Output.Gather.Check(f, &c.Image)
		if err := f.Err(); want.text == "" && err != nil || want.text != "" && (err == nil || !strings.Contains(err.Error(), want.text)) {
			t.Errorf("%q: %v, want %q in it", text, err, want.text)
		}
		if c.Output.Gather != want.gather {
			t.Errorf("%q: %q, want %q", text, c.Output.Gather, want.gather)
		}
	}
}
