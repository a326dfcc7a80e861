package psfmodel

import (
	"errors"
	"math"

	"tessera/forward"
)

// Common is the narrowest round Gaussian that is as wide as each of these PSFs along every direction: the common target to
// which all of them can be brought without raising high frequencies by more than the widest one needs. The width of a PSF is that of the
// Gaussian that fits best along its long axis, see Measure; sigma is the standard deviation in pixels. It is cut at four standard
// deviations.
func Common(psfs []forward.PSF) (target forward.PSF, sigma float64, err error) {
	for _, p := range psfs {
		yy, yx, xx, _, _, ok := adaptive(p)
		if !ok {
			continue
		}
		sigma = max(sigma, math.Sqrt((yy+xx)/2+math.Hypot((xx-yy)/2, yx)))
	}
	if sigma == 0 {
		return target, 0, errors.New("psfmodel: no PSF has a width that a common target could have")
	}
	target, err = forward.Gaussian(2*int(math.Ceil(commonReach*sigma))+1, sigma)
	return target, sigma, err
}

const commonReach = 4 // standard deviations
