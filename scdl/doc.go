// Package scdl learns coupled dictionaries: D_h (P x A) for samples of high resolution
// and D_l (M x A) for the same samples at low resolution, such that one sparse code fits
// both,
//
//	min sum_k |s_h - D_h w_h|^2/2 + |s_l - D_l w_l|^2/2 + lambda (|w_h|_1 + |w_l|_1)   with w_h = w_l,
//
// the sum over the samples. To predict a high sample from a low one, it finds the code w
// of the low sample in D_l; the prediction is D_h w.
//
// Train is ADMM (alternating direction method of multipliers) on the splitting p = w_h,
// q = w_l, w_h = w_l with multipliers y1, y2, y3 and penalties c1, c2, c3. Capital letters
// are matrices with a column for each sample. One iteration is
//
//	W_h = (D_h'D_h + c1 + c3)^-1 (D_h'S_h + Y1 - Y3 + c1 P + c3 W_l)
//	W_l = (D_l'D_l + c2 + c3)^-1 (D_l'S_l + Y2 + Y3 + c2 Q + c3 W_h)
//	P   = soft(W_h - Y1/c1, lambda/c1),   Q = soft(W_l - Y2/c2, lambda/c2)
//	Y1 += beta c1 (P - W_h),   Y2 += beta c2 (Q - W_l),   Y3 += beta c3 (W_h - W_l)
//	d_j += step (S - D W) w_j' / (|w_j|^2 + delta),   then (d_h, d_l)_j / |d_h,j|
//
// where w_j is row j of W and d_j column j of D. The dictionaries have far fewer rows than
// columns, so that Woodbury's identity makes the solves cheap: with c = c1 + c3, R the
// right side without D'S, and N = (c I + D D')^-1 of P x P,
//
//	U = N (S - D R/c),   W = R/c + D'U,   and the residual S - D W = c U
//
// takes 4 P A operations a sample instead of 2 A^2. The samples are divided among the
// ranks in tiles of 64 and never move. Each iteration has one Allreduce, of the gradients
// of D_h and D_l, the squared lengths of the rows of W and a few numbers.
//
// The state of a tile is four arrays of A x 64 (tile.go says why not six), in memory or
// in three files of a folder. An iteration makes three sweeps over blocks of atoms that
// stay in cache. Online stores no codes: it learns from mini-batches whose codes it
// computes and discards.
//
// Two published programs differ from this iteration; Options.Compatibility repeats them:
// Sequential and Spark.
//
// The code of a low sample is found by ridge regression, which is one M x M solve for all
// samples, or by the lasso: see Code and Predictor. Upscale predicts the patches of a
// picture, divided into strips of rows, one a rank, and averages overlapping patches.
// Then it applies back-projection,
//
//	x += B (y - S x),
//
// where y is the low picture, S degrades a high picture to a low one, and B is bicubic
// interpolation. A high picture of 10^6 pixels takes about 0.3 s on a core, plus the time
// for the codes.
//
// Sources: Panousopoulou et al., A Distributed Learning Architecture for Scientific
// Imaging Problems, section 4.2; Fotiadou, Tsagkatakis, Tsakalides, IEEE TGRS 57
// (2019) 2777; Yang, Wright, Huang, Ma, IEEE Trans. Image Process. 19 (2010) 2861.
package scdl
