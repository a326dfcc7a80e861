// Package tikhonov holds the jobs "tikhonov" and "two-layer", which restore frames.
//
// A tikhonov job minimises ||W^(1/2)(H w - y)||^2 + lambda ||Q w||^2 over w, a two-layer
// job the functional of package tikhonov/image/layers over u1 and u2. w, u1, u2 and the
// data y are channels x rows x cols; a rank holds channels x owned rows x owned cols. The
// package reads the frame, fills the options of the solver from the config, and writes the
// solution, pictures and metrics.json. docs/jobs describes both jobs with their keys.
//
// Plans try the solver on pieces from the middle of the frame on one rank, and count the
// messages of a run from the geometry alone.
package tikhonov
