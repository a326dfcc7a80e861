package imageio

import (
	"fmt"
	"image"
	"image/png"
	"io"
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

// Flipped is the frame with its rows in the opposite order.
func (f *Frame) Flipped() *Frame {
	out := *f
	out.Data = make([]float64, 0, len(f.Data))
	for c := range f.Channels {
		for r := range f.Rows {
			at := (c*f.Rows + f.Rows - 1 - r) * f.Cols
			out.Data = append(out.Data, f.Data[at:at+f.Cols]...)
		}
	}
	return &out
}
