package frames

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// MostBlur is the largest size of a made PSF, in pixels a side.
const MostBlur = 255

// BlurSection is a section such as [blur]: the PSF of a blur. Keys that the kind does not
// use are ignored.
type BlurSection struct {
	Kind  string  `toml:"kind"`  // gaussian, moffat, box, file or none
	Size  int     `toml:"size"`  // side of the PSF in pixels, odd; 0 = chosen from its width, see side
	Sigma float64 `toml:"sigma"` // gaussian: standard deviation in pixels
	FWHM  float64 `toml:"fwhm"`  // moffat: full width at half maximum in pixels
	Beta  float64 `toml:"beta"`  // moffat: exponent, more than 1
	Path  string  `toml:"path"`  // file: an image of one plane, rows and columns odd
}

// Check records what is wrong with the section of this name, its file apart. A made PSF
// has at most so many pixels a side.
func (b *BlurSection) Check(f *config.File, section string, most int) {
	f.OneOf(section+".kind", b.Kind, "gaussian", "moffat", "box", "file", "none")
	f.Want(b.Size >= 0 && b.Size <= most && (b.Size == 0 || b.Size%2 == 1), section+".size",
		"an odd number of pixels up to %d; 0 = chosen from the width", most)
	f.Want(b.Sigma > 0 && b.Sigma <= float64(most/6), section+".sigma", "more than 0 and at most %d pixels", most/6)
	f.Want(b.FWHM > 0 && b.FWHM <= float64(most/4), section+".fwhm", "more than 0 and at most %d pixels", most/4)
	f.Want(b.Beta > 1, section+".beta", "more than 1: the wings carry infinite light otherwise")
	f.Want(b.Kind != "box" || b.Size > 0, section+".size", "an odd number of pixels: a box has no other width")
	f.Want(b.Kind != "file" || b.Path != "", section+".path", `a file, as %s.kind is "file"`, section)
}

// CheckFiles records what is wrong with the PSF for a frame of this shape, nil if that is
// not known: a file that cannot be read or has no pixel at its centre, and a PSF of more
// than twice the frame's rows or columns, which the solvers refuse.
func (b *BlurSection) CheckFiles(f *config.File, section string, frame *imageio.Frame) {
	rows, cols, key := b.side(), b.side(), section+".size"
	switch b.Kind {
	case "none":
		return
	case "file":
		key = section + ".path"
		p := CheckFrame(f, key, b.Path)
		if p == nil {
			return
		}
		if rows, cols = p.Rows, p.Cols; rows%2 == 0 || cols%2 == 0 {
			f.Fail(key, "is %d x %d pixels, want odd sizes so that the PSF has a centre", rows, cols)
			return
		}
	}
	if frame != nil && (rows > 2*frame.Rows || cols > 2*frame.Cols) {
		f.Fail(key, "the PSF of %d x %d pixels is more than twice the frame of %d x %d", rows, cols, frame.Rows, frame.Cols)
	}
}

// BlurPSF is the PSF that the section describes; the zero value for no blur. A file is
// read on rank 0 and normalised to a sum of 1. Collective; the error is the same on all
// ranks.
func BlurPSF(comm ranks.Comm, b *BlurSection) (forward.PSF, error) {
	switch b.Kind {
	case "gaussian":
		return forward.Gaussian(b.side(), b.Sigma)
	case "moffat":
		return forward.Moffat(b.side(), b.FWHM, b.Beta)
	case "box":
		return forward.Box(b.side())
	case "none":
		return forward.PSF{}, nil
	}
	var k forward.PSF
	err := ranks.OnRoot(comm, func() error {
		f, err := imageio.ReadPlane(b.Path)
		if err != nil {
			return err
		}
		if k, err = forward.NewPSF(f.Rows, f.Cols, f.Data); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
		return nil
	})
	if err != nil {
		return forward.PSF{}, err
	}
	if err := ranks.Share(comm, &k.Rows, &k.Cols); err != nil {
		return forward.PSF{}, err
	}
	if comm.Rank() != 0 {
		k.Values = make([]float64, k.Rows*k.Cols)
	}
	return k, comm.Bcast(k.Values, 0)
}

// side is the size of a made PSF in pixels: what the config says, or three standard
// deviations of a Gaussian and two FWHM of a Moffat on each side of the centre. Outside of
// that lie 0.5 % and, for beta = 3, 4 % of the light.
func (b *BlurSection) side() int {
	switch {
	case b.Size > 0:
		return b.Size
	case b.Kind == "gaussian":
		return 2*int(math.Ceil(3*b.Sigma)) + 1
	}
	return 2*int(math.Ceil(2*b.FWHM)) + 1
}
