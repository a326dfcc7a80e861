// Package kernel fits scattered observations (x_i, y_i) in 1, 2 or 3 dimensions,
//
//	min over f of  sum_i ((f(x_i) - y_i) / sigma_i)^2 + lambda ||f||_k^2,
//
// in the space of a positive definite kernel k. The minimiser is
// f(x) = sum_j k(|x - x_j|) a_j with
//
//	(K + Lambda) a = y,   K_ij = k(|x_i - x_j|),   Lambda = lambda diag(sigma_i^2),
//
// symmetric positive definite and, for a kernel of compact support, sparse.
//
// Every rank owns the observations in its cell of a loadbalance.Partition. Its
// cell is divided into blocks of a few hundred points; each block, extended by the
// overlap (half the support unless said otherwise), is factored by dense Cholesky,
// and restricted additive Schwarz with these blocks preconditions GMRES. Screening
// makes that converge in 5 to 12 iterations whatever lambda and the support.
//
// Source: Wendland, Scattered Data Approximation (2005), ch. 9 for the kernels;
// D'Amore, "A resource-efficient model for deep kernel learning", whose squared
// form (K^2 + lambda I) a = K y is avoided: it squares the condition number.
package kernel
