// Package psf is the job "psf", which deconvolves a stack of stamps, each with a PSF of its own,
// and the files of a simulated survey. It fills the options of the package psf.
package psf
