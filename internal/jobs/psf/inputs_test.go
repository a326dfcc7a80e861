package psf

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// inputsOf are the lines about inputs in metrics.json.
func inputsOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := json.Marshal(jobtest.Metrics(t, dir)["inputs"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gaussian is a normalised Gaussian, side x side.
func gaussian(side int, row, col, width float64) []float64 {
	x := make([]float64, side*side)
	sum := 0.0
	for i := range x {
		a, b := float64(i/side)-row, float64(i%side)-col
		x[i] = math.Exp(-(a*a + b*b) / (2 * width * width))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return x
}

// blurred is the linear convolution of a stamp with a PSF whose centre is at the pixel
// (centre, centre), and noise.
func blurred(side int, x []float64, psfSide int, h []float64, centre int) []float64 {
	r := rand.New(rand.NewPCG(3, 3))
	y := make([]float64, len(x))
	for i := range y {
		for k, v := range h {
			a, b := i/side-(k/psfSide-centre), i%side-(k%psfSide-centre)
			if a >= 0 && a < side && b >= 0 && b < side {
				y[i] += v * x[a*side+b]
			}
		}
		y[i] += 1e-6 * r.NormFloat64()
	}
	return y
}

// PSFs and stamps of even sides: the centre is where SciPy's mode "same" has it, or at half
// the side where the config says so, in both borders and with every rule of compatibility.
func TestEvenPSFs(t *testing.T) {
	dir := t.TempDir()
	const job = "job = 'psf'\n[stack]\npath = '%s/stamps.npy'\n[psf]\npath = '%s/psf.npy'\niterations = 60\n"
	for _, c := range []struct {
		side, psfSide int
		at            float64 // centroid of the PSF
		centre        int     // with which the stamps were blurred
		sets          []string
		says          string
	}{
		{14, 14, 6.5, 6, nil, "even side: the centre is the pixel (6, 6)"},
		{14, 14, 6.5, 6, []string{"psf.mode=low-rank"}, "(6, 6)"},
		{14, 14, 6.5, 6, []string{"psf.compat=sf_deconvolve", "psf.start=zero"}, "(6, 6)"},
		{15, 14, 6, 6, nil, "(6, 6)"},
		{14, 13, 6, 6, nil, ""},
		{14, 14, 7, 7, []string{"psf.centre=half"}, "(7, 7), counted from 0, as psf.centre = \\\"half\\\" says"},
		{14, 14, 7, 6, nil, "psf.centre = \\\"half\\\" takes the pixel of the centroid"},
	} {
		truth := gaussian(c.side, 6.7, 7.2, 1.6)
		h := gaussian(c.psfSide, c.at, c.at, 1)
		jobtest.WriteNpy(t, dir, "psf.npy", h, c.psfSide, c.psfSide)
		jobtest.WriteNpy(t, dir, "stamps.npy", blurred(c.side, truth, c.psfSide, h, c.centre), 1, c.side, c.side)
		out, err := jobtest.Run(t, Load, 1, fmt.Sprintf(job, dir, dir), c.sets...)
		if err != nil {
			t.Fatal(err)
		}
		row, col := centroid(c.side, jobtest.ReadNpy(t, out, "solution.npy"))
		r0, c0 := centroid(c.side, truth)
		if math.Abs(row-r0) > 0.05 || math.Abs(col-c0) > 0.05 {
			t.Errorf("%+v: shifted by %.2f rows, %.2f columns", c, row-r0, col-c0)
		}
		if in := inputsOf(t, out); !strings.Contains(in, c.says) || c.says == "" && strings.Contains(in, "even side") {
			t.Errorf("%+v: inputs %s", c, in)
		}
	}
}

// The run says what it took from each file.
func TestPSFInputs(t *testing.T) {
	npy := surveyIn(t, "npy")
	data := jobtest.ReadNpy(t, npy, "observed.npy")
	mask, weights := make([]float64, len(data)), make([]float64, len(data))
	for i := range data {
		mask[i], weights[i] = 1, 5
		switch {
		case i < 225 || i%50 == 1:
			data[i] = math.NaN()
		case i%50 == 2:
			mask[i] = 0
		case i%50 == 3:
			weights[i] = 0
		}
	}
	for name, x := range map[string][]float64{"holes.npy": data, "mask.npy": mask, "weights.npy": weights} {
		jobtest.WriteNpy(t, npy, name, x, 12, 15, 15)
	}
	for _, n := range []int{1, 3} {
		out, err := jobtest.Run(t, Load, n, fmt.Sprintf(psfJob, npy+"/holes.npy", npy+"/psfs.npy"), "psf.index="+npy+"/index.npy",
			"stack.mask="+npy+"/mask.npy", "stack.weights="+npy+"/weights.npy", "stack.truth="+npy+"/truth.npy")
		if err != nil {
			t.Fatal(err)
		}
		in := inputsOf(t, out)
		for _, want := range []string{
			"npy float64, array", "12 stamps of 15 rows x 15 columns", "5 PSFs of 15 rows x 15 columns",
			"372 of 2700 pixels are missing: 274 NaN, 49 in the mask, 49 of weight 0; stamps without an observed pixel, restored as 0: 1", "0 or NaN = masked, 49 pixels",
			"relative weights", "index.npy", "truth.npy",
		} {
			if !strings.Contains(in, want) {
				t.Errorf("%d ranks: inputs %s, want %q", n, in, want)
			}
		}
	}
}
