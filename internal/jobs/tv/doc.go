// Package tv holds the job "tv", which restores frames by total variation: it minimises
// 1/2 ||W^(1/2) (H x - y)||^2 + lambda TV(x) by package tv. x and y are channels x rows x
// cols; a rank holds channels x owned rows x owned cols. The package reads the frame, fills
// the options of the solver from the config, and writes the solution, pictures and
// metrics.json. docs/jobs/tv.md describes the job with its keys.
//
// Plans try the solver on pieces from the middle of the frame on one rank, and count the
// messages of a run from the geometry alone.
package tv
