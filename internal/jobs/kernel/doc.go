// Package kernel has two jobs: "kernel" fits scattered observations, or the observed
// pixels of a frame, with a kernel; "deep-kernel" fits scattered observations with two
// kernel layers. The equations, their sources and what a fit costs are in the packages
// tikhonov/kernel and tikhonov/kernel/deep, whose options the jobs fill from a config.
// The files that go in and come out are in docs/jobs.
//
// A run has these steps, on every rank:
//
//	observe    n observations: places x (n x dim, row-major), values y (n), sigma (n)
//	solve      choose width and lambda if asked to, fit
//	evaluate   the fit on a grid (row-major), split evenly over the ranks
//	compare    of a frame: the same pixels, filled by other methods
//	write      rank 0 gathers the results and writes them
//
// A plan takes the number of observations from the config or from the headers of files,
// looks at a sample of them (excerpt), lays the cells of the ranks over the sample
// (layout), fits some hundred observations with a kernel that is widened until rows and
// blocks are as large as among all observations (probe), and scales what that took.
package kernel
