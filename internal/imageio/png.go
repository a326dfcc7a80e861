package imageio

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
)

// WritePNG draws the frame with 8 bits: in grey for one channel, in colour for three. For
// another number of channels it draws their mean.
func WritePNG(path string, f *Frame, s Stretch) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	return WriteAtomic(path, func(w io.Writer) error {
		pic := draw(f, s)
		if f.Channels != 3 && s.kind != diverging {
			return encodePNG(w, grey(pic))
		}
		return encodePNG(w, pic)
	})
}

// Panel is one of the pictures of WritePanels.
type Panel struct {
	Frame   *Frame
	Stretch Stretch
	Inset   int // the middle is enlarged so many times in a corner; 0 = no inset
}

// panelSide: frames are enlarged by a whole factor while their longer side stays
// within it, and averaged over whole blocks to within twice of it.
const panelSide = 640

// WritePanels draws frames of equal size beside each other with a thin gap: for example
// observed, restored, residual and true image.
func WritePanels(path string, panels ...Panel) error {
	const gap = 6
	if len(panels) == 0 {
		return fmt.Errorf("imageio: writing %s: no panels", path)
	}
	rows, cols := panels[0].Frame.Rows, panels[0].Frame.Cols
	for i, p := range panels {
		if err := p.Frame.check(); err != nil {
			return fmt.Errorf("imageio: writing %s: panel %d: %w", path, i, err)
		}
		if p.Frame.Rows != rows || p.Frame.Cols != cols {
			return fmt.Errorf("imageio: writing %s: panel %d is %d x %d, the first is %d x %d", path, i, p.Frame.Rows, p.Frame.Cols, rows, cols)
		}
	}
	longest := max(rows, cols)
	shrink := (longest + 2*panelSide - 1) / (2 * panelSide)
	enlarge := max(1, panelSide/longest)
	h := (rows + shrink - 1) / shrink * enlarge
	w := (cols + shrink - 1) / shrink * enlarge
	sheet := image.NewRGBA(image.Rect(0, 0, len(panels)*(w+gap)-gap, h))
	for i := range sheet.Pix {
		sheet.Pix[i] = 255
	}
	for k, p := range panels {
		pic := draw(bin(p.Frame, shrink), p.Stretch)
		inset(pic, p.Inset)
		for y := range h {
			from := pic.Pix[y/enlarge*pic.Stride:]
			to := sheet.Pix[y*sheet.Stride+4*k*(w+gap):]
			for x := range w {
				copy(to[4*x:4*x+4], from[x/enlarge*4:])
			}
		}
	}
	return WriteAtomic(path, func(w io.Writer) error { return encodePNG(w, sheet) })
}

func encodePNG(w io.Writer, img image.Image) error {
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return enc.Encode(w, img)
}

// draw turns a frame into a picture.
func draw(f *Frame, s Stretch) *image.RGBA {
	n := f.Rows * f.Cols
	img := image.NewRGBA(image.Rect(0, 0, f.Cols, f.Rows))
	for i := range n {
		var r, g, b float64
		if f.Channels == 3 {
			r, g, b = f.Data[i], f.Data[n+i], f.Data[2*n+i]
		} else {
			for c := range f.Channels {
				r += f.Data[c*n+i]
			}
			r /= float64(f.Channels)
			g, b = r, r
		}
		p := img.Pix[4*i : 4*i+4]
		p[0], p[1], p[2] = s.Colour(r, g, b)
		p[3] = 255
	}
	return img
}

// grey turns a colour picture without colour into a grey one.
func grey(img *image.RGBA) *image.Gray {
	out := image.NewGray(img.Rect)
	for i := range out.Pix {
		out.Pix[i] = img.Pix[4*i]
	}
	return out
}

// bin averages blocks of k x k pixels, missing ones left out.
func bin(f *Frame, k int) *Frame {
	if k == 1 {
		return f
	}
	out := &Frame{Channels: f.Channels, Rows: (f.Rows + k - 1) / k, Cols: (f.Cols + k - 1) / k}
	out.Data = make([]float64, out.Channels*out.Rows*out.Cols)
	i := 0
	for c := range f.Channels {
		for r := range out.Rows {
			for q := range out.Cols {
				sum, n := 0.0, 0
				for y := r * k; y < min(r*k+k, f.Rows); y++ {
					line := f.Data[(c*f.Rows+y)*f.Cols:]
					for _, v := range line[q*k : min(q*k+k, f.Cols)] {
						if !math.IsNaN(v) {
							sum += v
							n++
						}
					}
				}
				out.Data[i] = sum / float64(n) // NaN where all are missing
				i++
			}
		}
	}
	return out
}
