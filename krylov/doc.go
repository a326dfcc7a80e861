// Package krylov solves the decomposed normal equations of Tikhonov
// regularisation, D3L: on P ranks, find w in R^N with
//
//	M w = b,   M = H'WH + lambda Q'Q  symmetric positive definite.
//
// The package knows neither pixels nor points. A caller hands it this rank's
// part of M (Operator: apply, with whatever halo exchange that takes), the local
// solves on overlapping subdomains (Preconditioner, Colours) and, where the
// problem is elliptic, a coarse space. Everything here is the iteration around
// them, its global sums, and the decision when to stop.
//
// With R_i the restriction to subdomain i, M_i = R_i M R_i' and D_i the 0/1
// partition of unity of the owned cells, the methods are
//
//	GMRES       right-preconditioned by RAS, sum_i R_i' D_i M_i^-1 R_i (default)
//	CG          preconditioned by AS, sum_i R_i' M_i^-1 R_i, its symmetric
//	            weighting, a two-level form of it (TwoLevel), or by nothing
//	Stationary  x += sum_i R_i' D_i M_i^-1 R_i (b - Mx), the decomposed sweep;
//	            not a theorem for blurs: divergence is detected
//	            coloured, one colour after the other: multiplicative Schwarz,
//	            which lowers the objective at every step for any overlap
//
// They stop on the true residual. Where a lower bound lambda_min of the spectrum
// of M is known (lambda for Q = I) the relative error is guaranteed:
//
//	||w - w*|| / ||w*|| <= tol  once  ||b - Mw|| <= tol lambda_min ||w|| / (1 + tol).
//
// Elsewhere the error is estimated by 2 ||P(b - Mw)|| / theta, theta the smallest
// Ritz value of the preconditioned matrix that the iteration has seen, and the
// report says that it is an estimate.
//
// Every vector is this rank's owned part; sums run in an order fixed by the
// number of ranks, so a run can be repeated to the last bit. Cancelling the
// context on any rank stops all of them at the same iteration.
//
// Sources: L. D'Amore, "A resource-efficient model for deep kernel learning"
// (D3L; its equation 13 needs the partition of unity used here, and its local
// functionals the rows of H that reach into a neighbour); Cai and Sarkis, SIAM J.
// Sci. Comput. 21 (1999) 792, restricted additive Schwarz; Tang, Nabben, Vuik and
// Erlangga, J. Sci. Comput. 39 (2009) 340, two-level forms (A-DEF2).
package krylov
