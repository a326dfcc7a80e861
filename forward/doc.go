// Package forward has the linear operators of decomposed images: what an instrument
// does to an image, what a regulariser looks at, and how these are put together.
//
// # Problem
//
// The solvers of this module look for an image x that explains data y,
//
//	min ||W^(1/2) S (H x - y)||^2 + a penalty of D x,
//
// where H is a blur or another instrument, W the weights, S the pixels that were
// observed and D differences or another transform. A solver needs two
// things of an operator A: y = A x and the exact adjoint x = A' y, with
//
//	<A x, y> = <x, A' y>
//
// up to rounding. That is Operator. Every rank holds its part of x and of y, and Apply
// and Adjoint are collective.
//
// # Use
//
// A weighted blur stacked on the differences that total variation needs, with the step
// of a primal-dual method:
//
//	frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
//	psf, err := forward.Gaussian(9, 1.5)
//	h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
//	w, err := forward.NewWeighting(comm, frame, 1, weights)
//	d, err := forward.NewDifferences(comm, frame, 1, halo.Reflect)
//	wh, err := forward.Compose(w, h) // x -> W^(1/2) S H x
//	a, err := forward.Stack(wh, d)   // x -> [W^(1/2) S H x; D x]
//	m, n := a.Dims()
//	err = a.Apply(y, x)    // y: m values, x: n values
//	err = a.Adjoint(x, y)
//	step := 1 / a.(forward.Bounded).NormBound()
//
// The operators are Blur (narrow and wide point spread functions), VaryingBlur (one that
// changes over the frame), Weighting (weights and missing pixels), Differences, Haar (averages
// and differences), Laplacian, Shear (weak lensing on a flat sky), Projector (parallel-beam
// tomography) and Identity. Compose, Stack and Scale make
// new operators of them, NewGram makes A'A, and Norm estimates the norm of any operator.
// Normal is H'WH + lambda Q'Q in one pass over memory with one exchange. Transform inverts it
// for equal weights, in the basis in which convolutions are diagonal.
//
// # Shapes
//
// Arrays are row-major. An image on this rank is channels x owned box of a
// halo.Decomposition; Blur, VaryingBlur and Normal want 2 axes, the other operators take 1, 2 or 3.
// dst and src never overlap, but for VaryingBlur.Adjoint, which takes one array for both. An operator keeps its buffers between calls, so one operator
// serves one goroutine.
//
// # Errors
//
// A wrong length is found on the rank that made the mistake, before any message is
// sent, and only that rank returns the error. The body of that rank must return it:
// ranks.Launch then ends the other ranks. Constructors that are not collective act alike.
//
// # Cost
//
// Apply and Adjoint of Blur, VaryingBlur, Differences, Haar and Laplacian send one message to each
// neighbour an exchange: one exchange for a blur, one an axis for the others. Everything
// else is local. Each type says how many numbers it keeps.
//
// # Sources
//
// Power iteration: Golub and Van Loan, Matrix Computations, section 8.2. The norm of the
// differences: Chambolle, J. Math. Imaging Vision 20 (2004) 89. Package forwardtest tests
// any operator against the statements above in one call.
package forward
