package frames

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// A pixel is missing if the weight map, the mask or the value in any channel says so.
func TestReadObservation(t *testing.T) {
	const channels, rows, cols = 2, 5, 7
	const n = rows * cols
	dir := t.TempDir()
	data, weights, mask := make([]float64, channels*n), make([]float64, n), make([]float64, n)
	for i := range data {
		data[i] = float64(i)
	}
	for i := range n {
		weights[i], mask[i] = float64(1+i%3), 1
	}
	data[3], data[n+11], data[20] = math.NaN(), math.NaN(), math.Inf(1)
	weights[5], weights[6] = 0, math.NaN()
	mask[8], mask[9] = 0, math.NaN()
	missing := []int{3, 11, 20, 5, 6, 8, 9}

	frame := jobtest.WriteNpy(t, dir, "frame.npy", data, channels, rows, cols)
	files := ImageSection{Path: frame, Mask: jobtest.WriteNpy(t, dir, "mask.npy", mask, rows, cols), Weights: jobtest.WriteNpy(t, dir, "weights.npy", weights, rows, cols)}
	for _, ranksUsed := range []int{1, 3, 4} {
		jobtest.OnRanks(t, ranksUsed, func(comm ranks.Comm) error {
			o, err := ReadObservation(comm, &files, nil)
			if err != nil {
				return err
			}
			w, err := o.Frame.GatherTo(comm, 0, o.Weights, 1)
			if err != nil || comm.Rank() != 0 {
				return err
			}
			for i, got := range w {
				want := weights[i]
				if slices.Contains(missing, i) {
					want = 0
				}
				if got != want {
					return fmt.Errorf("weight %d is %g, want %g", i, got, want)
				}
			}
			return nil
		})
	}
}

// A frame without missing pixels has no weights, so that the solvers take their fast path.
func TestReadObservationWithoutHolesHasNoWeights(t *testing.T) {
	dir := t.TempDir()
	files := ImageSection{Path: jobtest.WriteNpy(t, dir, "frame.npy", make([]float64, 12), 3, 4)}
	jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
		o, err := ReadObservation(comm, &files, nil)
		if err == nil && o.Weights != nil {
			err = fmt.Errorf("weights %v, want none", o.Weights)
		}
		return err
	})
}

// Rank 0 reads the files. Its error becomes the error of every rank, and names the file.
func TestReadErrorsReachEveryRank(t *testing.T) {
	dir := t.TempDir()
	frame := jobtest.WriteNpy(t, dir, "frame.npy", make([]float64, 12), 3, 4)
	bad := jobtest.WriteNpy(t, dir, "bad.npy", []float64{1, 1, 1, 1, 1, -2, 1, 1, 1, 1, 1, 1}, 3, 4)
	small := jobtest.WriteNpy(t, dir, "small.npy", make([]float64, 6), 2, 3)
	for _, c := range []struct {
		files ImageSection
		want  string
	}{
		{ImageSection{Path: filepath.Join(dir, "none.npy")}, "none.npy"},
		{ImageSection{Path: frame, Weights: bad}, "bad.npy: weight -2 at row 1, column 1: want 0 or more"},
		{ImageSection{Path: frame, Mask: small}, "small.npy: 2 x 3 pixels, want the frame's 3 x 4"},
	} {
		jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
			_, err := ReadObservation(comm, &c.files, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				return fmt.Errorf("got %v, want %q in it", err, c.want)
			}
			return nil
		})
	}
}

func simulated(rows, cols int) *simulatedFrame {
	c := &simulatedFrame{}
	c.Simulate = SimulateSection{Rows: rows, Cols: cols, Channels: 2, Noise: 0.03, Missing: 0.1}
	c.Blur = BlurSection{Kind: "moffat", Size: 7, FWHM: 3, Beta: 2.5}
	return c
}

// simulatedFrame is the sections of a config that describe a simulated frame.
type simulatedFrame struct {
	Image    ImageSection
	Simulate SimulateSection
	Blur     BlurSection
}

func (c *simulatedFrame) source() *Source {
	return &Source{Seed: 1, Image: &c.Image, Simulate: &c.Simulate, Border: halo.Reflect}
}

// A simulated frame is bit by bit the same on any number of ranks.
func TestSimulationDoesNotDependOnRanks(t *testing.T) {
	c := simulated(37, 29)
	var first []float64
	for _, n := range []int{1, 2, 3, 7} {
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			k, err := BlurPSF(comm, &c.Blur)
			if err != nil {
				return err
			}
			o, err := simulateObservation(t.Context(), comm, c.source(), k, nil)
			if err != nil {
				return err
			}
			data, err := o.Frame.GatherTo(comm, 0, o.Data, o.Channels)
			if err != nil {
				return err
			}
			weights, err := o.Frame.GatherTo(comm, 0, o.Weights, 1)
			if err != nil || comm.Rank() != 0 {
				return err
			}
			all := append(data, weights...)
			if first == nil {
				first = all
			}
			if !slices.Equal(first, all) {
				return fmt.Errorf("the frame differs from that of one rank")
			}
			return nil
		})
	}
}

// The standard deviation of the noise and the number of dead pixels are those that the
// config asks for.
func TestSimulationStatistics(t *testing.T) {
	c := simulated(200, 200)
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
		k, err := BlurPSF(comm, &c.Blur)
		if err != nil {
			return err
		}
		o, err := simulateObservation(t.Context(), comm, c.source(), k, nil)
		if err != nil {
			return err
		}
		blur, err := forward.NewBlur(comm, o.Frame, o.Channels, k, halo.Reflect)
		if err != nil {
			return err
		}
		clean := make([]float64, len(o.Truth))
		if err := blur.Apply(clean, o.Truth); err != nil {
			return err
		}
		sum, dead := 0.0, 0
		for i, v := range o.Data {
			sum += (v - clean[i]) * (v - clean[i])
		}
		for _, w := range o.Weights {
			if w == 0 {
				dead++
			}
		}
		sd := math.Sqrt(sum / float64(len(o.Data)))
		want := c.Simulate.Noise * slices.Max(o.Truth)
		if math.Abs(sd/want-1) > 0.02 || o.Noise != want { // 80000 samples: 0.25 % is one standard error
			return fmt.Errorf("noise %g, said to be %g, want %g", sd, o.Noise, want)
		}
		if math.Abs(float64(dead)-4000) > 300 { // standard deviation 60
			return fmt.Errorf("%d of 40000 pixels dead, want about 4000", dead)
		}
		return nil
	})
}

// A PSF from a file is normalised to a sum of 1 and the same on all ranks.
func TestPSFFile(t *testing.T) {
	values := []float64{0, 1, 0, 2, 4, 2, 0, 1, 0}
	b := BlurSection{Kind: "file", Path: jobtest.WriteNpy(t, t.TempDir(), "psf.npy", values, 3, 3)}
	jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
		k, err := BlurPSF(comm, &b)
		if err != nil {
			return err
		}
		for i, v := range k.Values {
			if math.Abs(v-values[i]/10) > 1e-15 {
				return fmt.Errorf("value %d is %g, want %g", i, v, values[i]/10)
			}
		}
		if k.Rows != 3 || k.Cols != 3 || len(k.Values) != 9 {
			return fmt.Errorf("%d x %d, %d values", k.Rows, k.Cols, len(k.Values))
		}
		return nil
	})
}

// Without a size in the config the PSF is as wide as the comment of side says.
func TestPSFSides(t *testing.T) {
	for _, c := range []struct {
		b    BlurSection
		want int
	}{
		{BlurSection{Kind: "gaussian", Sigma: 1}, 7},
		{BlurSection{Kind: "gaussian", Sigma: 1.1}, 9},
		{BlurSection{Kind: "moffat", FWHM: 3}, 13},
		{BlurSection{Kind: "moffat", FWHM: 3, Size: 5}, 5},
		{BlurSection{Kind: "box", Size: 3}, 3},
	} {
		if got := c.b.side(); got != c.want {
			t.Errorf("%+v: side %d, want %d", c.b, got, c.want)
		}
	}
}
