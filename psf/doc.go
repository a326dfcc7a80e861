// Package psf deconvolves stacks of galaxy stamps, each observed with a point spread
// function (PSF) of its own:
//
//	y_i = H_i x_i + noise,    i = 1 .. n,    stamps of side x side pixels
//
// H_i is the convolution with the PSF of stamp i. The restored stack X = (x_1 .. x_n) is
// the minimiser over x >= 0 of
//
//	sum_i |W_i^(1/2) (y_i - H_i x_i)|^2 / 2  +  g(X)
//	sparse     g = sum_i |w_i . Phi x_i|_1       Phi the bands of the starlet transform without the coarsest
//	low rank   g = sum_k lambda_k s_k(X)         s_k the singular values of X as a matrix of n x pixels
//
// with W_i the weights of the pixels, 0 for a masked one, and w_i the thresholds of the
// bands. Deconvolve finds it by the primal-dual splitting of Condat and Vu, where L is
// Phi or the identity:
//
//	p = max(0, x - tau (H'W(Hx - y) + L'u))
//	v = u + sigma L(2p - x)
//	q = v - sigma prox_(g/sigma)(v/sigma)     sparse: v clipped to [-w, w]
//	x += rho (p - x),   u += rho (q - u)
//
// The iteration converges if 1/tau - sigma |L|^2 >= beta/2, where beta is the largest
// |H_i|^2 max W_i. Here |L| <= 1, and |H_i| follows from the Fourier transform of the PSF.
// Steps that a caller sets must satisfy the condition.
//
// The ranks divide the stack once. In the sparse form stamps do not depend on each other:
// a rank makes all iterations up to the next convergence check with one stamp, while its
// arrays are in cache, before it goes on to the next stamp. The only communication is one
// sum of four numbers at each check. In the low-rank form the ranks communicate once an
// iteration. The proximal operator needs the leading right singular vectors of the
// n x pixels matrix V of the v's. These are eigenvectors of V'V; subspace iteration
// follows a block B of about 32 of them from iteration to iteration, and the ranks add up
// the product V'(V B). The stack is never gathered.
//
// Cost of a stamp of 41 x 41 pixels in one iteration: four small Fourier transforms, then
// the starlet transform and its adjoint, or 4 pixels x block operations. Memory: some 30
// numbers a pixel.
//
// Sources: Condat, J. Optim. Theory Appl. 158 (2013) 460, algorithm 3.1; Farrens
// et al., A&A 601 (2017) A66, for both forms of g and the thresholds; Panousopoulou
// et al., A Distributed Learning Architecture for Scientific Imaging Problems,
// section 4.1, for the distribution; Gu et al., CVPR 2014, 2862, for the proximal
// operator of weighted singular values.
package psf
