package psf

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
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
			"372 of 2700 pixels are missing: 274 not finite, 49 in the mask, 49 of weight 0; stamps without an observed pixel, restored as 0: 1", "0 or NaN = masked, 49 pixels",
			"relative weights", "index.npy", "truth.npy",
		} {
			if !strings.Contains(in, want) {
				t.Errorf("%d ranks: inputs %s, want %q", n, in, want)
			}
		}
	}
}

// One PSF may come from any picture that a frame may come from.
func TestPSFFromPicture(t *testing.T) {
	survey := surveyIn(t, "npy")
	const side = 9
	shape, top := gaussian(side, 4, 4, 1.5), 0.0
	for _, v := range shape {
		top = max(top, v)
	}
	dir := t.TempDir()
	grey, colour := image.NewGray16(image.Rect(0, 0, side, side)), image.NewRGBA64(image.Rect(0, 0, side, side))
	eight := image.NewGray(image.Rect(0, 0, side, side))
	for i, v := range shape {
		level := uint16(v / top * 65535)
		grey.SetGray16(i%side, i/side, color.Gray16{Y: level})
		colour.SetRGBA64(i%side, i/side, color.RGBA64{R: level, G: level, B: level, A: 65535})
		eight.SetGray(i%side, i/side, color.Gray{Y: uint8(level >> 8)})
	}
	for name, write := range map[string]func(w io.Writer) error{
		"grey.png":   func(w io.Writer) error { return png.Encode(w, grey) },
		"colour.png": func(w io.Writer) error { return png.Encode(w, colour) },
		"eight.jpg":  func(w io.Writer) error { return jpeg.Encode(w, eight, &jpeg.Options{Quality: 100}) },
		"grey.tif":   func(w io.Writer) error { return writeTIFF(w, grey) },
	} {
		path := filepath.Join(dir, name)
		if err := imageio.WriteAtomic(path, write); err != nil {
			t.Fatal(err)
		}
		f, err := imageio.ReadPlane(path)
		if err != nil {
			t.Fatal(err)
		}
		same := jobtest.WriteNpy(t, dir, name+".npy", f.Data, side, side)
		var solutions [][]float64
		for _, psf := range []string{path, same} {
			out, err := jobtest.Run(t, Load, 2, fmt.Sprintf(psfJob, survey+"/observed.npy", psf))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			solutions = append(solutions, jobtest.ReadNpy(t, out, "solution.npy"))
		}
		if d := jobtest.Farthest(solutions[0], solutions[1]); d != 0 {
			t.Errorf("%s: the solution differs by %g from that with the same numbers in an npy file", name, d)
		}
	}
	colour.SetRGBA64(4, 4, color.RGBA64{R: 1, G: 2, B: 3, A: 65535})
	path := filepath.Join(dir, "different.png")
	if err := imageio.WriteAtomic(path, func(w io.Writer) error { return png.Encode(w, colour) }); err != nil {
		t.Fatal(err)
	}
	j, err := jobtest.Parse(Load, fmt.Sprintf(psfJob, survey+"/observed.npy", path))
	if err == nil {
		err = j.CheckFiles()
	}
	if err == nil || !strings.Contains(err.Error(), "3 different channels") {
		t.Errorf("a colour picture: %v", err)
	}
}

// writeTIFF writes a TIFF file with one strip of 16 bits a pixel, not compressed.
func writeTIFF(w io.Writer, m *image.Gray16) error {
	rows, cols := m.Rect.Dy(), m.Rect.Dx()
	order := binary.BigEndian // that of Gray16
	file := order.AppendUint32([]byte("MM\x00*"), uint32(8+len(m.Pix)))
	file = append(file, m.Pix...)
	tags := [][2]int{{256, cols}, {257, rows}, {258, 16}, {259, 1}, {262, 1}, {273, 8}, {277, 1}, {278, rows}, {279, len(m.Pix)}}
	file = order.AppendUint16(file, uint16(len(tags)))
	for _, tag := range tags {
		file = order.AppendUint16(file, uint16(tag[0]))
		file = order.AppendUint16(file, 4)
		file = order.AppendUint32(file, 1)
		file = order.AppendUint32(file, uint32(tag[1]))
	}
	_, err := w.Write(order.AppendUint32(file, 0))
	return err
}
