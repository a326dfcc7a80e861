package frames

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
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
	_, inputs, err := readWeights(s, frame, nil)
	if err != nil {
		row("as image.path", DescribeFrame(s.Path, frame, -1, 0), false)
		fmt.Fprintf(w, "  \trefused: %s\n", oneLine(err))
		return
	}
	search := OutlierSearch{
		Plane: "channel", Planes: frame.Channels, Rows: frame.Rows, Cols: frame.Cols, Box: imageio.Box{R1: frame.Rows, C1: frame.Cols},
		Data: slices.Clone(frame.Data), Apart: true,
	}
	if text, _, err := search.Clear("image.outliers", OutliersReport); err == nil {
		DescribeOutliers(&inputs[0], text)
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
	if _, inputs, err := readWeights(&s, &empty, nil); err != nil {
		fmt.Fprintf(w, "  as image.mask\trefused: %s\n", oneLine(err))
	} else {
		fmt.Fprintf(w, "  as image.mask\t%s, %s\n", inputs[0].Mask, inputs[0].Missing)
	}
}

// infoUnits lists the units of a FITS file that has several.
func infoUnits(w io.Writer, path string, frame *imageio.Frame) {
	units, _, err := imageio.Units(path)
	if err != nil || len(units) < 2 {
		return
	}
	name := "units"
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
