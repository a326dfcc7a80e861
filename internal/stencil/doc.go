// Package stencil applies small stencils (convolutions of a few pixels), and the normal
// operator of a deblurring problem, to planes of float64 with a halo.
//
// A plane is a region of rows x cols in a larger row-major array, given by the slice, the
// index of element (0, 0) and the row stride. The caller fills the halo around the region;
// the values there are the border condition.
//
// Normal computes, in one sweep over memory,
//
//	dst = H'(w .* (H x)) + lambda Q'Q x
//
// with (H x)(i,j) = sum_ab h(a,b) x(i-a, j-b), weights w (one for each pixel) and Q the
// identity, the gradient or the Laplacian. Intermediate rows are kept in a few row
// buffers, so that x and w are read from memory once and dst is written once: 24 bytes a
// pixel. A separable stencil of (2r+1)^2 coefficients costs 4(2r+1) multiply-adds a pixel,
// a dense one 2(2r+1)^2.
//
// With build tag native the code is C, with AVX2 if the processor has it; otherwise it is
// Go. The two agree to rounding, and each gives the same bits at every call.
package stencil
