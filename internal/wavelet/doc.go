// Package wavelet computes the isotropic undecimated wavelet transform (starlet, a trous)
// of small square images, and its adjoint.
//
// An image x is smoothed several times by a separable filter h. The taps of h_s are
// 2^(s-1) pixels apart. The difference of two successive smoothings is a band; the finest
// band comes first:
//
//	c_0 = x,   c_s = h_s * c_(s-1),   band s = c_(s-1) - c_s,   s = 1 .. scales.
//
// x is the sum of all bands and the last c. The transform Phi x is the bands alone. For
// both families of filters the Fourier transform of h lies in [0, 1]; therefore that of
// each band, and of their sum, lies in [0, 1] too, and |Phi| <= 1.
//
// Outside its border an image is zero or periodic. With a zero border the intermediate c
// extend beyond the border, so that each band is the linear convolution of x with one
// filter, cut to the frame. The adjoint is exact in both cases. The cost is
// 10 (B3) or 6 (Linear) multiply-adds for each pixel and scale.
//
// Sources: Starck, Fadili and Murtagh, IEEE Trans. Image Process. 16 (2007) 297;
// Holschneider et al. in Wavelets, Springer 1989, 286.
package wavelet
