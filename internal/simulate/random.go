package simulate

import "tessera/internal/random"

// The purpose of a stream: streams of one seed for different things do not depend on
// each other.
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
	forCells
)

// newStream is the stream of random numbers of one item, such as a galaxy or a channel.
func newStream(seed, purpose, item uint64) random.Stream { return random.New(seed, purpose, item) }
