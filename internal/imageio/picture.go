package imageio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
)

const (
	pngMagic  = "\x89PNG\r\n\x1a\n"
	jpegMagic = "\xff\xd8\xff"

	mostPixels = 1 << 30
)

// jpegRatio is the most pixels that a byte of a large JPEG file stands for: a picture of one
// colour, with Huffman codes made for it, has 170.
const jpegRatio = 200

// pictureSource decodes PNG and JPEG. Both have to be decoded whole; that happens
// when the pixels are asked for.
func pictureSource(r io.ReaderAt, size int64) (*source, error) {
	reader := func() io.Reader { return bufio.NewReader(io.NewSectionReader(r, 0, size)) }
	s := &source{Frame: Frame{Format: "jpeg", Type: "uint8", Channels: 3}}
	decode, decodeConfig := jpeg.Decode, jpeg.DecodeConfig
	var start [29]byte
	n, _ := r.ReadAt(start[:], 0)
	depth, kind := int(start[24]), start[25] // of the IHDR chunk, always the first; [28] tells whether lines are interlaced
	if string(start[:8]) == pngMagic {
		if n < len(start) {
			return nil, errors.New("png: truncated header")
		}
		s.Format = "png"
		decode, decodeConfig = png.Decode, png.DecodeConfig
		if depth == 16 {
			s.Type = "uint16"
		}
	}
	cfg, err := decodeConfig(reader())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Format, err)
	}
	s.Rows, s.Cols = cfg.Height, cfg.Width
	// The decoders take memory for the whole picture at once, so its size must be
	// plausible for the file's.
	var least int64 // bytes a file of this size has at least
	if s.Format == "png" {
		line := 1 + (int64(s.Cols)*int64(samples(kind)*depth)+7)/8
		least = line * int64(s.Rows) / 1032 // the most deflate can do
	} else {
		least = int64(s.Rows) * int64(s.Cols) / 512 // one bit for a block of 8x8
		if pixels := int64(s.Rows) * int64(s.Cols); !cheap(r, pixels, size) {
			least = pixels / jpegRatio
		}
	}
	if s.Rows <= 0 || s.Cols <= 0 || int64(s.Rows)*int64(s.Cols) > mostPixels || least > size {
		return nil, fmt.Errorf("%s of %d rows x %d columns in a file of %d bytes: it is damaged, as these take more", s.Format, s.Rows, s.Cols, size)
	}
	// The PNG decoder widens grey with transparency to colour; the file's own
	// colour type (0, 4 = grey) knows better.
	if s.Format == "png" && (kind == 0 || kind == 4 || greyPalette(cfg.ColorModel)) || cfg.ColorModel == color.GrayModel {
		s.Channels = 1
	}
	turn := jpegOrientation(r)
	if s.Format == "png" {
		turn = pngOrientation(r, size)
	}
	s.turned(turn)
	interlaced := start[28] == 1
	s.pixels = func(b Box) ([]float64, error) {
		if !cheap(r, int64(cfg.Height)*int64(cfg.Width), size) {
			err := checkJPEGEnd(r, size)
			if s.Format == "png" {
				err = checkPNG(r, size, cfg.Height, cfg.Width, samples(kind)*depth, interlaced)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Format, err)
			}
		}
		img, err := decode(reader())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Format, err)
		}
		return planes(img, s.Channels, b, turn), nil
	}
	return s, nil
}

// samples of a pixel of a PNG file by its colour type.
func samples(kind byte) int { return map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind] }

// checkJPEGEnd finds a JPEG file that was cut: the decoder takes memory for the whole picture
// before it sees that. Some programs write a few bytes more behind the mark of the end.
func checkJPEGEnd(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 4096))
	n, _ := r.ReadAt(tail, size-int64(len(tail)))
	if !bytes.Contains(tail[:n], []byte("\xff\xd9")) {
		return errors.New("the file ends without the mark of its end: it was cut")
	}
	return nil
}

// turned makes the rows and columns of a picture in a file those of the upright picture.
func (s *source) turned(o orientation) {
	s.Stored = []int{s.Rows, s.Cols}
	if s.Channels > 1 {
		s.Stored = append(s.Stored, s.Channels)
	}
	if o.lying() {
		s.Rows, s.Cols = s.Cols, s.Rows
	}
	if o > 1 {
		s.Turned = int(o)
	}
}

func greyPalette(m color.Model) bool {
	p, ok := m.(color.Palette)
	for _, c := range p {
		v := color.NRGBA64Model.Convert(c).(color.NRGBA64)
		if v.R != v.G || v.G != v.B {
			return false
		}
	}
	return ok
}

// planes copies box b of the upright picture to channel planes scaled to 0..1.
func planes(img image.Image, channels int, b Box, turn orientation) []float64 {
	n := (b.R1 - b.R0) * (b.C1 - b.C0)
	data := make([]float64, channels*n)
	o, stored := img.Bounds().Min, img.Bounds().Size()
	i := 0
	for row := b.R0; row < b.R1; row++ {
		for col := b.C0; col < b.C1; col++ {
			y, x := turn.stored(row, col, stored.Y, stored.X)
			r, g, bl, a := sample(img, o.X+x, o.Y+y)
			switch {
			case a == 0:
				for c := range channels {
					data[c*n+i] = math.NaN()
				}
			case channels == 1:
				data[i] = r
			default:
				data[i], data[n+i], data[2*n+i] = r, g, bl
			}
			i++
		}
	}
	return data
}

// sample is one pixel, not multiplied by its alpha. The usual types are read as
// stored; going through color.Color costs an allocation a pixel.
func sample(img image.Image, x, y int) (r, g, b float64, alpha uint32) {
	const max8, max16 = 0xff, 0xffff
	switch m := img.(type) {
	case *image.Gray:
		v := float64(m.GrayAt(x, y).Y) / max8
		return v, v, v, 1
	case *image.Gray16:
		v := float64(m.Gray16At(x, y).Y) / max16
		return v, v, v, 1
	case *image.RGBA: // from a PNG without alpha
		if c := m.RGBAAt(x, y); c.A == max8 {
			return float64(c.R) / max8, float64(c.G) / max8, float64(c.B) / max8, 1
		}
	case *image.RGBA64:
		if c := m.RGBA64At(x, y); c.A == max16 {
			return float64(c.R) / max16, float64(c.G) / max16, float64(c.B) / max16, 1
		}
	case *image.NRGBA:
		c := m.NRGBAAt(x, y)
		return float64(c.R) / max8, float64(c.G) / max8, float64(c.B) / max8, uint32(c.A)
	case *image.YCbCr:
		c := m.YCbCrAt(x, y)
		r8, g8, b8 := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
		return float64(r8) / max8, float64(g8) / max8, float64(b8) / max8, 1
	}
	c := color.NRGBA64Model.Convert(img.At(x, y)).(color.NRGBA64)
	return float64(c.R) / max16, float64(c.G) / max16, float64(c.B) / max16, uint32(c.A)
}
