// Package tikhonov is the jobs "tikhonov", which restores a frame, and "two-layer", which restores one
// seen through two blurs, one after the other. Both fill the options of the packages
// tikhonov/image, tikhonov/image/literal and tikhonov/image/layers.
package tikhonov
