package tv

import (
	"math"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/random"
)

// Counts of a scene of four levels are restored better by both ways than they were observed, alike on
// 1 and 3 ranks, with a misfit that is that of the noise.
func TestCounts(t *testing.T) {
	const rows, cols, gain = 40, 36, 10.0
	truth, seen := make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range truth {
		truth[i] = 0.5 + 1.5*float64(i/cols/20) + 3*float64(i%cols/18)
		seen[i] = float64(events(random.New(4, uint64(i)), gain*truth[i])) / gain
	}
	path := jobtest.WriteNpy(t, t.TempDir(), "counts.npy", seen, rows, cols)
	for _, way := range []string{"weights", "anscombe"} {
		var want []float64
		for _, n := range []int{1, 3} {
			out, err := jobtest.Run(t, Load, n, `job = "tv"`, "image.path="+path, "tv.poisson="+way, "tv.gain=10", "output.pictures=false", "tv.lower=0")
			if err != nil {
				t.Fatal(err)
			}
			x := jobtest.ReadNpy(t, out, "solution.npy")
			if n == 1 {
				want = x
			}
			if d := jobtest.Farthest(x, want); d > 1e-6 {
				t.Errorf("%s: %d ranks differ by %g", way, n, d)
			}
			before, after := 0.0, 0.0
			for i, v := range truth {
				before += (seen[i] - v) * (seen[i] - v)
				after += (x[i] - v) * (x[i] - v)
			}
			m := jobtest.Metrics(t, out)
			if ratio := m["misfit"].(float64) / (rows * cols); after > before/2.5 || math.Abs(ratio-1) > 0.03 || m["poisson"] != way {
				t.Errorf("%s: squared error %g, that of the data %g; misfit by noise %g; poisson %v", way, after, before, ratio, m["poisson"])
			}
		}
	}
	for set, want := range map[string]string{
		"tv.gain=0":                        "tv.gain",
		"tv.noise=1":                       "tv.noise",
		"image.path=":                      "tv.poisson",
		"image.sigma=" + path:              "tv.poisson",
		"blur.kind=gaussian":               "no longer linear",
		"tv.poisson=none":                  "tv.gain",
		"tv.poisson=counts":                "tv.poisson",
		"tv.lambda=oracle":                 "oracle",
		"tv.gain=-1":                       "tv.gain",
		"tv.poisson=weights\x00tv.gain=0.": "tv.gain",
	} {
		sets := append([]string{"image.path=" + path, "tv.poisson=anscombe", "tv.gain=10"}, strings.Split(set, "\x00")...)
		if _, err := jobtest.Parse(Load, `job = "tv"`, sets...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}

// events is a number of events where mean are expected, by the product of uniform numbers.
func events(s random.Stream, mean float64) int {
	k, p := 0, 1.0
	for limit := math.Exp(-mean); ; k++ {
		if p *= s.Uniform(uint64(k)); p < limit {
			return k
		}
	}
}
