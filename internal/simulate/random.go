package simulate

import "math"

// A stream is a counter-based generator: its k-th number is a function of (key, k),
// so any rank can have any number of it without making the ones before.
type stream uint64

// Purposes keep the streams of one seed apart.
const (
	forGalaxies uint64 = iota + 1
	forStars
	forNoise
	forDeadPixels
	forDeadColumns
	forSurvey
	forClusters
	forBumps
	forSample
	forPSF
	forGalaxyStamp
	forStampPSF
	forStampNoise
	forSpectra
	forSpectralBumps
	forSpectralNoise
)

func newStream(seed, purpose, item uint64) stream {
	return stream(mix(mix(mix(seed)+purpose) + item))
}

// mix is the output function of SplitMix64, a bijection in which every input bit
// flips each output bit with probability close to 1/2.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bits is the k-th number: SplitMix64 started at the key.
func (s stream) bits(k uint64) uint64 {
	return mix(uint64(s) + (k+1)*0x9e3779b97f4a7c15)
}

// uniform is in (0, 1): the odd multiples of 2^-54, so that its logarithm and that
// of its complement are finite.
func (s stream) uniform(k uint64) float64 {
	return float64(s.bits(k)>>11<<1|1) * 0x1p-54
}

// normals are numbers 2k and 2k+1 of a standard normal sequence (Box and Muller).
func (s stream) normals(k uint64) (even, odd float64) {
	r := math.Sqrt(-2 * math.Log(s.uniform(2*k)))
	sin, cos := math.Sincos(2 * math.Pi * s.uniform(2*k+1))
	return r * cos, r * sin
}
