package frames

import (
	"errors"
	"os"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
)

// ImageSection names an observed frame.
type ImageSection struct {
	Path    string `toml:"path"`
	Mask    string `toml:"mask"`
	Weights string `toml:"weights"`
	Balance string `toml:"balance"` // of the ranks' boxes: none, or by observed pixels
}

const ByObserved = "observed"

func (s *ImageSection) Check(f *config.File) {
	f.OneOf("image.balance", s.Balance, "none", ByObserved)
}

// SimulateSection describes a truth to be degraded when there is no observation.
type SimulateSection struct {
	From     string  `toml:"from"`
	Rows     int     `toml:"rows"`
	Cols     int     `toml:"cols"`
	Channels int     `toml:"channels"`
	Noise    float64 `toml:"noise"`   // of the frame's peak
	Missing  float64 `toml:"missing"` // fraction of the pixels
	Galaxies int     `toml:"galaxies"`
}

func (s *SimulateSection) Check(f *config.File) {
	const side = 1 << 20
	f.Want(s.Rows >= 1 && s.Rows <= side, "simulate.rows", "1 to %d pixels", side)
	f.Want(s.Cols >= 1 && s.Cols <= side, "simulate.cols", "1 to %d pixels", side)
	f.Want(s.Channels >= 1 && s.Channels <= 1024, "simulate.channels", "1 to 1024")
	f.Want(s.Noise >= 0, "simulate.noise", "0 or more, in units of the frame's peak")
	f.Want(s.Missing >= 0 && s.Missing < 1, "simulate.missing", "a fraction, 0 or more and less than 1")
	f.Want(s.Galaxies >= 0, "simulate.galaxies", "0 or more; 0 = as many as the sky has in such a frame")
}

// MostBlur is the largest PSF, in pixels a side.
const MostBlur = 255

// BlurSection describes H.
type BlurSection struct {
	Kind  string  `toml:"kind"`
	Size  int     `toml:"size"`  // side of the kernel, odd; 0 = chosen from the width
	Sigma float64 `toml:"sigma"` // gaussian, pixels
	FWHM  float64 `toml:"fwhm"`  // moffat, pixels
	Beta  float64 `toml:"beta"`  // moffat
	Path  string  `toml:"path"`  // file
}

// Check records what is wrong with a blur whose PSF has at most so many pixels a side.
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

// OutputSection says where the result goes and how its pictures are drawn.
type OutputSection struct {
	Dir     string `toml:"dir"`
	Stretch string `toml:"stretch"`
}

func (s *OutputSection) Check(f *config.File) {
	f.Want(s.Dir != "", "output.dir", "a directory")
	f.OneOf("output.stretch", s.Stretch, "auto", "asinh", "linear")
}

// CheckFrame records a problem unless the file at key begins like an image, and
// returns its shape without its pixels; nil for an empty path or a problem.
func CheckFrame(f *config.File, key, path string) *imageio.Frame {
	if path == "" {
		return nil
	}
	frame, err := imageio.Stat(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the path stands beside it
		}
		f.Fail(key, "%v", err)
		return nil
	}
	return frame
}

// checkPlane is checkFrame for a map that must be as large as frame, if that is known.
func checkPlane(f *config.File, key, path string, frame *imageio.Frame) {
	p := CheckFrame(f, key, path)
	if p != nil && frame != nil && (p.Rows != frame.Rows || p.Cols != frame.Cols) {
		f.Fail(key, "is %d x %d pixels, want the frame's %d x %d", p.Rows, p.Cols, frame.Rows, frame.Cols)
	}
}

// CheckBlurFile records a problem unless the PSF of a blur from a file is there and has a centre.
func CheckBlurFile(f *config.File, section string, b *BlurSection) {
	if b.Kind != "file" {
		return
	}
	key := section + ".path"
	if k := CheckFrame(f, key, b.Path); k != nil && (k.Rows%2 == 0 || k.Cols%2 == 0) {
		f.Fail(key, "is %d x %d pixels, want odd sizes so that the kernel has a centre", k.Rows, k.Cols)
	}
}

// Borders are the border conditions by the names that a config uses.
var Borders = map[string]halo.Border{"zero": halo.Zero, "reflect": halo.Reflect, "periodic": halo.Periodic}
