// Package kernel is the jobs "kernel", which fits scattered observations or the observed pixels of
// a frame, and "deep-kernel", which fits them with two layers. They fill the options of
// the packages tikhonov/kernel and tikhonov/kernel/deep.
package kernel
