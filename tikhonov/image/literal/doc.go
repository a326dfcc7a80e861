// Package literal restores a frame by D3L as it is printed: each tile minimises its
// own functional, with the rows of the blur H cut to the tile and a penalty on the
// difference between overlapping tiles,
//
//	J_i(w_i) = ||W_i^(1/2) (A_i w_i - y_i)||^2 + lambda ||Q_i w_i||^2
//	           + omega sum_j ||w_i - w_j||^2 on the overlap with tile j,
//
// against the last values of its neighbours, sweep by sweep until the tiles stop
// moving. A_i and Q_i take the tile as a frame of its own with zeros around it.
//
// The result is not the minimiser of J(w) = ||W^(1/2) (H w - y)||^2 + lambda ||Q w||^2,
// because the rows of H that reach from one tile into another are cut. Solve computes
// that minimiser as well, with package image, and reports the relative error of the
// printed method for each of the four ways in which the source puts the tiles together.
// The package exists to measure this error; to restore a frame use package image.
//
// Shapes are those of image.Problem. A sweep costs one banded solve a tile and channel,
// one exchange of the overlap and one global sum. The banded factors take m (b + 1)
// numbers for a tile of m pixels, overlap included, and the half-bandwidth b.
//
// Source: L. D'Amore, "A resource-efficient model for deep kernel learning", equations
// 23 to 30 and algorithm 1.
package literal
