// Package frames holds what the jobs of images share: the sections [image], [simulate],
// [blur] and [output] of a config with their checks, the frame that they describe (Source,
// Observation), and the pictures of it.
//
// A frame is channels x rows x cols of float64, row-major. Every rank owns one box of it:
// channels x owned rows x owned cols. The observation is y = H x + noise at the pixels
// whose weight is not 0. Mask, weight map and missing pixels (NaN) are joined into one
// plane of weights (forward.Weights; 0 = missing) when they are read.
//
// Either rank 0 reads a file whole and sends every rank its box, and gathers the result to
// write it; then it needs memory for one whole frame and a plane of weights. Or every rank
// reads its own box and writes its own rows (Source.Apart, Observation.WriteParts), and no
// rank holds a whole frame. The key output.gather decides (Gather).
//
// A made-up sky is rendered by every rank for its own box. Simulated noise and dead pixels
// depend on the seed and the pixel alone, so that the same frame is made on any number of
// ranks.
package frames
