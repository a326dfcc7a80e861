// Package pairs has the inner loops of methods that look at pairs of neighbouring pixels: the
// steps of total variation (package tv) and of its trained form (package tppa).
//
// An image of any number of axes is given twice: as the owned box alone, and in an array with one
// more layer of pixels on every side. Box says where its lines lie in both. With e_k the step to the next
// pixel along axis k and z in the array with the layer,
//
//	Step          z = s - gamma g
//	Extrapolate   s = x + mu (x - before)
//	Shrink        x(n) = 1/K sum_k [ B(z(n) + e_k(n)) + B(z(n) - e_k(n - e_k)) ],  and s = x + mu (x - x before)
//	Advance       Step and Shrink; Edge is the part of Step that its neighbours need before
//	Descend       x - tau (g + D'p), within bounds, and the point that Ascend takes
//	Ascend        p + sigma D z, each value, or the vector of all axes, at most radius long
//	Learned       z + H'(phi(H z) - H z), H the redundant Haar transform, phi cubic splines
//	Residual      w (a - y)
//
// Each of them is one pass over its arrays. Under the build tag native they are loops in C, else those
// of plain.go and learned.go, which a test holds them to.
package pairs
