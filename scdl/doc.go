// Package scdl learns coupled dictionaries: D_h (P x A) for samples of high
// resolution and D_l (M x A) for the same samples at low resolution, so that one
// sparse code fits both,
//
//	min sum_k |s_h - D_h w_h|^2/2 + |s_l - D_l w_l|^2/2 + lambda (|w_h|_1 + |w_l|_1)   with w_h = w_l,
//
// and predicts high resolution from low with them: w by s_l and D_l, then D_h w.
//
// Training is ADMM on the splitting p = w_h, q = w_l, w_h = w_l with multipliers y1,
// y2, y3 and penalties c1, c2, c3. One iteration, for all samples S, is
//
//	W_h = (D_h'D_h + c1 + c3)^-1 (D_h'S_h + Y1 - Y3 + c1 P + c3 W_l)
//	W_l = (D_l'D_l + c2 + c3)^-1 (D_l'S_l + Y2 + Y3 + c2 Q + c3 W_h)
//	P   = soft(W_h - Y1/c1, lambda/c1),   Q = soft(W_l - Y2/c2, lambda/c2)
//	Y1 += c1 (P - W_h),   Y2 += c2 (Q - W_l),   Y3 += c3 (W_h - W_l)
//	d_j += step (S - D W) w_j' / (|w_j|^2 + delta),   then (d_h, d_l)_j / |d_h,j|
//
// w_j the j-th row of W. The dictionaries have far fewer rows than columns, so the
// solves go by Woodbury's identity: with c = c1 + c3, R the right side without D'S,
// and N = (c I + D D')^-1 of P x P,
//
//	U = N (S - D R/c),   W = R/c + D'U,   and S - D W = c U
//
// comes for nothing: 4 P A operations a sample instead of 2 A^2. Samples are dealt to
// the ranks in tiles of 64 and never move; what the ranks add up in an iteration are
// the gradients of D_h and D_l, the squared rows of W and a few numbers, in one sum.
//
// A tile's state is four arrays of A x 64 (tile.go says why not six), in memory or in
// two files of a folder; it is swept three times an iteration in blocks of atoms that
// stay in cache between the products and what is done around them. Online keeps no
// state: it learns from codes that it finds and forgets.
//
// Two programs that the field uses do otherwise; Sequential and Spark do as they do.
//
// A low sample is written in atoms by ridge regression, which is one M x M solve for all
// samples, or sparsely (lasso) by an active set: see Code and Predictor. Upscale does so
// with the patches of a picture cut into strips of rows, one a rank, averages where they
// overlap, and back-projects,
//
//	x += B (y - S x),
//
// S the low camera and B bicubic interpolation. 1e6 high pixels take about 0.3 s a core,
// and the codes.
//
// Sources: Panousopoulou et al., A Distributed Learning Architecture for Scientific
// Imaging Problems, section 4.2; Fotiadou, Tsagkatakis, Tsakalides, IEEE TGRS 57
// (2019) 2777; Yang, Wright, Huang, Ma, IEEE Trans. Image Process. 19 (2010) 2861.
package scdl
