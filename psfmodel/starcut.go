package psfmodel

import (
	"math"

	"tessera/forward"
)

// cutout is a star that is centred and has flux 1, row-major.
type cutout struct {
	values []float64
	own    []bool // false: a pixel nearer to another star, or a missing one, which has the value of the pixel opposite
}

// mostMissing is the part of a cut-out that may be missing, none of it within the FWHM of the star.
const mostMissing = 0.05

// ownWidths is how many times its FWHM a star has to be from the next one, where StarOptions do not say it.
const ownWidths = 3

// cutStar is star k, centred and of flux 1, or the count that it goes into. noise is the standard deviation of a pixel of the frame.
func cutStar(frame []float64, rows, cols int, stars []Star, k int, noise float64, o StarOptions) (cutout, func(*StarCounts) *int) {
	p := stars[k].Place
	leftOut := func(reason func(*StarCounts) *int) (cutout, func(*StarCounts) *int) { return cutout{}, reason }
	if stars[k].Flat {
		return leftOut(func(c *StarCounts) *int { return &c.Saturated })
	}
	if v := p[0] + p[1]; v-v != 0 {
		return leftOut(func(c *StarCounts) *int { return &c.Off })
	}
	if p[0] < -0.5 || p[1] < -0.5 || p[0] >= float64(rows)-0.5 || p[1] >= float64(cols)-0.5 {
		return leftOut(func(c *StarCounts) *int { return &c.Outside })
	}
	crowded := func(c *StarCounts) *int { return &c.Crowded }
	margin := o.Size/2 + ring
	beside, nearest := neighbours(stars, k, 2*float64(margin))
	if nearest < o.Apart {
		return leftOut(crowded)
	}
	r, c := int(math.Round(p[0])), int(math.Round(p[1]))
	if r < margin || c < margin || r >= rows-margin || c >= cols-margin {
		return leftOut(func(c *StarCounts) *int { return &c.AtEdge })
	}
	size := 2*margin + 1
	cut, own := make([]float64, 0, size*size), make([]bool, 0, size*size)
	var around []ringPixel
	var absent []int
	missing := func(c *StarCounts) *int { return &c.Missing }
	for i := range size {
		for j := range size {
			v, mine := frame[(r-margin+i)*cols+c-margin+j], nearestTo(p, beside, float64(r-margin+i), float64(c-margin+j))
			if mine && v-v != 0 {
				absent, mine = append(absent, len(cut)), false
			}
			if mine && o.Saturation > 0 && v >= o.Saturation {
				return leftOut(func(c *StarCounts) *int { return &c.Saturated })
			}
			cut, own = append(cut, v), append(own, mine)
			if mine && (i < ring || j < ring || i >= size-ring || j >= size-ring) {
				around = append(around, ringPixel{float64(i - margin), float64(j - margin), v})
			}
		}
	}
	if float64(len(absent)) > mostMissing*float64(len(cut)) {
		return leftOut(missing)
	}
	if len(around) < 4*ring {
		return leftOut(crowded)
	}
	background, deviation := plane(around)
	for i := range cut {
		cut[i] -= background[0] + background[1]*float64(i/size-margin) + background[2]*float64(i%size-margin)
	}
	for i, mine := range own {
		if mine {
			continue
		}
		cut[i] = 0
		if opposite := len(cut) - 1 - i; own[opposite] {
			cut[i] = cut[opposite]
		}
	}
	y, x, fwhm, ok := centre(cut, size)
	for _, i := range absent {
		if !ok || math.Hypot(float64(i/size)-y, float64(i%size)-x) < fwhm {
			return leftOut(missing)
		}
	}
	switch {
	case o.Apart == 0 && nearest < ownWidths*fwhm:
		return leftOut(crowded)
	case !ok || math.Hypot(y+float64(r-margin)-p[0], x+float64(c-margin)-p[1]) > 2:
		if nearest < float64(o.Size/2) {
			return leftOut(crowded)
		}
		return leftOut(func(c *StarCounts) *int { return &c.Off })
	}
	down, across := make([][]float64, o.Size), make([][]float64, o.Size)
	for i := range o.Size {
		down[i], across[i] = make([]float64, size), make([]float64, size)
		interpolate(down[i], y+float64(i-o.Size/2), 1)
		interpolate(across[i], x+float64(i-o.Size/2), 1)
	}
	star := cutout{(&resampler{rows: size, cols: size, down: down, across: across}).psf(cut).Values, make([]bool, o.Size*o.Size)}
	flux := 0.0
	for i, v := range star.values {
		flux += v
		row, col := int(math.Round(y+float64(i/o.Size-o.Size/2))), int(math.Round(x+float64(i%o.Size-o.Size/2)))
		star.own[i] = row >= 0 && col >= 0 && row < size && col < size && own[row*size+col]
	}
	if !(flux > o.SNR*deviation*float64(o.Size)) {
		return leftOut(func(c *StarCounts) *int { return &c.Faint })
	}
	for i := range star.values {
		star.values[i] /= flux
	}
	if star.uneven(o.Size, noise/flux, deviation/flux, len(around)) {
		return leftOut(func(c *StarCounts) *int { return &c.Uneven })
	}
	return star, nil
}

// Bounds of the background of a star, whose flux is 1.
const (
	mostCore    = 1.15 // of the light within half the side of the cut-out: more is there only if the background is taken too high
	mostBowl    = 0.05 // of the light below 0 outside of that, if it is significant
	mostUneven  = 0.15 // of the scatter around the background, added up over the cut-out, if it is no noise
	significant = 4    // standard deviations
	noNoise     = 5    // times the noise of a pixel
)

// uneven tells whether the background of a star of flux 1 is not that of a plane, as neighbours that raise its ring make it. noise and
// deviation are standard deviations of a pixel of the frame and of one of so many of the ring, relative to the flux.
func (s *cutout) uneven(size int, noise, deviation float64, ringPixels int) bool {
	core, wing, n := 0.0, 0.0, 0.0
	for i, v := range s.values {
		switch {
		case max(abs(i/size-size/2), abs(i%size-size/2)) <= size/4:
			core += v
		case s.own[i]:
			wing, n = wing+v, n+1
		}
	}
	bowl := wing < -mostBowl && wing < -significant*deviation*n*math.Sqrt(1/max(n, 1)+1/float64(ringPixels))
	rough := noise > 0 && deviation > noNoise*noise && deviation*float64(size*size) > mostUneven
	return core > mostCore || bowl || rough
}

func abs(n int) int { return max(n, -n) }

// pixelNoise is the standard deviation of the noise of a pixel, from the median difference of neighbours in a row.
func pixelNoise(frame []float64, cols int) float64 {
	const sample = 100_000
	var list []float64
	for i := 0; i+1 < len(frame); i += 1 + len(frame)/sample {
		if d := frame[i+1] - frame[i]; (i+1)%cols != 0 && d-d == 0 {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return 0
	}
	_, deviation := spread(list)
	return deviation / math.Sqrt2
}

// neighbours are the places of the stars within reach of star k whose light disturbs, and how far the nearest of them is.
func neighbours(stars []Star, k int, reach float64) (places [][2]float64, nearest float64) {
	p := stars[k].Place
	nearest = math.Inf(1)
	for other, s := range stars {
		dy, dx := s.Place[0]-p[0], s.Place[1]-p[1]
		if other == k || !(math.Abs(dy) < reach && math.Abs(dx) < reach) || s.Height < nearBright*stars[k].Height {
			continue
		}
		places = append(places, s.Place)
		nearest = min(nearest, math.Hypot(dy, dx))
	}
	return places, nearest
}

// nearestTo tells whether a pixel is nearer to p than to the other places.
func nearestTo(p [2]float64, others [][2]float64, y, x float64) bool {
	own := (y-p[0])*(y-p[0]) + (x-p[1])*(x-p[1])
	for _, q := range others {
		if (y-q[0])*(y-q[0])+(x-q[1])*(x-q[1]) < own {
			return false
		}
	}
	return true
}

// ringPixel is a pixel of the ring around a star, at its place from the middle.
type ringPixel struct{ y, x, value float64 }

// plane is the plane a + b y + c x through the pixels of a ring, without those of more than 3 standard deviations from it,
// and that standard deviation, from the median deviation.
func plane(list []ringPixel) (p [3]float64, deviation float64) {
	values := make([]float64, len(list))
	far := math.Inf(1)
	for round := range 3 {
		for i, v := range list {
			values[i] = v.value - p[0] - p[1]*v.y - p[2]*v.x
		}
		var middle float64
		middle, deviation = spread(values)
		if round > 0 {
			far = 3 * deviation
		}
		kept := make([]ringPixel, 0, len(list))
		for i, v := range list {
			if math.Abs(values[i]-middle) <= far {
				kept = append(kept, ringPixel{v.y, v.x, values[i]})
			}
		}
		if len(kept) < len(list)/2 {
			break
		}
		for i, v := range flattest(kept) {
			p[i] += v
		}
	}
	return p, deviation
}

// flattest is the plane of least squares, or the mean where the pixels do not say how it is inclined.
func flattest(list []ringPixel) [3]float64 {
	var n, y, x, yy, yx, xx, v, vy, vx float64
	for _, p := range list {
		n, y, x, v = n+1, y+p.y, x+p.x, v+p.value
	}
	y, x, v = y/n, x/n, v/n
	for _, p := range list {
		dy, dx, dv := p.y-y, p.x-x, p.value-v
		yy, yx, xx, vy, vx = yy+dy*dy, yx+dy*dx, xx+dx*dx, vy+dv*dy, vx+dv*dx
	}
	det := yy*xx - yx*yx
	if !(det > 0.01*(yy+xx)*(yy+xx)) {
		return [3]float64{v}
	}
	b, c := (vy*xx-vx*yx)/det, (vx*yy-vy*yx)/det
	return [3]float64{v - b*y - c*x, b, c}
}

// centre is that of the Gaussian that fits best to size x size pixels, from their first one, and its FWHM.
func centre(cut []float64, size int) (y, x, fwhm float64, ok bool) {
	yy, _, xx, y, x, ok := adaptive(forward.PSF{Rows: size, Cols: size, Values: cut})
	return y, x, 2 * math.Sqrt(math.Ln2*(yy+xx)), ok && y >= 0 && x >= 0 && y < float64(size) && x < float64(size)
}
