// Package psf is the job "psf": it deconvolves a stack of stamps, each blurred by a PSF of
// its own, by tessera/psf, whose Options it fills from a config. Stamps and PSFs come from
// files, of which every rank reads its own stamps, or from a simulated survey, which
// SurveyFiles also writes to files. docs/jobs/psf.md explains the config and the result.
package psf
