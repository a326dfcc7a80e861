// Package fourier computes two-dimensional Fourier and cosine transforms of real
// images, and convolutions by them.
//
//	[Plan2]      X(k,l) = sum_ij x(i,j) exp(-2 pi sqrt(-1) (ik/rows + jl/cols))
//	             real rows x cols  <->  complex rows x (cols/2+1)
//	[DCT2]       orthonormal DCT-II and its inverse, the DCT-III:
//	             X(k) = c(k) sum_i x(i) cos(pi (i+1/2) k / n),
//	             c(0) = sqrt(1/n), c(k) = sqrt(2/n), along both axes
//	[Convolver]  y(i,j) = sum_ab h(a,b) x(i-a,j-b) with a periodic or zero border
//	[Mixture]    y = sum_k h_k * (w_k x), PSFs with a weight at every pixel
//	[Slab]       a part of such a transform whose rows are divided between parts
//
// The transforms diagonalise convolution: the Fourier transform under periodic
// borders, the DCT-II under reflecting ones if the kernel is symmetric. All
// arrays are row-major. A transform costs about 2.5 N log2 N operations for
// N = rows*cols; sizes without large prime factors are fastest, see [NextFast].
//
// There are two back ends, chosen when the program is built: FFTW3 with build
// tag native (and cgo), found by pkg-config; otherwise gonum's, and transforms of
// several lines at once for Slab. They agree to rounding.
//
// A plan contains work space: only one goroutine at a time may use it. Clone makes
// a plan for another goroutine, with its own work space; the tables of constants
// are shared.
//
// Sources: Cooley and Tukey, Math. Comp. 19 (1965) 297; Strang, The discrete
// cosine transform, SIAM Review 41 (1999) 135; Frigo and Johnson, The design
// and implementation of FFTW3, Proc. IEEE 93 (2005) 216.
package fourier
