// Package kernel fits scattered observations (x_i, y_i) in 1 to 6 dimensions,
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
// # Shapes
//
// x is n x Dim, y and sigma have n numbers, for the n observations that a rank gives. It
// does not matter which rank gives which: Solve moves each observation to the rank that
// owns its place, and Fit.Points says which those are.
//
// # Method
//
// Every rank owns the observations in its cell of a loadbalance.Partition. Its
// cell is divided into blocks of a few hundred points; each block, extended by the
// overlap (half the support by default), is factored by dense Cholesky, and restricted
// additive Schwarz with these blocks preconditions GMRES. It converges in 5 to 12
// iterations for any lambda and support, because observations in between screen a block
// from those farther away.
//
// # Cost
//
// A block of n points with its overlap takes n^3/3 operations to factor and n^2 numbers
// to keep; an iteration takes 2 n^2 operations a block, 2 for each entry of K, and two
// exchanges of the values at the points around a rank's cell.
//
// # Errors
//
// Solve, Select, NewSystem and the methods of Fit and System, except System.Len, are
// collective. Wrong input on one rank is an error on every rank, and so are options that
// are not the same on all.
//
// Source: Wendland, Scattered Data Approximation (2005), ch. 9 for the kernels;
// D'Amore, "A resource-efficient model for deep kernel learning", whose squared
// form (K^2 + lambda I) a = K y is avoided because it squares the condition number.
package kernel
