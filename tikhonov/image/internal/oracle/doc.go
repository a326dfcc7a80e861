// Package oracle is the slow and simple version of the equations of a frame, for the
// tests of the solvers: H, Q and M = H'WH + lambda Q'Q row by row from their
// definitions, the minimiser by Cholesky, and frames, blurs and tilings to test on.
package oracle
