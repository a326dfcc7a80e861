// Package psf deconvolves stacks of galaxy stamps, each seen through a point spread
// function (PSF) of its own:
//
//	y_i = H_i x_i + noise,    i = 1 .. n,    stamps of side x side pixels
//
// The restored stack X is the minimiser over x >= 0 of
//
//	sum_i |W_i^(1/2) (y_i - H_i x_i)|^2 / 2  +  g(X)
//	sparse     g = sum_i |w_i . Phi x_i|_1       Phi the starlet's bands without the coarsest
//	low rank   g = sum_k lambda_k s_k(X)         s_k the singular values of the whole stack
//
// found by the primal-dual splitting of Condat and Vu, L = Phi or the identity:
//
//	p = max(0, x - tau (H'W(Hx - y) + L'u))
//	v = u + sigma L(2p - x)
//	q = v - sigma prox_(g/sigma)(v/sigma)     sparse: v cut to [-w, w]
//	x += rho (p - x),   u += rho (q - u)
//
// It converges where 1/tau - sigma |L|^2 >= beta/2, beta the largest |H_i|^2 max W_i,
// which is known here from the PSFs' transforms, as |L| <= 1 is; steps given by a
// caller are held to it.
//
// Stamps are dealt to the ranks once. In the sparse form they have nothing to do
// with each other: a stamp is taken through all iterations up to the next look at
// the cost while it lies in cache, and the ranks meet in one small sum a look. In
// the low-rank form the ranks meet once an iteration: the singular vectors of the
// stack are those of a pixels x pixels matrix A'A, of which a block of some 32 is
// followed from iteration to iteration by subspace iteration, and only A'(A B) is
// summed. The stack is never gathered.
//
// Cost a stamp and iteration (41 x 41): four small transforms, the starlet both
// ways or 4 pixels x block operations, and some 30 numbers a pixel of memory.
//
// Sources: Condat, J. Optim. Theory Appl. 158 (2013) 460, algorithm 3.1; Farrens
// et al., A&A 601 (2017) A66, for both forms of g and the thresholds; Panousopoulou
// et al., A Distributed Learning Architecture for Scientific Imaging Problems,
// section 4.1, for the distribution; Gu et al., CVPR 2014, 2862, for the proximal
// operator of weighted singular values.
package psf
