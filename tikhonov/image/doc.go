// Package image restores a blurred, noisy and incomplete frame: with the observed
// values y, their weights W, the blur H and a regulariser Q, it finds the minimiser of
//
//	J(w) = ||W^(1/2) (H w - y)||^2 + lambda ||Q w||^2,
//
// which is the solution of the normal equations
//
//	M w = b,   M = H'WH + lambda Q'Q,   b = H'Wy,
//
// symmetric positive definite, one unknown for each pixel and channel. W is diagonal:
// 0 at a missing pixel, else 1 or 1/variance. lambda is given, or found by the
// discrepancy principle, generalised cross-validation, the corner of the L-curve or the
// marginal likelihood (LambdaRule).
//
// lambda has the unit of W. The noise is the standard deviation of a pixel of weight 1: that
// of a pixel of weight w is noise/sqrt(w), so that it is 1 where W is 1/variance. Data and
// noise in another unit, or W and lambda in another unit, change nothing but the units.
//
// # Shapes
//
// The frame is channels x rows x cols, row-major. A halo.Decomposition divides its
// pixels between the ranks; every array of Problem and Result covers the box of pixels
// that the rank owns. All channels have the same weights, blur and lambda.
//
// # Method
//
// Where a transform of the whole frame makes H'H and Q'Q diagonal, under a periodic border, a
// reflecting one and a PSF that is its own mirror image, or a zero one without a PSF,
// krylov.Auto takes krylov.Spectral:
// conjugate gradients preconditioned by w H'H + lambda Q'Q, w one weight, which work on the pixels of
// another weight alone. Equal weights need no iteration.
//
// D3L, decomposed Tikhonov regularisation, is for all other problems: every rank solves local equations
// M_i = R_i M R_i' on its box extended by an overlap, and these solutions precondition a
// Krylov method (restricted or additive Schwarz), optionally with a coarse space of
// bilinear basis functions, or are used in stationary sweeps (krylov.Method). The stopping
// rule bounds the relative error of w itself: by a guarantee where Q is the identity
// (Result.Certified), by an estimate elsewhere.
//
// Local solves (Options.Local) are of two kinds. A box is the whole extended box with its
// mean weight, inverted at once by Fourier transforms, for any PSF. Tiles are pieces of 12
// or 16 pixels with their own weights, factored. krylov.Auto chooses method, local solves
// and overlap from the symbol of M, and goes on with another method where one stagnates.
// Where the PSF varies, a box is cut into pieces of one PSF each, with strips and corners along the edges of the frame, which have
// matrices of their own. So has the box of a single PSF that is not its own mirror image, beside a reflecting border.
//
// Tiles of one class, which differ in place only, share one dense inverse. A tile with
// a few missing pixels has it corrected by Woodbury's formula; a tile with many other
// weights has a banded Cholesky factor of its own.
//
// # Errors of the solution
//
// The solution is linear in y. ErrorMap estimates its standard deviation at every pixel,
// from the noise alone or as that of the Bayesian posterior. A Restoration makes solution
// and error map with one set-up. Regularisation also makes a bias, which is not in the map.
//
// # Cost
//
// For N unknowns of a rank, a PSF of k x k pixels and tiles of m pixels with their
// overlap, one iteration takes about 4 k^2 N operations for M (N log N for a wide PSF),
// N log N for a box or 2 m N for tiles, two exchanges of the halo and one or two global
// sums. A spectral one takes a transform of the frame there and back, divided between the
// ranks, two exchanges of a rank's pixels with all others and two sums. The memory is about 16 numbers an unknown, one more for each Krylov vector in use
// (a half for its correction), and the factors of tiles.
//
// A search for lambda takes about 5 solves by discrepancy; 10 with as many again for each
// probe vector by cross-validation (1 from 65536 values on, up to 8 for small frames); 15
// with two each by the L-curve. Marginal likelihood takes one transform of the frame, on
// rank 0, and 5 numbers a pixel there.
//
// # Errors
//
// Solve, ChooseLambda and ErrorMap are collective. Wrong input on one rank is an error on every
// rank, and so are options, channels, frames or PSFs that are not the same on all. The
// result does not depend on the number of ranks, up to the tolerance.
//
// Sources: L. D'Amore, "A resource-efficient model for deep kernel learning" (D3L), whose
// printed method is package literal; Cai and Sarkis, SIAM J. Sci. Comput. 21 (1999) 792,
// restricted additive Schwarz.
package image
