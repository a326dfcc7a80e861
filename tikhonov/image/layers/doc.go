// Package layers restores a frame through two concatenated layers of Tikhonov
// regularisation, the linear form of a deep kernel: with data y, weights W, blurs H1
// and H2 and regulariser Q, it finds the minimiser of
//
//	J(u1, u2) = ||W^(1/2) (H1 u1 - y)||^2 + lambda1 ||u1||^2
//	            + mu ||H2 u2 - u1||^2 + lambda2 ||Q u2||^2.
//
// u1 is the frame without noise and without the first blur, u2 the frame without the
// second blur as well. W is diagonal: 0 at a missing pixel, else 1 or 1/variance. mu
// couples the layers: for mu = 0 they would be independent, for large mu u1 = H2 u2 and
// one layer with the blur H1 H2 is left. J is convex, and its normal equations
//
//	[ H1'W H1 + (lambda1 + mu) I    -mu H2                    ] [u1]   [H1'W y]
//	[ -mu H2'                       mu H2'H2 + lambda2 Q'Q    ] [u2] = [  0   ]
//
// are symmetric positive definite, with two unknowns for each pixel and channel. They are
// solved with the methods of package krylov on overlapping tiles.
//
// Every array of Problem and Result covers the box of pixels that the rank owns, channels
// x rows x cols. An iteration costs four blurs, two applications of Q and, for tiles of m
// pixels with their overlap, 8 m^2 operations a tile and channel. The factors take 4 m^2
// numbers for each class of tiles.
//
// A tile's matrix is the restriction of the whole one, both layers, with its weights
// replaced by their mean, rounded to a power of 2^(1/4): so a few dense Cholesky factors
// serve all tiles of a rank. Where all weights are one the factors are exact. The
// differences of Q stop at the edge of the frame, or continue across a periodic border.
//
// Source: D'Amore, "A resource-efficient model for deep kernel learning", equation
// 10, whose layers are not coupled; here the term with mu concatenates them.
package layers
