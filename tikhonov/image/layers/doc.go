// Package layers restores a frame through two concatenated layers of Tikhonov
// regularisation, the linear form of a deep kernel: with data y, weights W, blurs H1
// and H2 and regulariser Q, it finds the minimiser of
//
//	J(u1, u2) = ||W^(1/2) (H1 u1 - y)||^2 + lambda1 ||u1||^2
//	            + mu ||H2 u2 - u1||^2 + lambda2 ||Q u2||^2.
//
// u1 is what was observed without its noise and the first blur, u2 what is behind it.
// mu couples the layers: for mu = 0 they would not know each other, for large mu
// u1 = H2 u2 and one layer with the blur H1 H2 is left. J is convex, and its normal
// equations
//
//	[ H1'W H1 + (lambda1 + mu) I    -mu H2                    ] [u1]   [H1'W y]
//	[ -mu H2'                       mu H2'H2 + lambda2 Q'Q    ] [u2] = [  0   ]
//
// are symmetric positive definite, two unknowns a pixel. They are solved with the
// methods of package krylov on overlapping tiles.
//
// A tile's matrix is the restriction of the whole one, both layers, with its weights
// replaced by their mean, rounded to a quarter of an octave: so a few dense Cholesky
// factors serve all tiles of a rank. Where the weights are even they are exact.
// Q's differences stop at the frame's edge, or go around a periodic one.
//
// Source: D'Amore, "A resource-efficient model for deep kernel learning", equation
// 10, whose layers are not coupled; the term with mu is what concatenates them.
package layers
