package simulate

import "math"

// Render returns the pixels of the box, Channels x rows x cols.
func (s *Scene) Render(b Box) []float64 {
	n := b.rows() * b.cols()
	data := make([]float64, s.Channels*n)
	line := make([]float64, b.cols())
	for i := range s.objects {
		ob := &s.objects[i]
		half := ob.extent()
		r0 := max(b.R0, int(math.Floor(ob.row-half[0])))
		r1 := min(b.R1, int(math.Floor(ob.row+half[0]))+1)
		c0 := max(b.C0, int(math.Floor(ob.col-half[1])))
		c1 := min(b.C1, int(math.Floor(ob.col+half[1]))+1)
		if c0 >= c1 {
			continue
		}
		for r := r0; r < r1; r++ {
			values := line[:c1-c0]
			for j := range values {
				values[j] = ob.pixel(float64(r), float64(c0+j))
			}
			at := (r-b.R0)*b.cols() + c0 - b.C0
			for c, f := range ob.flux {
				dst := data[c*n+at:][:len(values)]
				for j, v := range values {
					dst[j] += f * v
				}
			}
		}
	}
	return data
}

// extent is half the size, in rows and columns, of the box outside of which the object is
// exactly 0, and one pixel more because a pixel is sampled at several points.
func (ob *object) extent() [2]float64 {
	if ob.profile == nil {
		return [2]float64{starEdge + 1, starEdge + 1}
	}
	// The ellipse u = edge^2 reaches edge*sqrt(M^-1_ii), M the matrix of u.
	a, b, c := ob.uu[0], ob.uu[1]/2, ob.uu[2]
	det := a*c - b*b
	return [2]float64{edge*math.Sqrt(c/det) + 1, edge*math.Sqrt(a/det) + 1}
}

// starEdge is the radius in pixels at which a star ends: 7 sigma, where 1e-11 of its
// light is lost.
const starEdge = 7 * starSigma

// pixel is the share of unit flux that falls on the pixel whose corner is (row, col).
func (ob *object) pixel(row, col float64) float64 {
	dr, dc := row-ob.row, col-ob.col
	if ob.profile == nil {
		return gaussBin(dr) * gaussBin(dc)
	}
	u := ob.u(dr+0.5, dc+0.5)
	// The distance in pixels along the minor axis bounds the change of the profile over
	// this pixel.
	d := math.Sqrt(u) * ob.re * ob.q
	k := 1
	switch {
	case u > (edge+1)*(edge+1) && d > edge:
		return 0
	case d < 1.2:
		k = 24
	case d < 3:
		k = 8
	case d < 8:
		k = 3
	}
	if k == 1 {
		return ob.scale * ob.profile.at(u)
	}
	sum := 0.0
	h := 1 / float64(k)
	for i := range k {
		for j := range k {
			sum += ob.profile.at(ob.u(dr+(float64(i)+0.5)*h, dc+(float64(j)+0.5)*h))
		}
	}
	return ob.scale * sum * h * h
}

func (ob *object) u(dr, dc float64) float64 {
	return (ob.uu[0]*dr+ob.uu[1]*dc)*dr + ob.uu[2]*dc*dc
}

// gaussBin is the integral of a unit Gaussian of width starSigma over [x, x+1].
func gaussBin(x float64) float64 {
	if x < -starEdge-1 || x > starEdge {
		return 0
	}
	const s = 1 / (math.Sqrt2 * starSigma)
	return (math.Erf((x+1)*s) - math.Erf(x*s)) / 2
}
