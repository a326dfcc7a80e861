// Package massmap makes maps of the convergence kappa (the projected mass) out of the weak gravitational
// shear of galaxies, on a flat, periodic sky.
//
// # Model
//
// The shear of each pixel is gamma = D kappa + n, with D of forward.Shear and noise n of standard deviation
// sigma_1, sigma_2 of the two components, known pixel by pixel; pixels without galaxies are missing.
//
//   - Kaiser and Squires: kappa = D' gamma with 0 at missing pixels, the E mode; the B mode, which gravity does not
//     make, shows noise and errors.
//
//   - Wiener: the mean of kappa given gamma for a Gaussian field with power spectrum S. With kappa = S^(1/2) u,
//
//     (S^(1/2) D' N^-1 D S^(1/2) + I) u = S^(1/2) D' N^-1 gamma
//
// is solved by conjugate gradients; N^-1 is 0 at missing pixels.
//
// The mean of kappa has no shear: all maps here have the mean 0. Angles are in radians, a spectrum is C_ell, and
// the power of a mode of a frame of pixels of area A is C_ell / A at ell = 2 pi k / pixel, k in cycles a pixel.
//
// # Use
//
//	m := &massmap.Maps{Frame: frame, Pixel: pixel, Shear: gamma, Weights: inverseVariances}
//	e, b, err := m.KaiserSquires(comm)
//	kappa, report, err := m.Wiener(ctx, comm, spectrum, massmap.Options{})
//
// A local network corrects the Wiener map: Skies are simulated with a given spectrum, Survey sends them through the mask, the noise and
// the filter of the observation, and Lensed gives the blocks from which a network of the package mlpatch learns.
//
// Cost: Kaiser and Squires four transforms of the frame, Wiener eight an iteration; about 40 iterations for
// half of the sky masked and an error of 1e-9.
//
// Sources: Kaiser and Squires, ApJ 404 (1993) 441; Zaroubi et al., ApJ 449 (1995) 446 (Wiener).
package massmap
