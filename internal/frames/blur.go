package frames

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/outliers"
	"tessera/psfmodel"
	"tessera/ranks"
)

// MostBlur is the largest size of a made PSF, in pixels a side.
const MostBlur = 255

// BlurSection is a section such as [blur]: the PSF of a blur. Check refuses keys that the
// kind does not use.
type BlurSection struct {
	Kind  string  `toml:"kind"`  // gaussian, moffat, box, file or none
	Size  int     `toml:"size"`  // side of the PSF in pixels, odd; 0 = chosen from its width, see side
	Sigma float64 `toml:"sigma"` // gaussian: standard deviation in pixels
	FWHM  float64 `toml:"fwhm"`  // moffat, or gaussian in place of sigma: full width at half maximum in pixels
	Beta  float64 `toml:"beta"`  // moffat: exponent, more than 1
	Path  string  `toml:"path"`  // file: an image of one plane
}

// Check records what is wrong with the section of this name, its file apart. A made PSF
// has at most so many pixels a side. There are the kinds of a blur, and more that the caller knows.
func (b *BlurSection) Check(f *config.File, section string, most int, more ...string) {
	kinds := append([]string{"gaussian", "moffat", "box", "file", "none"}, more...)
	f.OneOf(section+".kind", b.Kind, kinds...)
	f.Want(b.Size >= 0 && b.Size <= most && (b.Size == 0 || b.Size%2 == 1), section+".size",
		"an odd number of pixels up to %d; 0 = chosen from the width", most)
	f.Want(b.Sigma > 0 && b.Sigma <= float64(most/6), section+".sigma", "more than 0 and at most %d pixels", most/6)
	f.Want(b.FWHM > 0 && b.FWHM <= float64(most/4), section+".fwhm", "more than 0 and at most %d pixels", most/4)
	f.Want(b.Beta > 1, section+".beta", "more than 1: the wings carry infinite light otherwise")
	f.Want(b.Kind != "box" || b.Size > 0, section+".size", "an odd number of pixels: a box has no other width")
	f.Want(b.Kind != "file" || b.Path != "", section+".path", `a file, as %s.kind is "file"`, section)
	if slices.Contains(kinds, b.Kind) {
		b.checkUse(f, section)
	}
}

// blurKeys are the keys that a kind uses; other kinds, which a caller knows, use none.
var blurKeys = map[string][]string{
	"gaussian": {"size", "sigma", "fwhm"},
	"moffat":   {"size", "fwhm", "beta"},
	"box":      {"size"},
	"file":     {"path"},
}

// gaussianFWHM is the full width at half maximum of a Gaussian by its standard deviation, 2 sqrt(2 ln 2).
var gaussianFWHM = 2 * math.Sqrt(2*math.Ln2)

// checkUse records the keys that the kind does not use, and finds sigma of a Gaussian by its fwhm
// where the config gives that.
func (b *BlurSection) checkUse(f *config.File, section string) {
	var unused []string
	for _, key := range []string{"size", "sigma", "fwhm", "beta", "path"} {
		if !slices.Contains(blurKeys[b.Kind], key) {
			unused = append(unused, section+"."+key)
		}
	}
	kind := section + ".kind"
	f.Unused([]string{kind}, unused, fmt.Sprintf("%s = %q does not use this key: remove it", kind, b.Kind))
	sigma, fwhm := section+".sigma", section+".fwhm"
	if b.Kind != "gaussian" || !f.Has(fwhm) {
		return
	}
	switch set := f.FromSet(fwhm); {
	case !f.Has(sigma), set && !f.FromSet(sigma):
		b.Sigma = b.FWHM / gaussianFWHM
		f.Drop(sigma)
	case !set && !f.Changed(fwhm): // a config that lists all keys
	case !set && (f.FromSet(sigma) || f.FromSet(kind)):
		f.Drop(fwhm)
	default:
		f.Fail(fwhm, "%s = %g is the width too: remove one of the two", sigma, b.Sigma)
	}
}

// CheckFiles reads the PSF's file and records why it cannot blur a frame of this shape, nil
// if that is not known, with this border.
func (b *BlurSection) CheckFiles(f *config.File, section string, frame *imageio.Frame, border halo.Border) {
	if b.Kind != "file" || CheckFrame(f, section+".path", b.Path) == nil {
		return
	}
	k, _, err := b.read()
	if err == nil && frame != nil {
		err = newPSFReport(k).On(k, frame.Rows, frame.Cols, border)
	}
	if err != nil {
		f.Fail(section+".path", "%v", err)
	}
}

// BlurPSF is the PSF that the section describes, with a sum of 1 and odd sizes; the zero
// value for no blur. Rank 0 reads a file. Collective; the error is the same on all ranks.
func BlurPSF(comm ranks.Comm, b *BlurSection) (forward.PSF, error) {
	k, _, err := ReportedPSF(comm, b)
	return k, err
}

// ReportedPSF is BlurPSF with a report of what was changed, nil for no blur. What the report
// says of a file is there on rank 0 only. Collective, with the errors of BlurPSF.
func ReportedPSF(comm ranks.Comm, b *BlurSection) (k forward.PSF, report *PSFReport, err error) {
	switch b.Kind {
	case "gaussian":
		k, err = forward.Gaussian(b.side(), b.Sigma)
	case "moffat":
		k, err = forward.Moffat(b.side(), b.FWHM, b.Beta)
	case "box":
		k, err = forward.Box(b.side())
	case "none":
		return forward.PSF{}, nil, nil
	default:
		return b.share(comm)
	}
	return k, newPSFReport(k), err
}

// share reads the file on rank 0 and gives its PSF to all ranks. Collective.
func (b *BlurSection) share(comm ranks.Comm) (k forward.PSF, report *PSFReport, err error) {
	var file *filePSF
	err = ranks.OnRoot(comm, func() (err error) {
		if k, file, err = b.read(); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
		return nil
	})
	if err != nil {
		return forward.PSF{}, nil, err
	}
	if err := ranks.Share(comm, &k.Rows, &k.Cols); err != nil {
		return forward.PSF{}, nil, err
	}
	if comm.Rank() != 0 {
		k.Values = make([]float64, k.Rows*k.Cols)
	}
	if err := comm.Bcast(k.Values, 0); err != nil {
		return forward.PSF{}, nil, err
	}
	report = newPSFReport(k)
	report.filePSF = file
	return k, report, nil
}

// read makes a PSF of the file. Errors do not name it.
func (b *BlurSection) read() (forward.PSF, *filePSF, error) {
	f, err := imageio.ReadPlane(b.Path)
	if err != nil {
		if format := psfmodel.Varies(b.Path); format != "" {
			err = fmt.Errorf("%s: a PSF that varies over the frame (%s): psf_model.path = %q reads it", b.Path, format, b.Path)
		}
		return forward.PSF{}, nil, err
	}
	if i := outliers.FirstMark(f.Data); i >= 0 {
		return forward.PSF{}, nil, fmt.Errorf("%s: row %d, column %d is %.6g, which marks a missing value; a PSF is known everywhere: write 0 where it has no light", b.Path, i/f.Cols, i%f.Cols, f.Data[i])
	}
	k, c, err := forward.CentrePSF(f.Rows, f.Cols, f.Data)
	if err != nil {
		return forward.PSF{}, nil, err
	}
	in := DescribeFrame(b.Path, f, 0, float64(len(f.Data)))
	in.Note = strings.TrimPrefix(fmt.Sprintf("%s; a PSF, divided by its sum of %.6g", in.Note, c.Sum), "; ")
	edge := k.Edge()
	k, rows, cols := withoutRim(k)
	if note := rimNote(rows, cols); note != "" {
		in.Note += "; " + note
	}
	return k, &filePSF{Path: b.Path, Rows: f.Rows, Cols: f.Cols, Sum: c.Sum, Shift: c.Shift, Padded: c.Padded, Edge: edge, input: in}, nil
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
