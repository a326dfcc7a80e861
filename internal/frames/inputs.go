package frames

import (
	"fmt"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
)

// DescribeFrame says what was taken from an image file; values is their number, missing how
// many of them are not finite, negative = not known.
func DescribeFrame(path string, f *imageio.Frame, missing, values float64) lifecycle.Input {
	in := lifecycle.Input{File: path, Axes: describeAxes(f)}
	parts := []string{f.Format, f.Type}
	if f.Format == "fits" {
		name, _ := f.Header.Get("EXTNAME")
		parts = []string{"HDU " + strings.TrimSpace(fmt.Sprintf("[%d] %s", f.HDU, name)), f.Type}
	}
	switch f.Packing {
	case "":
	case "npz":
		parts[0] = "npy in an npz file"
	default:
		parts = append(parts, "compressed with "+f.Packing)
	}
	in.Part = strings.Join(parts, ", ")
	if missing >= 0 {
		in.Missing = MissingText(int(missing), 0, int(values))
	}
	in.Units = describeUnits(f)
	var notes []string
	if f.Turned > 0 {
		notes = append(notes, fmt.Sprintf("turned upright by the Exif orientation %d", f.Turned))
	}
	if f.Pages {
		notes = append(notes, "the first image of several in the file")
	}
	if n := f.Stored; f.Format == "npy" && len(n) == 3 {
		switch {
		case n[2] == 4 && f.Channels == 3 && n[0] != 3:
			notes = append(notes, "the fourth value of a pixel is its alpha: where it is 0 the pixel is missing")
		case n[0] == n[1] && n[1] != n[2] && f.Channels == n[0]:
			notes = append(notes, "the first axis is that of the channels: if it is the last one, write the file with numpy.moveaxis(a, -1, 0)")
		}
	}
	if len(f.Tables) > 0 {
		notes = append(notes, "distortion tables of the coordinates are carried along")
	}
	in.Note = strings.Join(notes, "; ")
	return in
}

func describeAxes(f *imageio.Frame) string {
	text := fmt.Sprintf("%d rows x %d columns", f.Rows, f.Cols)
	if f.Channels > 1 {
		text += fmt.Sprintf(" x %d channels", f.Channels)
	}
	if len(f.Stored) == 2 && f.Turned == 0 {
		return text
	}
	var sides []string
	for _, n := range f.Stored {
		sides = append(sides, fmt.Sprint(n))
	}
	return fmt.Sprintf("%s, stored as (%s)", text, strings.Join(sides, ", "))
}

func describeUnits(f *imageio.Frame) string {
	switch unit, known := f.Header.Get("BUNIT"); {
	case known && unit != "":
		return "in " + unit
	case f.Photograph() && f.Type == "uint16":
		return "0 to 1 of 65535"
	case f.Photograph() && f.Type == "uint8":
		return "0 to 1 of 255"
	}
	return ""
}

// describePlane says what was taken from a mask, a plane of flags or an error map.
func describePlane(p *plane, f *imageio.Frame, c count) lifecycle.Input {
	in := DescribeFrame(p.path, f, -1, c.values)
	in.Missing = fmt.Sprintf("%.0f of %.0f pixels missing", c.missing, c.values)
	in.Mask = p.use.describe()
	if p.use == useFlags {
		in.Mask = "data-quality flags: " + p.flags.text
	}
	if p.key == "image.planes" {
		in.Note = strings.TrimPrefix(in.Note+"; found by image.planes = \"auto\"", "; ")
	}
	return in
}

const nothingLeft = "mask, flags, weights and missing values together leave no pixel: nothing was observed"

// sensible refuses planes after which nothing is left, and a mask that is probably one of
// flags. counts are those of the planes and then of the frame; observed is the number of
// values with a weight.
func sensible(s *ImageSection, list []plane, counts []count, observed float64) error {
	for i, p := range list {
		c := counts[i]
		switch {
		case c.missing == c.values && p.use == useMask:
			return &keyError{p.key, p.path, fmt.Sprintf("all %.0f pixels are 0 or NaN, which means missing: nothing was observed\n  if 0 is good in this file, write image.dq = %q", c.values, p.path)}
		case c.missing == c.values:
			return &keyError{p.key, p.path, fmt.Sprintf("all %.0f pixels are missing (%s): nothing was observed", c.values, p.use.describe())}
		case p.use == useMask && 2*c.zeros > c.values && !p.anyOf:
			return &keyError{p.key, p.path, fmt.Sprintf("%.0f of %.0f pixels are 0, which means missing\n  if 0 is good in this file, write image.dq = %q; if so many pixels are missing, write image.mask_majority = true",
				c.zeros, c.values, p.path)}
		}
	}
	if c := counts[len(list)]; c.values > 0 && c.missing == c.values {
		return &keyError{"image.path", s.Path, fmt.Sprintf("all %.0f values are NaN or infinite: nothing was observed", c.values)}
	}
	if observed > 0 {
		return nil
	}
	if s.Path != "" {
		return &keyError{"image.path", s.Path, nothingLeft}
	}
	return &keyError{list[0].key, list[0].path, nothingLeft}
}
