package mlpatch

import (
	"context"
	"io"
	"math"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/mlpatch"
	"tessera/ranks"
)

// Every job with a mean over symmetries reads the key in the same way, and the default is the documented one.
func TestSymmetriesKey(t *testing.T) {
	jobs := map[string]struct {
		key string
		of  func(text string) (symmetries, error)
	}{
		"mlpatch-denoise": {"mlpatch.average", func(s string) (symmetries, error) {
			c := denoiseDefaults()
			err := decodeKeys(s, &c)
			return c.MLPatch.Average, err
		}},
		"mlpatch-admm": {"mlpatch.average", func(s string) (symmetries, error) {
			c := admmDefaults()
			err := decodeKeys(s, &c)
			return c.MLPatch.Average, err
		}},
		"mlpatch-superres": {"superres.average", func(s string) (symmetries, error) {
			c := superDefaults()
			err := decodeKeys(s, &c)
			return c.Superres.Average, err
		}},
		"darkmatter": {"learned.average", func(s string) (symmetries, error) {
			c := darkDefaults()
			err := decodeKeys(s, &c)
			return c.Learned.Average, err
		}},
	}
	defaults := map[string]symmetries{"mlpatch-denoise": 4, "mlpatch-admm": 1, "mlpatch-superres": 4, "darkmatter": 8}
	for job, j := range jobs {
		section, name, _ := strings.Cut(j.key, ".")
		for value, want := range map[string]symmetries{"": defaults[job], "1": 1, "2": 2, "4": 4, "8": 8, "true": 8, "false": 1, "3": -1, "0": -1, "-1": -1, "2.5": -1, `"all"`: -1} {
			text := "[" + section + "]\n"
			if value != "" {
				text += name + " = " + value
			}
			got, err := j.of(text)
			switch {
			case want < 0 && (err == nil || !strings.Contains(err.Error(), j.key) || !strings.Contains(err.Error(), "1, 2, 4 or 8")):
				t.Errorf("%s: %s = %s: %v, want an error that names the key and the numbers", job, j.key, value, err)
			case want >= 0 && (err != nil || got != want):
				t.Errorf("%s: %s = %s is %d (%v), want %d", job, j.key, value, got, err, want)
			}
		}
	}
}

// The mean over 4 symmetries is within 0.05 dB of that over 8, and both are better than none, at every level of noise that the model
// that comes with the program has learned.
func TestFourSymmetries(t *testing.T) {
	m, err := readModel(shipped)
	if err != nil {
		t.Fatal(err)
	}
	const side = 96
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		x := simulate.Cells{Seed: 4711, Rows: side, Cols: side}.Draw(0)
		y, z, draw := make([]float64, len(x)), make([]float64, len(x)), random.New(5, 99)
		for _, noise := range []float64{m.Low, 0.05, 0.15, m.High} {
			psnr := map[int]float64{}
			for i, v := range x {
				y[i] = v/m.Scale + noise*draw.Normal(uint64(i))
			}
			for _, count := range []int{1, 4, 8} {
				f, err := mlpatch.NewField(comm, &m.Network, m.theta, frame, halo.Reflect, count)
				if err != nil {
					return err
				}
				if err := f.Apply(z, y, []float64{noise}); err != nil {
					return err
				}
				sum := 0.0
				for i, v := range x {
					sum += (z[i] - v/m.Scale) * (z[i] - v/m.Scale)
				}
				psnr[count] = -10 * math.Log10(sum/float64(len(x)))
			}
			if psnr[4] < psnr[8]-0.05 || psnr[4] <= psnr[1] || psnr[8] <= psnr[1] {
				t.Errorf("noise %g: PSNR %v dB, want that of 4 within 0.05 dB of that of 8, and more than that of 1", noise, psnr)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// decodeKeys reads a config and writes it again, as a run does.
func decodeKeys(text string, c any) error {
	f, err := config.Parse("test.toml", []byte(text), nil)
	if err != nil {
		return err
	}
	f.Decode(c)
	if err := f.Err(); err != nil {
		return err
	}
	return f.Encode(io.Discard, nil)
}
