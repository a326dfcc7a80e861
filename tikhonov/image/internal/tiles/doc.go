// Package tiles holds what the solvers of a frame share: its overlapping tiles, the
// restriction of the normal matrix to a tile,
//
//	M_i = R_i (H'WH + lambda Q'Q) R_i',   m x m for the m pixels of an extended tile,
//
// and the weights around a rank's box that this restriction needs. Tiles of one Class
// have the same matrix where their weights are the same, so that one Pattern serves
// all of them.
package tiles
