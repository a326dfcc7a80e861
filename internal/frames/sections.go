package frames

import (
	"errors"
	"os"
	"reflect"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
)

// ImageSection is the section [image]: the files of an observed frame. Every path is that
// of an image that package imageio reads: npy, FITS, PNG, JPEG or TIFF. The planes beside the
// frame have its rows and columns, and one channel or as many as the frame.
type ImageSection struct {
	Path         string   `toml:"path"`          // channels x rows x cols; "" = the program makes the frame
	Planes       string   `toml:"planes"`        // PlanesAuto: planes of known products are found in the file; PlanesNone
	Mask         string   `toml:"mask"`          // 0 or NaN = missing; "" = no mask
	MaskMajority bool     `toml:"mask_majority"` // more than half of the mask may be 0
	DQ           string   `toml:"dq"`            // data-quality flags, 0 = good; "" = none, or found
	DQBad        Flags    `toml:"dq_bad"`        // flags of bad pixels; none = those of the observatory, else all
	DQIgnored    Flags    `toml:"dq_ignored"`    // flags that are not bad
	Sigma        string   `toml:"sigma"`         // standard deviation, 0 or NaN = missing
	Variance     string   `toml:"variance"`      // its square
	Weights      string   `toml:"weights"`       // 1/variance, 0 or NaN = missing; "" = all ones, or found
	Truth        string   `toml:"truth"`         // the frame as it is, to compare the result with; "" = not known
	Outliers     Outliers `toml:"outliers"`      // what happens to values far from all others
	Balance      string   `toml:"balance"`       // "none": boxes of equal size; ByObserved: of equal numbers of observed pixels

	PerChannel bool // not a key: channels may have different weights; false = what is missing in one is missing in all
}

// Values of ImageSection.Planes.
const (
	PlanesAuto = "auto"
	PlanesNone = "none"
)

// DefaultImage is the section where the config says nothing.
func DefaultImage() ImageSection {
	return ImageSection{Planes: PlanesAuto, Outliers: OutliersReport, Balance: "none"}
}

// named tells whether the config names a plane beside the frame.
func (s *ImageSection) named() bool {
	return s.Mask != "" || s.DQ != "" || s.Sigma != "" || s.Variance != "" || s.Weights != ""
}

// ByObserved is the value of ImageSection.Balance that gives every rank as many observed
// pixels, in boxes of different sizes. A simulated frame is always cut into equal boxes.
const ByObserved = "observed"

// countsObserved tells whether the boxes depend on the number of observed pixels.
func (s *ImageSection) countsObserved() bool { return s.Path != "" && s.Balance == ByObserved }

// Check records what is wrong with the section, its files apart.
func (s *ImageSection) Check(f *config.File) {
	f.OneOf("image.balance", s.Balance, "none", ByObserved)
	f.OneOf("image.planes", s.Planes, PlanesAuto, PlanesNone)
	s.Outliers.Check(f, "image.outliers")
	f.Want(s.Truth == "" || s.Path != "", "image.truth", "image.path with it; a simulated frame has its truth from simulate.from")
	if err := s.checkKeys(); err != nil {
		f.Fail("image.weights", "%v", err)
	}
	if s.DQ == "" && s.Planes == PlanesNone && len(s.DQBad)+len(s.DQIgnored) > 0 {
		f.Fail("image.dq_bad", "flags of no plane: name it with image.dq")
	}
}

// SimulateSection is the section [simulate]: a true frame and how it is degraded. It is
// used where [image] has no path.
type SimulateSection struct {
	From     string  `toml:"from"`     // file of the true frame; "" = a made-up sky
	Rows     int     `toml:"rows"`     // of the made-up sky, pixels
	Cols     int     `toml:"cols"`     // of the made-up sky, pixels
	Channels int     `toml:"channels"` // of the made-up sky
	Noise    float64 `toml:"noise"`    // standard deviation, in units of the true frame's peak
	Missing  float64 `toml:"missing"`  // fraction of the pixels that are made missing
	Galaxies int     `toml:"galaxies"` // in the made-up sky; 0 = one per 2500 pixels
}

// LeaveOut takes the keys of [simulate] out of what config.toml holds where a file was read instead.
func LeaveOut(chosen map[string]config.Value, image *ImageSection) {
	if image.Path == "" {
		return
	}
	section := reflect.TypeFor[SimulateSection]()
	for i := range section.NumField() {
		chosen["simulate."+section.Field(i).Tag.Get("toml")] = config.Value{Omit: true}
	}
}

// Bounds of what is simulated: a sky is 1 TB of float64 at most, and every rank keeps the list
// of its galaxies.
const (
	mostValues   = 1 << 37
	mostGalaxies = 100_000_000
)

// Check records what is wrong with the section, its file apart.
func (s *SimulateSection) Check(f *config.File) {
	const side = 1 << 20
	f.Want(s.Rows >= 1 && s.Rows <= side, "simulate.rows", "1 to %d pixels", side)
	f.Want(s.Cols >= 1 && s.Cols <= side, "simulate.cols", "1 to %d pixels", side)
	f.Want(s.Channels >= 1 && s.Channels <= 1024, "simulate.channels", "1 to 1024")
	f.Want(s.Noise >= 0, "simulate.noise", "0 or more, in units of the frame's peak")
	f.Want(s.Missing >= 0 && s.Missing < 1, "simulate.missing", "a fraction, 0 or more and less than 1")
	f.Want(s.Galaxies >= 0 && s.Galaxies <= mostGalaxies, "simulate.galaxies", "0 to %d; 0 = one per 2500 pixels", mostGalaxies)
	if values := float64(s.Rows) * float64(s.Cols) * float64(s.Channels); values > mostValues {
		f.Fail("simulate.rows", "%.3g values with simulate.cols and simulate.channels, want at most %.3g", values, float64(mostValues))
	}
}

// OutputSection is the section [output]: where the result goes and how its pictures are
// drawn.
type OutputSection struct {
	Dir     string       `toml:"dir"`     // directory of the result
	Formats config.Words `toml:"formats"` // of figures: png, svg, pdf
	Stretch string       `toml:"stretch"` // "asinh", "linear", or "auto" (linear for photographs); see StretchOf
	Origin  Origin       `toml:"origin"`  // where pictures have row 0
}

// Origin is the value of the key output.origin: where pictures have row 0.
type Origin string

const (
	OriginAuto  Origin = "auto"  // at the bottom for FITS files, as ds9 shows them, else at the top
	OriginUpper Origin = "upper" // at the top
	OriginLower Origin = "lower" // at the bottom
)

// Check records an origin that there is not.
func (o Origin) Check(f *config.File) {
	f.OneOf("output.origin", string(o), string(OriginAuto), string(OriginUpper), string(OriginLower))
}

// Lower tells whether pictures have row 0 at the bottom. fits: what they show came from a FITS file.
func (o Origin) Lower(fits bool) bool { return o == OriginLower || o == OriginAuto && fits }

// Check records what is wrong with the section.
func (s *OutputSection) Check(f *config.File) {
	f.Want(s.Dir != "", "output.dir", "a directory")
	f.OneOf("output.stretch", s.Stretch, "auto", "asinh", "linear")
	s.Origin.Check(f)
}

// CheckFrame reads the header of the image file that the config names at key. It returns
// the image's shape, without its pixels. It returns nil for an empty path, and nil with a
// recorded problem where the file cannot be read.
func CheckFrame(f *config.File, key, path string) *imageio.Frame {
	if path == "" {
		return nil
	}
	frame, err := imageio.Stat(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the message names the path already
		}
		f.Fail(key, "%v", err)
		return nil
	}
	return frame
}

// Borders maps the names that a config uses to border conditions.
var Borders = map[string]halo.Border{"zero": halo.Zero, "reflect": halo.Reflect, "periodic": halo.Periodic}
