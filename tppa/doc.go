// Package tppa is the trained form of the fast parallel proximal algorithm (FPPA) for total
// variation: a fixed number of its iterations, in which the soft threshold is replaced by
// learned functions and the steps are learned.
//
// # Model
//
// With data y, operator A, weights W, the redundant Haar transform H of forward.Haar (H'H =
// I) and layers t = 1 ... T,
//
//	r  = A'W (A s - y),  z = s - gamma_t r,  u = H z
//	x_t = H' phi_t(u)                          as z + H'(phi_t(u) - u)
//	s   = x_t + mu_t (x_t - x_(t-1)),  mu_t = (q_(t-1) - 1)/q_t,  q_t = (1 + sqrt(1 + 4 q_(t-1)^2))/2.
//
// Each wavelet channel k (average and difference along each axis) has its function
//
//	phi(u) = u + sum_m c_m B((u - low)/step - m),   B the cubic B-spline,
//
// of which the second term is constant outside [low, high]: zero coefficients are the
// identity, and nothing is extrapolated. gamma_t = 1.9/L sigmoid(beta_t), with beta so that gamma = 1/L
// at the start. The parameters are beta (layers), then the coefficients, layers x wavelet channels
// x knots, or one set for all layers.
//
// The loss of a pair is 1/2 ||x_T - truth||^2 and its gradient is exact: Gradient goes
// back through the layers with one A'WA, one H and one H' each.
//
// # Use
//
//	net := tppa.NewNetwork(2, tppa.Options{Layers: 10})
//	theta := net.Identity()
//	run, err := tppa.NewRun(ctx, comm, net, frame, channels, a, weights, border)
//	x, err := run.Restore(theta, y)          // on the owned box
//
// # Cost
//
// Restore takes two applications of A and one exchange of H a layer, forward and back.
// Gradient keeps two arrays of the size of x for each layer. A layer is one pass over the image for each
// axis (package pairs).
//
// # Beside it
//
// Run.PlugAndPlay restores data of the same operator with a wavelet denoiser, which learns nothing.
//
// # Limits
//
// The method is made for pictures like those of its training set and for the operator and
// noise that it was trained with. Seen compares the coefficients of new data with those of the
// training set and says how far they differ.
//
// Sources: Bostan, Kamilov and Waller, "Learning-based image reconstruction via parallel
// proximal algorithm", IEEE Signal Process. Lett. 25 (2018) 989; Kamilov, IEEE Trans. Image
// Process. 26 (2017) 539.
package tppa
