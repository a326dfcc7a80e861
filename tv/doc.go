// Package tv restores images by total variation (TV). On P ranks it finds
//
//	min over x   C(x) = 1/2 ||W^(1/2) (A x - y)||^2 + lambda TV(x),   lower <= x <= upper,
//
// for data y, any linear operator A of package forward, weights W (0 = missing) and images x
// of 1, 2 or 3 axes. With d_k(n) = x(n + e_k) - x(n) for every pair of neighbouring pixels
//
//	TV(x) = sum_n sum_k |d_k(n)|            anisotropic
//	TV(x) = sum_n sqrt(sum_k d_k(n)^2)      isotropic
//
// and with coupled channels (vectorial TV) the sum of the squares runs over the channels
// too. Pairs across the border of the frame count with a periodic border only.
//
// # Use
//
//	h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
//	r, err := tv.Solve(ctx, comm, &tv.Problem{Frame: frame, Channels: 1, Operator: h, Data: y},
//		tv.Options{Lambda: 0.003})
//	// r.Solution on the owned box; C(r.Solution) - min C <= r.Gap
//
// # Methods
//
// FPPA, the fast parallel proximal algorithm, for the anisotropic TV. Let W_1 ... W_K,
// K = 2 axes, be the orthonormal Haar transforms of one level along one axis, with pairs that
// begin at even or at odd pixels, and g_j = K lambda sqrt(2) ||differences of W_j x||_1, so
// that lambda TV is the mean of the g_j. With the step gamma <= 1/L, L = ||W^(1/2) A||^2,
//
//	z = s - gamma A'W (A s - y)
//	x = 1/K sum_j prox_(gamma g_j)(z)
//	s = x + mu (x - x before)              (momentum)
//
// The mean of the K proximal points is that of the proximal average PA of the g_j. FPPA
// is therefore the accelerated proximal gradient method for f + PA in place of f + lambda TV, and
//
//	0 <= lambda TV - PA <= gamma G^2 / 2,   gamma G^2 / 2 = gamma K lambda^2 pairs,
//
// pairs being the number of pairs of neighbours: the printed certificate. The limit of the
// iteration has a cost at most that much above the minimum. It smooths the stairs that
// TV makes. Decreasing steps lead to the minimum itself. Bounds on x enter the K
// proximal points, so that the statement holds with them too.
//
// PrimalDual minimises C itself, for each form of TV, by the method of Condat and Vu; without
// an operator (denoising) by that of Chambolle and Pock, accelerated where all
// weights are positive.
//
// ADMM minimises C, too, for frames of 2 axes: alternating directions with u = D x (and w = x where there are bounds),
// whose step in x inverts M + rho D'D by a transform of the whole frame. M = A'W A where that is diagonal in the
// transform, which takes the fewest iterations; for other A and W it is an upper bound of A'W A that is. rho follows the
// relative changes of both sides.
//
// # Duality gap
//
// For every q, p with A'q + D'p = v, |p| <= lambda and v = 0 (v of the right sign where x is at a
// bound) the number -1/2 ||q/W^(1/2)||^2 - <q, y> + <v, bounds> is at most min C. The gap of
// an iterate is its cost minus such a number. q = W (A x - y) and p of the iteration
// nearly have this property; they are given it exactly: a multiple of W A 1 is subtracted
// from q, which makes the sum of v zero, D'D u = v is solved by cosine or Hartley
// transforms, p becomes p - D u, and q and p are multiplied by one factor so that |p| <=
// lambda. So the gap is an upper bound of C(x) - min C for every A, without any
// assumption on the minimiser. It is larger than the difference itself, often ten times.
//
// ADMM makes the dual point feasible by moving q and p together: for what is left, e = A'q + D'p - v, it solves
// (M + rho D'D) z = e and takes W A z from q and rho D z from p; nothing is left where M = A'W A, and else the steps above
// follow. Then p is shortened to a little less than lambda, and again. Small singular values of A do no harm: what q would
// have to be large for, p takes. Such a gap is about twice the difference.
//
// # Cost
//
// An iteration takes one Apply and one Adjoint of A, one exchange of a halo of one pixel and
// one sum over the ranks. One of ADMM takes a transform of the frame there and back besides, and needs no A where M = A'W
// A. A duality gap takes about 15 transforms of the frame and as many
// redistributions; it is computed at iterations 20, 40, ... and at growing distances.
//
// # Errors
//
// Solve is collective. Wrong arguments of one rank are an error of every rank. Where the
// iteration stops too early, *NotConvergedError comes beside the Result.
//
// # Sources
//
// Kamilov, "A parallel proximal algorithm for anisotropic total variation minimization",
// IEEE Trans. Image Process. 26 (2017) 539; Wang, Yang, Yin and Zhang, SIAM J. Imaging Sci. 1 (2008) 248 (ADMM); Yu, "Better approximation and faster algorithm
// using the proximal average", NIPS 2013 (the bound); O'Donoghue and Candes, Found. Comput.
// Math. 15 (2015) 715 (restarts); Condat, J. Optim. Theory Appl. 158 (2013) 460; Chambolle and
// Pock, J. Math. Imaging Vision 40 (2011) 120; Ramani, Blu and Unser, IEEE Trans. Image
// Process. 17 (2008) 1540 (Monte-Carlo SURE).
package tv
