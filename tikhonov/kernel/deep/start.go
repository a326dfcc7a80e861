package deep

import (
	"math"

	"tessera/internal/linalg"
	"tessera/internal/random"
)

// initial is feature k of start number j of count, at the point u: coordinates from
// the middle of the observations' box, in units of its longest side.
//
//	1 dimension   cos(pi (j+k+1) (u + 1/2)): monotone, then folded at j+k places
//	2 dimensions  u along the direction at the angle pi (j/count + k/features)
//	3 dimensions  u along direction j of count spread over the half sphere by the
//	              golden angle, for k = 1 and 2 along two at right angles to it
//	4 and more    u along random directions, at right angles to each other for one j
//
// times 2^-k: K2 is radial, and turning as many equal features as dimensions would
// change nothing. Opposite directions are the same start for the same reason.
func initial(j, count, k, features int, u []float64) float64 {
	return direction(j, count, k, features, u) / float64(int(1)<<k)
}

func direction(j, count, k, features int, u []float64) float64 {
	switch len(u) {
	case 1:
		return math.Cos(math.Pi * float64(j+k+1) * (u[0] + 0.5))
	case 2:
		t := math.Pi * (float64(j)/float64(count) + float64(k)/float64(features))
		return math.Cos(t)*u[0] + math.Sin(t)*u[1]
	case 3:
		e := frame(j, count)[k]
		return e[0]*u[0] + e[1]*u[1] + e[2]*u[2]
	}
	return linalg.Dot(randomFrame(j, len(u))[k], u)
}

// frame is an orthonormal frame whose first axis is direction j of count on the
// half sphere z > 0, by a Fibonacci lattice: equal areas.
func frame(j, count int) [3][3]float64 {
	z := 1 - (float64(j)+0.5)/float64(count)
	turn := math.Pi * (3 - math.Sqrt(5)) * float64(j)
	sin, cos := math.Sincos(turn)
	r := math.Sqrt(1 - z*z)
	return [3][3]float64{
		{r * cos, r * sin, z},
		{-sin, cos, 0},
		{-z * cos, -z * sin, r},
	}
}

// directionSeed is that of the directions of starts in more than three dimensions.
const directionSeed = 1

// randomFrame is three orthonormal directions in four and more dimensions, made of normal
// numbers by Gram and Schmidt. The first ones of different j are independent of each other.
func randomFrame(j, dim int) [3][]float64 {
	var e [3][]float64
	r := random.New(directionSeed, uint64(dim), uint64(j))
	for k := range e {
		v := make([]float64, dim)
		for i := range v {
			v[i] = r.Normal(uint64(k*dim + i))
		}
		for _, before := range e[:k] {
			linalg.Axpy(-linalg.Dot(before, v), before, v)
		}
		norm := math.Sqrt(linalg.Dot(v, v))
		for i := range v {
			v[i] /= norm
		}
		e[k] = v
	}
	return e
}
