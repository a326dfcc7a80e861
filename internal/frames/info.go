package frames

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/psfmodel"
)

// Info says how the jobs of images would read a file: as the frame, with the planes that are
// found for it, and as a mask; "" of a file that is no image. Of more than mostChecked values
// only the header is read.
func Info(path string) string {
	frame, err := imageio.Stat(path)
	if err != nil {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	small := float64(frame.Rows)*float64(frame.Cols)*float64(frame.Channels) <= mostChecked
	if small {
		if frame, err = imageio.ReadFrame(path); err != nil {
			return ""
		}
	}
	s := DefaultImage()
	s.Path = path
	infoFrame(w, &s, frame, small)
	if frame.Channels == 1 && small {
		infoMask(w, path, frame)
		infoBeside(w, path, frame)
		infoPSF(w, path, frame)
	}
	infoUnits(w, path, frame)
	w.Flush()
	return b.String()
}

// infoFrame prints what a job takes with image.path.
func infoFrame(w io.Writer, s *ImageSection, frame *imageio.Frame, small bool) {
	row := func(name string, in lifecycle.Input, file bool) {
		text := in.String()
		if !file {
			text = strings.TrimPrefix(text, in.File+": ")
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, text)
	}
	if !small {
		row("as image.path", DescribeFrame(s.Path, frame, -1, 0), false)
		return
	}
	_, inputs, _, err := readWeights(s, frame, nil)
	if err != nil {
		row("as image.path", DescribeFrame(s.Path, frame, -1, 0), false)
		fmt.Fprintf(w, "  \trefused: %s\n", oneLine(err))
		return
	}
	inputs[0].Note = strings.TrimPrefix(inputs[0].Note+"; image.truth and simulate.from likewise", "; ")
	search := OutlierSearch{
		Plane: "channel", Planes: frame.Channels, Rows: frame.Rows, Cols: frame.Cols, Box: imageio.Box{R1: frame.Rows, C1: frame.Cols},
		Data: frame.Data, Apart: true,
	}
	if found, err := search.Find(nil); err == nil {
		DescribeOutliers(&inputs[0], found.Text(&search, "image.outliers", OutliersReport))
		notFinite := 0
		for _, v := range frame.Data {
			if v-v != 0 {
				notFinite++
			}
		}
		inputs[0].Missing = MissingText(notFinite, found.Taken(OutliersReport), len(frame.Data))
		if found.Nothing {
			row("as image.path", DescribeFrame(s.Path, frame, -1, 0), false)
			fmt.Fprintf(w, "  \trefused: %s\n", strings.ReplaceAll(NothingBut(found.WholePlanes(&search), "image.outliers"), "\n ", ";"))
			return
		}
	}
	row("as image.path", inputs[0], false)
	for _, in := range inputs[1:] {
		row("  with", in, true)
	}
}

// infoMask prints which pixels the file would call missing with image.mask.
func infoMask(w io.Writer, path string, frame *imageio.Frame) {
	s := ImageSection{Mask: path, Planes: PlanesNone}
	empty := *frame
	empty.Data = nil
	if _, inputs, _, err := readWeights(&s, &empty, nil); err != nil {
		fmt.Fprintf(w, "  as image.mask\trefused: %s\n", oneLine(err))
	} else {
		fmt.Fprintf(w, "  as image.mask\t%s, %s\n", inputs[0].Mask, inputs[0].Missing)
	}
}

// infoBeside prints how the file would be read as flags and as the noise of the pixels, where its values can be that.
func infoBeside(w io.Writer, path string, frame *imageio.Frame) {
	empty := *frame
	empty.Data = nil
	flags, noise := true, true
	for _, v := range frame.Data {
		flags = flags && v == math.Trunc(v) && v >= 0 && v <= math.MaxUint32
		noise = noise && (!(v < 0) || outliers.Looks(v))
	}
	for _, p := range []struct {
		can  bool
		name string
		s    ImageSection
		more string
	}{
		{flags, "as image.dq", ImageSection{DQ: path}, ""},
		{noise, "as image.sigma", ImageSection{Sigma: path}, "; image.variance and image.weights likewise"},
	} {
		p.s.Planes = PlanesNone
		if !p.can {
			continue
		}
		if _, inputs, _, err := readWeights(&p.s, &empty, nil); err == nil {
			fmt.Fprintf(w, "  %s\t%s, %s%s\n", p.name, inputs[0].Mask, inputs[0].Missing, p.more)
		}
	}
}

// mostPSF is the longest side of an image that infoPSF takes for a PSF.
const mostPSF = 128

// infoPSF prints how a small image would be read as a PSF, if it can be one.
func infoPSF(w io.Writer, path string, frame *imageio.Frame) {
	if max(frame.Rows, frame.Cols) > mostPSF {
		return
	}
	k, file, err := (&BlurSection{Kind: "file", Path: path}).read()
	if err != nil {
		return
	}
	text := fmt.Sprintf("%d x %d pixels with a sum of %.6g", file.Rows, file.Cols, file.Sum)
	if s := psfmodel.Measure(k); !math.IsNaN(s.FWHM) {
		text += fmt.Sprintf(", FWHM %.2f pixels", s.FWHM)
	}
	fmt.Fprintf(w, "  as a PSF\t%s (blur.path, target.path, first.path and second.path)\n", text)
}

// infoUnits lists the HDUs of a FITS file that has several.
func infoUnits(w io.Writer, path string, frame *imageio.Frame) {
	units, _, err := imageio.Units(path)
	if err != nil || len(units) < 2 {
		return
	}
	name := "HDUs"
	for _, u := range units {
		text := strings.TrimSpace(fmt.Sprintf("[%d] %s", u.Index, u.Name))
		if u.Name != "" && u.Version != 1 {
			text += fmt.Sprintf(",%d", u.Version)
		}
		if u.Shape != nil {
			text += fmt.Sprintf(" %v", u.Shape)
		}
		if u.Index == frame.HDU {
			text += ", read"
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, text)
		name = ""
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n ", ";") }
