// Package stencil applies small stencils, and the normal operator made of them,
// to planes of float64 with a halo.
//
// A plane is rows x cols of interest inside a larger row-major array: the slice,
// the index of the element (0, 0) and the row stride say where it lies. The halo
// around it is the caller's to fill; what stands there is the border condition.
//
// Normal computes, in one sweep over memory,
//
//	dst = H'(w .* (H x)) + lambda Q'Q x
//
// with (H x)(i,j) = sum_ab h(a,b) x(i-a, j-b). Rows of intermediate results live
// in a ring of a few row buffers, so memory sees x and w read once and dst
// written once: 24 bytes a pixel. A separable (2r+1)^2 kernel costs 4(2r+1)
// multiply-adds a pixel, a dense one 2(2r+1)^2.
//
// Build tag native: C with AVX2 where the processor has it; plain Go otherwise.
// The two agree to rounding, and each gives the same bits at every call.
package stencil
