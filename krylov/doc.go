// Package krylov solves the decomposed normal equations of Tikhonov
// regularisation, D3L: on P ranks, find w in R^N with
//
//	M w = b,   M = H'WH + lambda Q'Q  symmetric positive definite.
//
// The package does not depend on what the unknowns are, pixels or points. The caller
// gives it this rank's rows of M (Operator, whose Apply includes the halo exchange), the
// local solves on overlapping subdomains (Preconditioner, Colours) and, where the
// problem is elliptic, a coarse space. The package has the iterations around them, the
// global sums, and the stopping rule.
//
// With R_i the restriction to subdomain i, M_i = R_i M R_i' and D_i the 0/1
// partition of unity of the owned cells, the methods are
//
//	GMRES               right-preconditioned by RAS, sum_i R_i' D_i M_i^-1 R_i
//	                    (the default of the solvers)
//	ConjugateGradients  preconditioned by AS, sum_i R_i' M_i^-1 R_i, by its symmetric
//	                    weighting, by a two-level form of it (Deflated), or not
//	RestrictedCG        the same for M = A - H'DH, preconditioned by A^-1, on the data
//	                    where D is not 0
//	Stationary          x += sum_i R_i' D_i M_i^-1 R_i (b - Mx), the decomposed sweep;
//	                    no theorem says that it converges for blurs, so that
//	                    divergence is detected
//	Multiplicative      the same with one colour of subdomains after the other, which
//	                    lowers the objective at every step for any overlap
//
// They stop on the residual b - Mw itself, not on its recurrence. Where a lower bound lambda_min of the spectrum
// of M is known (lambda for Q = I) the relative error is guaranteed:
//
//	||w - w*|| / ||w*|| <= tol  once  ||b - Mw|| <= tol lambda_min ||w|| / (1 + tol).
//
// Elsewhere the error is estimated by (2 + 48/k^2) ||P(b - Mw)|| / theta after k
// iterations, theta the smallest Ritz value of the preconditioned matrix that the
// iteration has seen, and the report says that it is an estimate. With
// Control.LambdaLikely it is at least ||b - Mw|| / LambdaLikely.
//
// RestrictedCG's estimate is never below the rounding of A^-1 b.
//
// Every vector is this rank's owned part; sums run in an order fixed by the
// number of ranks, so a run can be repeated to the last bit.
//
// # Errors
//
// All methods are collective. Report.Status says why an iteration stopped. Where it
// stopped too early, every rank returns the same *NotConvergedError beside the report.
// Cancelling the context on any rank stops all of them at the same iteration: each
// returns the cause of its own context, or context.Canceled if only another rank's was
// cancelled. Wrong lengths or controls on one rank are an error on every rank. An error
// of the operator or the preconditioner is returned by the ranks that it happened on:
// Apply has to agree on it (ranks.AgreeError) if it can happen on one rank only.
//
// Sources: L. D'Amore, "A resource-efficient model for deep kernel learning"
// (D3L; its equation 13 needs the partition of unity used here, and its local
// functionals the rows of H that reach into a neighbour); Cai and Sarkis, SIAM J.
// Sci. Comput. 21 (1999) 792, restricted additive Schwarz; Tang, Nabben, Vuik and
// Erlangga, J. Sci. Comput. 39 (2009) 340, two-level forms (A-DEF2).
package krylov
