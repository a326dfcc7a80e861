// Package frames is what every job of images does: the [image], [simulate], blur and
// [output] sections of a config with their checks, the frame that they describe, read or
// simulated and cut into one box a rank (Source, Observation), and pictures of it.
//
// A frame is channels x rows x cols of float64, row-major; a rank holds channels x owned
// rows x owned cols. Mask, weight map and missing pixels of the frame are joined into one
// plane of weights (forward.Weights, 0 = missing) as soon as they are read. Simulated
// noise and dead pixels depend on the seed and the pixel alone, not on the number of
// ranks.
package frames
