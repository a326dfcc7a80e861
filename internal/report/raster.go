package report

import (
	"image"
	"image/color"
	stddraw "image/draw"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"tessera/internal/imageio"
)

// missing is the colour of values that are not known (NaN). It is on no scale.
var missing = color.RGBA{178, 220, 180, 255}

// shades is the number of colours of an image of one channel. With those of missing values and
// of an inset it fits into the 256 of a PNG file of one byte a pixel.
const shades = 250

// raster draws a frame: blocks of shrink x shrink pixels are averaged, and each of the results
// enlarged to enlarge x enlarge dots. With lower, row 0 is at the bottom. The middle is enlarged
// inset times in a corner; 0 = not.
func raster(f *imageio.Frame, s imageio.Stretch, shrink, enlarge int, lower bool, zoom int) *image.RGBA {
	f = bin(f, shrink)
	n := f.Rows * f.Cols
	pic := image.NewRGBA(image.Rect(0, 0, f.Cols, f.Rows))
	var table [shades + 1]color.RGBA
	for i := range table {
		table[i] = (&Scale{Stretch: s}).colour(float64(i) / shades)
	}
	for i := range n {
		row := i / f.Cols
		if lower {
			row = f.Rows - 1 - row
		}
		shade := missing
		if f.Channels == 3 && !s.Signed() {
			r, g, b := f.Data[i], f.Data[n+i], f.Data[2*n+i]
			if !math.IsNaN(r) && !math.IsNaN(g) && !math.IsNaN(b) {
				shade.R, shade.G, shade.B = s.Colour(r, g, b)
			}
		} else if v := mean(f, i); !math.IsNaN(v) {
			shade = table[int(shades*min(max(s.Position(v), 0), 1)+0.5)]
		}
		pic.SetRGBA(i%f.Cols, row, shade)
	}
	inset(pic, zoom)
	return magnified(pic, enlarge)
}

// mean is that of all channels at a pixel.
func mean(f *imageio.Frame, i int) float64 {
	sum := 0.0
	for c := range f.Channels {
		sum += f.Data[c*f.Rows*f.Cols+i]
	}
	return sum / float64(f.Channels)
}

func magnified(pic *image.RGBA, k int) *image.RGBA {
	if k == 1 {
		return pic
	}
	rows, cols := pic.Rect.Dy(), pic.Rect.Dx()
	out := image.NewRGBA(image.Rect(0, 0, cols*k, rows*k))
	for y := range rows {
		line := out.Pix[y*k*out.Stride : (y*k+1)*out.Stride]
		for x := range cols {
			shade := pic.Pix[y*pic.Stride+4*x : y*pic.Stride+4*x+4]
			for i := range k {
				copy(line[4*(x*k+i):], shade)
			}
		}
		for i := 1; i < k; i++ {
			copy(out.Pix[(y*k+i)*out.Stride:], line)
		}
	}
	return out
}

// bin averages blocks of k x k pixels, missing ones left out.
func bin(f *imageio.Frame, k int) *imageio.Frame {
	if k == 1 {
		return f
	}
	out := &imageio.Frame{Channels: f.Channels, Rows: (f.Rows + k - 1) / k, Cols: (f.Cols + k - 1) / k}
	out.Data = make([]float64, 0, out.Channels*out.Rows*out.Cols)
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
				out.Data = append(out.Data, sum/float64(n)) // NaN where all are missing
			}
		}
	}
	return out
}

// image adds an image of whole dots, its upper left corner at a place. In the PNG file its pixels
// are copied; the library would resample them.
func (f *figure) image(x, y int, img *image.RGBA) {
	f.add(func(c draw.Canvas, at func(x, y int) vg.Point) {
		if pixels, ok := c.Canvas.(*vgimg.Canvas); ok {
			stddraw.Draw(pixels.Image(), img.Rect.Add(image.Pt(x+f.pad, y)), img, image.Point{}, stddraw.Src)
			return
		}
		low, high := at(x, y+img.Rect.Dy()), at(x+img.Rect.Dx(), y)
		c.DrawImage(vg.Rectangle{Min: low, Max: high}, paletted(img))
	})
}

// paletted is the same image with a byte a pixel if it has no more than 256 colours.
func paletted(img *image.RGBA) image.Image {
	out := image.NewPaletted(img.Rect, nil)
	index := map[[4]byte]uint8{}
	last, at := [4]byte{}, uint8(0)
	for i := range out.Pix {
		shade := [4]byte(img.Pix[4*i : 4*i+4])
		if i == 0 || shade != last {
			known := false
			if at, known = index[shade]; !known {
				if len(index) == 256 {
					return img
				}
				at = uint8(len(index))
				index[shade] = at
				out.Palette = append(out.Palette, color.RGBA{shade[0], shade[1], shade[2], shade[3]})
			}
			last = shade
		}
		out.Pix[i] = at
	}
	return out
}

// borders are the lines between pixels of different regions, as pairs of corners: columns and
// rows of corners, counted from the upper left one. Pieces that continue each other are one.
func borders(regions []int, rows, cols int) (lines [][2][2]int) {
	for r := 1; r < rows; r++ {
		for c := 0; c < cols; c++ {
			first := c
			for c < cols && regions[r*cols+c] != regions[(r-1)*cols+c] {
				c++
			}
			if c > first {
				lines = append(lines, [2][2]int{{first, r}, {c, r}})
			}
		}
	}
	for c := 1; c < cols; c++ {
		for r := 0; r < rows; r++ {
			first := r
			for r < rows && regions[r*cols+c] != regions[r*cols+c-1] {
				r++
			}
			if r > first {
				lines = append(lines, [2][2]int{{c, first}, {c, r}})
			}
		}
	}
	return lines
}
