package job

import (
	"errors"
	"os"

	"tessera/internal/config"
	"tessera/internal/imageio"
)

// imageSection names an observed frame.
type imageSection struct {
	Path    string `toml:"path"`
	Mask    string `toml:"mask"`
	Weights string `toml:"weights"`
	Balance string `toml:"balance"` // of the ranks' boxes: none, or by observed pixels
}

const byObserved = "observed"

func (s *imageSection) check(f *config.File) {
	f.OneOf("image.balance", s.Balance, "none", byObserved)
}

// simulateSection describes a truth to be degraded when there is no observation.
type simulateSection struct {
	From     string  `toml:"from"`
	Rows     int     `toml:"rows"`
	Cols     int     `toml:"cols"`
	Channels int     `toml:"channels"`
	Noise    float64 `toml:"noise"`   // of the frame's peak
	Missing  float64 `toml:"missing"` // fraction of the pixels
	Galaxies int     `toml:"galaxies"`
}

func (s *simulateSection) check(f *config.File) {
	const side = 1 << 20
	f.Want(s.Rows >= 1 && s.Rows <= side, "simulate.rows", "1 to %d pixels", side)
	f.Want(s.Cols >= 1 && s.Cols <= side, "simulate.cols", "1 to %d pixels", side)
	f.Want(s.Channels >= 1 && s.Channels <= 1024, "simulate.channels", "1 to 1024")
	f.Want(s.Noise >= 0, "simulate.noise", "0 or more, in units of the frame's peak")
	f.Want(s.Missing >= 0 && s.Missing < 1, "simulate.missing", "a fraction, 0 or more and less than 1")
	f.Want(s.Galaxies >= 0, "simulate.galaxies", "0 or more; 0 = as many as the sky has in such a frame")
}

// blurSection describes H.
type blurSection struct {
	Kind  string  `toml:"kind"`
	Size  int     `toml:"size"`  // side of the kernel, odd; 0 = chosen from the width
	Sigma float64 `toml:"sigma"` // gaussian, pixels
	FWHM  float64 `toml:"fwhm"`  // moffat, pixels
	Beta  float64 `toml:"beta"`  // moffat
	Path  string  `toml:"path"`  // file
}

func (b *blurSection) check(f *config.File) {
	const most = 255
	f.OneOf("blur.kind", b.Kind, "gaussian", "moffat", "box", "file", "none")
	f.Want(b.Size >= 0 && b.Size <= most && (b.Size == 0 || b.Size%2 == 1), "blur.size",
		"an odd number of pixels up to %d; 0 = chosen from the width", most)
	f.Want(b.Sigma > 0 && b.Sigma <= most/6, "blur.sigma", "more than 0 and at most %d pixels", most/6)
	f.Want(b.FWHM > 0 && b.FWHM <= most/4, "blur.fwhm", "more than 0 and at most %d pixels", most/4)
	f.Want(b.Beta > 1, "blur.beta", "more than 1: the wings carry infinite light otherwise")
	f.Want(b.Kind != "box" || b.Size > 0, "blur.size", "an odd number of pixels: a box has no other width")
	f.Want(b.Kind != "file" || b.Path != "", "blur.path", `a file, as blur.kind is "file"`)
}

// outputSection says where the result goes and how its pictures are drawn.
type outputSection struct {
	Dir     string `toml:"dir"`
	Stretch string `toml:"stretch"`
}

func (s *outputSection) check(f *config.File) {
	f.Want(s.Dir != "", "output.dir", "a directory")
	f.OneOf("output.stretch", s.Stretch, "auto", "asinh", "linear")
}

// checkFrame records a problem unless the file at key begins like an image, and
// returns its shape without its pixels; nil for an empty path or a problem.
func checkFrame(f *config.File, key, path string) *imageio.Frame {
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
	p := checkFrame(f, key, path)
	if p != nil && frame != nil && (p.Rows != frame.Rows || p.Cols != frame.Cols) {
		f.Fail(key, "is %d x %d pixels, want the frame's %d x %d", p.Rows, p.Cols, frame.Rows, frame.Cols)
	}
}

// checkFiles opens every file the config names.
func (c *tikhonovConfig) checkFiles(f *config.File) error {
	frame := &imageio.Frame{Rows: c.Simulate.Rows, Cols: c.Simulate.Cols}
	switch {
	case c.Image.Path != "":
		frame = checkFrame(f, "image.path", c.Image.Path)
	case c.Simulate.From != "":
		frame = checkFrame(f, "simulate.from", c.Simulate.From)
	}
	checkPlane(f, "image.mask", c.Image.Mask, frame)
	checkPlane(f, "image.weights", c.Image.Weights, frame)
	if c.Blur.Kind == "file" {
		k := checkFrame(f, "blur.path", c.Blur.Path)
		if k != nil && (k.Rows%2 == 0 || k.Cols%2 == 0) {
			f.Fail("blur.path", "is %d x %d pixels, want odd sizes so that the kernel has a centre", k.Rows, k.Cols)
		}
	}
	return f.Err()
}
