// Package deep fits scattered observations with two concatenated kernel layers,
//
//	J(f, g) = sum_i ((g(f(x_i)) - y_i) / sigma_i)^2 + l1 ||f||^2_K1 + l2 ||g||^2_K2,
//
// f from space to d1 = 1..3 features, g from features to values. By the representer
// theorem, with X the N observed places and Z = f(X) (N x d1),
//
//	f_k = K1(., X) A_k,   ||f||^2 = sum_k A_k' K1 A_k,   A (N x d1),
//	g   = K2(., Z) beta,  ||g||^2 = beta' K2(Z, Z) beta.
//
// A single kernel layer is as smooth along a crease of the function as across it;
// here f learns the direction that matters and g what happens along it. J is not
// convex: Train finds a local minimum, from the best of several starts.
//
// For 300 uniform points of 1/(0.1 + |x1 - x2|) the defaults leave a root mean square
// error of 0.10 to 0.15 from sample to sample, the best single Gaussian layer, width
// and lambda chosen by the error itself, 0.45 to 0.49. f should be smoother than g is:
// an inner kernel of compact support fits such a sample more closely, J 1.5 against
// 4, and predicts it worse, 0.2 to 0.3. With many observations compact support is needed
// to keep the f-step sparse.
//
// # One step
//
// The f-step is one of Levenberg and Marquardt with g frozen as a function, centres
// and all. With r = g(Z) - y, D_k = diag(dg/dz_k (Z_i)), s = l1 + mu, and
// S = diag(sigma^2), the minimiser over dA of
//
//	||S^(-1/2) (r + sum_k D_k K1 dA_k)||^2 + l1 ||f + df||^2 + mu ||df||^2
//
// is
//
//	(sum_k D_k K1 D_k + s S) gamma = -r + (l1/s) sum_k D_k Z_k,
//	dA_k = D_k gamma - (l1/s) A_k:
//
// one symmetric positive definite system of N unknowns however many features, of
// the form that kernel.System solves, sparse if K1 has compact support. The step is
// accepted only if J drops: then mu falls to a third, and the g-step follows,
//
//	(K2(Z, Z) + l2 S) beta = y,
//
// solved on a partition of feature space that is balanced anew. Otherwise mu quadruples
// and the step is dropped. So J never rises; Train returns an error if it does.
//
// # Ranks
//
// Every rank owns the observations in its cell of space for the f-step, and those
// in its cell of feature space for the g-step. The features of an observation travel
// with its value from the one owner to the other, which returns g and its gradient. All
// decisions use global sums, so that another number of ranks changes the result only by
// the residuals of the linear solves, 1e-10.
//
// # Cost
//
// A step takes one factorisation in space and, if it is accepted, one in feature space,
// each shared by the ranks as far as the kernels are local: a Gaussian as wide as
// the domain has every rank factor all N points, N^3/3 operations; a kernel of
// compact support only those within its reach.
//
// Source: Bohn, Rieger, Griebel, J. Mach. Learn. Res. 20 (2019) 64, for concatenated
// kernels and their representer theorem; More, Lecture Notes in Math. 630 (1978) 105,
// for the damping.
package deep
