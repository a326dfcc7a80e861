// Package wavelet is the isotropic undecimated wavelet transform of small square
// images (starlet, a trous).
//
// An image x is smoothed again and again by a separable kernel h whose taps move
// apart by a factor of 2 each time; what each smoothing takes away is a band, the
// finest first:
//
//	c_0 = x,   c_s = h_s * c_(s-1),   band s = c_(s-1) - c_s,   s = 1 .. scales
//
// so that x is the sum of the bands and the last c, which is left out here: the
// bands are Phi x. Both families have 0 <= h^(w) <= 1, therefore each band's
// response lies in [0, 1], their sum too, and |Phi| <= 1.
//
// Beyond its border an image is zero or repeats; with zero the intermediate c keep
// what spreads over the border, so that each band is the linear convolution of x
// with one filter, cut to the frame. The adjoint is exact in both cases.
//
// Sources: Starck, Fadili and Murtagh, IEEE Trans. Image Process. 16 (2007) 297;
// Holschneider et al. in Wavelets, Springer 1989, 286.
package wavelet
