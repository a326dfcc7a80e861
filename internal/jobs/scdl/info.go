package scdl

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"tessera/internal/imageio"
	"tessera/internal/tables"
)

// mostChecked is the most values of a file that Info and a check read.
const mostChecked = 1 << 25

// Info says how the jobs of dictionaries would read a file: as samples, and as a picture to
// upscale; "" of a file that is neither.
func Info(path string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if named, _, err := imageio.SampleTable(path, 1); err != nil || named.Names == nil || named.Format != "csv" {
		name := "as samples"
		for _, samples := range []string{"columns", "rows"} {
			if tables.CheckSamples(path, samples == "columns") != nil {
				continue
			}
			if shape, err := statMatrix(path, samples); err == nil {
				fmt.Fprintf(w, "  %s\tdata.samples = %q: %s\n", name, samples, axesOfSamples(samples, shape))
				name = ""
			}
		}
	}
	if s, err := imageio.Stat(path); err == nil && (s.Channels == 1 || s.Channels == 3) {
		text := axesOfPicture(s.Rows, s.Cols, s.Channels)
		if float64(s.Rows)*float64(s.Cols)*float64(s.Channels) <= mostChecked {
			f, err := imageio.ReadFrame(path)
			if err != nil {
				return ""
			}
			lo, hi := math.Inf(1), math.Inf(-1)
			for _, v := range f.Data {
				if !math.IsNaN(v) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
			if lo <= hi {
				text += "; " + unitsOfPicture(lo, hi, peakOf(f.Format, f.Type, lo, hi))
			}
		}
		fmt.Fprintf(w, "  to upscale\t%s; %s\n", text, pixelAreas)
	}
	w.Flush()
	return b.String()
}

// axesOfSamples says what the axes of a matrix are.
func axesOfSamples(samples string, shape matrixShape) string {
	return fmt.Sprintf("%d samples of %d numbers, which are the %s of the matrix", shape.count, shape.rows, samples)
}

func axesOfPicture(rows, cols, channels int) string {
	return fmt.Sprintf("%d rows x %d columns, %d channels", rows, cols, channels)
}

func unitsOfPicture(lo, hi, peak float64) string {
	return fmt.Sprintf("values %.6g to %.6g, white is %.6g (image.peak)", lo, hi, peak)
}

// pixelAreas says where the samples of a picture lie.
const pixelAreas = "a pixel is an area, as in Pillow, OpenCV and scikit-image"
