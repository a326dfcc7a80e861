// Package psfmodel reads models of a point spread function (PSF) that changes over a frame, as
// observatories and programs write them, and evaluates them at any pixel.
//
// # Model
//
// A model is a few images and their weights at a position,
//
//	P(row, col) = sum_k w_k(row, col) P_k,
//
// bilinear between the nodes of a grid and constant beyond them, or a polynomial of the
// position. Images have samples of Step pixels of the frame. The PSF of a pixel is
// P resampled to whole pixels and divided by its sum, so that it keeps the flux. Varying gives the model
// in the form that forward.VaryingBlur takes.
//
// # Formats
//
//	psfex   the PSF_DATA table of PSFEx (.psf): polynomials of degree 0 and more
//	stpsf   a cube with cards DET_YX0, DET_YX1, ..., as STPSF (WebbPSF) writes its grids, and WriteGrid
//	stdpsf  a cube with cards NXPSFS, NYPSFS, IPSFX01, ...: the library of HST and JWST PSFs
//	cube    any cube of images and a table of their positions
//	kernel  one image, the same everywhere
//
// Rows and columns are counted from 0, with the pixel's centre at a whole number. PSFEx and STDPSF count x
// and y from 1; the readers subtract it. x is the column and y the row: row 0 is the first row of
// the file, as in all images of this module.
//
// # Resampling
//
// The centre of n samples along an axis is (n-1)/2, between two of them if n is even. Where the samples
// include the pixel (effective PSFs: all formats above unless Options say otherwise) the image is
// interpolated at the pixels' centres with Lanczos weights of 4 samples to each side, of which
// the sum is 1; on samples of 1/n pixel and an odd number of them this picks every n-th. Where they do not, the
// mean of the interpolated image over each pixel is taken.
//
// Sources: E. Bertin, PSFEx manual; Perrin et al., Proc. SPIE 9143 (2014) 91433X (WebbPSF); J. Anderson, ISR ACS
// 2006-01 (effective PSFs on a grid).
package psfmodel
