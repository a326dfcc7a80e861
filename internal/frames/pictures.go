package frames

import (
	"math"

	"tessera/internal/imageio"
)

// panelSide is the side, in pixels, of the pictures in panel.png. They show the middle of
// a large frame at full resolution, where the effect of a blur can be seen.
const panelSide = 640

// MiddleBox is at most panelSide x panelSide pixels around the centre of a frame.
func MiddleBox(rows, cols int) imageio.Box {
	h, w := min(rows, panelSide), min(cols, panelSide)
	r, c := (rows-h)/2, (cols-w)/2
	return imageio.Box{R0: r, R1: r + h, C0: c, C1: c + w}
}

// Middle copies at most panelSide x panelSide pixels around the centre.
func Middle(f *imageio.Frame) *imageio.Frame {
	b := MiddleBox(f.Rows, f.Cols)
	m := &imageio.Frame{Channels: f.Channels, Rows: b.R1 - b.R0, Cols: b.C1 - b.C0}
	for c := range f.Channels {
		m.Data = append(m.Data, MiddleOf(f.Data[c*f.Rows*f.Cols:(c+1)*f.Rows*f.Cols], f.Rows, f.Cols)...)
	}
	return m
}

// MiddleOf copies the same part of a plane of rows x cols numbers.
func MiddleOf[T any](plane []T, rows, cols int) (part []T) {
	b := MiddleBox(rows, cols)
	for i := b.R0; i < b.R1; i++ {
		part = append(part, plane[i*cols+b.C0:i*cols+b.C1]...)
	}
	return part
}

// StretchOf is the mapping of pixel values to brightness for pictures of f. source is the
// header of the file that the frame came from, nil for a made-up one. "auto" is linear for
// photographs (PNG, JPEG, TIFF of whole numbers) and asinh for everything else. Linear maps 0..1
// of a photograph, and the least to the largest value of another frame, to black..white. Where
// samples of 16 bits use fewer bits, white is the largest value of those.
func (s *OutputSection) StretchOf(f, source *imageio.Frame) imageio.Stretch {
	photograph := source != nil && source.Photograph()
	if s.Stretch == "linear" || s.Stretch == "auto" && photograph {
		if photograph {
			return imageio.Linear(0, whiteOf(f, source))
		}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range f.Data {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if lo < hi {
			return imageio.Linear(lo, hi)
		}
	}
	return imageio.Asinh(f)
}

// whiteOf is the value of white of a photograph: 1, or of samples of 16 bits (2^k-1)/65535 with
// the least k from 8 on that holds 99.9 % of the values.
func whiteOf(f, source *imageio.Frame) float64 {
	if source.Type != "uint16" {
		return 1
	}
	var count [17]int
	total := 0
	for _, v := range f.Data {
		if math.IsNaN(v) {
			continue
		}
		total++
		for k := 8; k <= 16; k++ {
			if v <= float64(int(1)<<k-1)/65535 {
				count[k]++
			}
		}
	}
	for k := 8; k < 16; k++ {
		if total > 0 && float64(count[k]) >= 0.999*float64(total) {
			return float64(int(1)<<k-1) / 65535
		}
	}
	return 1
}
