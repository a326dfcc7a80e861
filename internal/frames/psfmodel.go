package frames

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psfmodel"
	"tessera/ranks"
)

// PSFModelSection is the section [psf_model]: a PSF that changes over the frame. It takes the place of the
// section [blur]. Check refuses keys that the model does not use.
type PSFModelSection struct {
	Kind         string  `toml:"kind"`         // where path is "": none, or field, a made-up PSF
	Path         string  `toml:"path"`         // of a model; "" = none
	Format       string  `toml:"format"`       // auto, or one of psfmodel.Formats
	Detector     int     `toml:"detector"`     // which of several in a file, from 1; 0 = there must be one
	Positions    string  `toml:"positions"`    // cube: table with columns row and col
	Oversampling float64 `toml:"oversampling"` // cube, kernel, stdpsf: samples a pixel; 0 = 1, of stdpsf 4
	Pixel        string  `toml:"pixel"`        // included in the samples, or integrate: the PSF is averaged over each pixel
	Row          float64 `toml:"row"`          // place on the detector of the frame's first pixel, counted from 0
	Col          float64 `toml:"col"`          // likewise
	Size         int     `toml:"size"`         // most pixels a side, odd; 0 = all of a file, 31 of a field
	Grid         int     `toml:"grid"`         // field: places along an axis
	FWHMLeft     float64 `toml:"fwhm_left"`    // field: at the left edge of the frame, in pixels
	FWHMRight    float64 `toml:"fwhm_right"`   // field: at the right edge
	Beta         float64 `toml:"beta"`         // field: exponent of the Moffat profile
	Ellipticity  float64 `toml:"ellipticity"`  // field: 1 - b/a at the corners
	Coma         float64 `toml:"coma"`         // field: length of the tail at the corners, in FWHM
}

// DefaultPSFModel is the section where the config says nothing.
func DefaultPSFModel() PSFModelSection {
	return PSFModelSection{
		Kind: "none", Format: "auto", Pixel: "included", Grid: 5,
		FWHMLeft: 2.5, FWHMRight: 5, Beta: 3, Ellipticity: 0.2, Coma: 0.3,
	}
}

// Used tells whether the config asks for a PSF that varies. A nil section does not.
func (s *PSFModelSection) Used() bool { return s != nil && (s.Path != "" || s.Kind != "none") }

// Check records what is wrong with the section, its file apart. blur is the section that it takes the place of, whose
// kind becomes "none".
func (s *PSFModelSection) Check(f *config.File, blur *BlurSection) {
	var formats []string
	for _, name := range psfmodel.Formats() {
		formats = append(formats, string(name))
	}
	f.OneOf("psf_model.kind", s.Kind, "none", "field")
	f.OneOf("psf_model.format", s.Format, append([]string{"auto"}, formats...)...)
	f.OneOf("psf_model.pixel", s.Pixel, "included", "integrate")
	f.Want(s.Detector >= 0, "psf_model.detector", "the number of a detector in the file, from 1; 0 = there is one")
	f.Want(s.Oversampling >= 0 && s.Oversampling <= 64, "psf_model.oversampling", "up to 64 samples a pixel; 0 = as usual for the format")
	f.Want(s.Size >= 0 && s.Size <= 1023 && (s.Size == 0 || s.Size%2 == 1), "psf_model.size", "an odd number of pixels up to 1023; 0 = all")
	f.Want(math.Abs(s.Row) < 1e9, "psf_model.row", "the place of the frame's first pixel")
	f.Want(math.Abs(s.Col) < 1e9, "psf_model.col", "the place of the frame's first pixel")
	f.Want(s.Grid >= 1 && s.Grid <= 64, "psf_model.grid", "1 to 64 places")
	f.Want(s.FWHMLeft > 0 && s.FWHMLeft <= 60, "psf_model.fwhm_left", "more than 0 and at most 60 pixels")
	f.Want(s.FWHMRight > 0 && s.FWHMRight <= 60, "psf_model.fwhm_right", "more than 0 and at most 60 pixels")
	f.Want(s.Beta > 1, "psf_model.beta", "more than 1")
	f.Want(s.Ellipticity >= 0 && s.Ellipticity < 0.9, "psf_model.ellipticity", "0 or more and less than 0.9")
	f.Want(s.Coma >= 0 && s.Coma <= 5, "psf_model.coma", "0 to 5 FWHM")
	f.Want(s.Path != "" || s.Kind != "field" || s.Size <= MostBlur, "psf_model.size", "at most %d pixels of a made-up PSF", MostBlur)
	s.checkUse(f)
	if !s.Used() {
		return
	}
	f.Want(!f.Has("blur.kind") || blur.Kind == "none", "blur.kind", `"none", as [psf_model] describes the blur: a frame has one of the two`)
	blur.Kind = "none"
}

// fieldKeys are the keys of a made-up PSF only, fileKeys those of a file only. psfmodel.Read refuses those that
// the format of its file does not use.
var (
	fieldKeys  = []string{"grid", "fwhm_left", "fwhm_right", "beta", "ellipticity", "coma"}
	fileKeys   = []string{"format", "detector", "positions", "oversampling", "pixel"}
	eitherKeys = []string{"row", "col", "size"}
)

// checkUse records the keys that the model does not use.
func (s *PSFModelSection) checkUse(f *config.File) {
	var unused []string
	because := ""
	switch {
	case s.Path != "":
		unused, because = append(unused, "kind"), "psf_model.path, a file, does not use this key: remove it"
		unused = append(unused, fieldKeys...)
	case s.Kind == "field":
		unused, because = slices.Clone(fileKeys), `psf_model.kind = "field" does not use this key, which describes a file (psf_model.path): remove it`
	case s.Kind == "none":
		unused = slices.Concat(fieldKeys, fileKeys, eitherKeys)
		because = `there is no PSF that varies without psf_model.path = "FILE" or psf_model.kind = "field", which this key needs: add one, or remove the key`
	}
	for i, key := range unused {
		unused[i] = "psf_model." + key
	}
	f.Unused([]string{"psf_model.kind", "psf_model.path"}, unused, because)
}

// CheckFiles reads the model and records why it is none for a frame of this shape, nil if that is not known.
func (s *PSFModelSection) CheckFiles(f *config.File, frame *imageio.Frame) {
	if !s.Used() || frame == nil {
		return
	}
	key := "psf_model.path"
	if s.Path == "" {
		key = "psf_model.kind"
	}
	if places, _ := imageio.FileOf(s.Positions); s.Path != "" && places != "" && !imageio.Exists(places) {
		f.Fail("psf_model.positions", "no such file or directory")
		return
	}
	m, err := s.model(frame.Rows, frame.Cols)
	if err == nil {
		_, err = m.Varying(frame.Rows, frame.Cols, [2]float64{s.Row, s.Col}, s.Size)
	}
	if err != nil {
		f.Fail(key, "%v", err)
	}
}

// model reads the model, or makes one for a frame of rows x cols pixels.
func (s *PSFModelSection) model(rows, cols int) (*psfmodel.Model, error) {
	if s.Path == "" {
		return psfmodel.Field{
			Size: s.Size, Grid: s.Grid, FWHM: [2]float64{s.FWHMLeft, s.FWHMRight}, Beta: s.Beta, Ellipticity: s.Ellipticity, Coma: s.Coma,
		}.Model(rows, cols)
	}
	o := psfmodel.Options{
		Detector: s.Detector, Positions: s.Positions, Oversampling: s.Oversampling, Optical: s.Pixel == "integrate",
	}
	if s.Format != "auto" {
		o.Format = psfmodel.Format(s.Format)
	}
	return psfmodel.Read(s.Path, o)
}

// Varying is the PSF of a frame of rows x cols pixels, nil if the section asks for none, and the model it is
// from. Every rank reads the file, which is small. Collective; the error is the same on all ranks.
func (s *PSFModelSection) Varying(comm ranks.Comm, rows, cols int) (*forward.VaryingPSF, *psfmodel.Model, error) {
	if !s.Used() {
		return nil, nil, nil
	}
	m, err := s.model(rows, cols)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, nil, err
	}
	v, err := m.Varying(rows, cols, [2]float64{s.Row, s.Col}, s.Size)
	return v, m, ranks.AgreeError(comm, err)
}

// PSFModelReport says in metrics.json and on the console which PSF that varies a frame has.
type PSFModelReport struct {
	Path   string      `json:"path"` // "" = made up
	Format string      `json:"format"`
	Law    string      `json:"law"`   // how the PSF depends on the position, in words
	Terms  int         `json:"terms"` // PSFs that are added up, with weights
	Rows   int         `json:"rows"`  // pixels, as the solver uses it
	Cols   int         `json:"cols"`
	Boxes  int         `json:"boxes,omitempty"` // of all ranks, in which the solver takes the PSF for one; 0 = none
	Places []PSFAtSpot `json:"places"`          // nine, from edge to edge of the frame
	Notes  []string    `json:"notes,omitempty"`
}

// PSFAtSpot is the shape of the PSF at a pixel of the frame.
type PSFAtSpot struct {
	Row         int                 `json:"row"`
	Col         int                 `json:"col"`
	FWHM        lifecycle.Number    `json:"fwhm"`        // pixels
	Ellipticity lifecycle.Number    `json:"ellipticity"` // 1 - b/a
	Angle       lifecycle.Number    `json:"angle"`       // degrees, of the long axis, from columns towards rows
	Centroid    [2]lifecycle.Number `json:"centroid"`    // rows and columns from the centre, in pixels
}

// NewPSFModelReport measures a model on a frame of rows x cols pixels.
func NewPSFModelReport(m *psfmodel.Model, v *forward.VaryingPSF, rows, cols int) *PSFModelReport {
	r := &PSFModelReport{Path: m.Path, Format: string(m.Format), Law: m.Law.Describe(), Terms: len(v.Terms), Notes: m.Notes}
	if m.Path == "" {
		r.Format = "field"
	}
	if m.Detector != "" {
		r.Notes = append([]string{m.Detector}, r.Notes...)
	}
	r.Rows, r.Cols = v.Size()
	for i := range 3 {
		for j := range 3 {
			row, col := i*(rows-1)/2, j*(cols-1)/2
			s := psfmodel.Measure(v.At(row, col))
			r.Places = append(r.Places, PSFAtSpot{
				Row: row, Col: col, FWHM: lifecycle.Number(s.FWHM), Ellipticity: lifecycle.Number(s.Ellipticity),
				Angle:    lifecycle.Number(s.Angle * 180 / math.Pi),
				Centroid: [2]lifecycle.Number{lifecycle.Number(s.Centroid[0]), lifecycle.Number(s.Centroid[1])},
			})
		}
	}
	return r
}

// History is what a HISTORY card says of the PSF, "" of a nil report.
func (r *PSFModelReport) History() string {
	switch {
	case r == nil:
		return ""
	case r.Path == "":
		return ", PSF model made up"
	}
	return ", PSF model " + filepath.Base(r.Path)
}

// Lines are the report in a few lines; none of a nil report.
func (r *PSFModelReport) Lines() []string {
	if r == nil {
		return nil
	}
	what := r.Path
	if what == "" {
		what = "made up"
	}
	list := []string{fmt.Sprintf("%s (%s): %s, %d terms of %d x %d pixels", what, r.Format, r.Law, r.Terms, r.Rows, r.Cols)}
	narrow, wide, most := math.Inf(1), 0.0, 0.0
	for _, p := range r.Places {
		narrow, wide = math.Min(narrow, float64(p.FWHM)), math.Max(wide, float64(p.FWHM))
		most = math.Max(most, float64(p.Ellipticity))
	}
	list = append(list, fmt.Sprintf("FWHM %.2f to %.2f pixels, ellipticity up to %.2f, at nine places", narrow, wide, most))
	if far := r.offCentre(); far != "" {
		list = append(list, far)
	}
	return append(list, r.Notes...)
}

// offCentre says how far the centroid is from the centre; "" if it is near.
func (r *PSFModelReport) offCentre() string {
	far := 0.0
	for _, p := range r.Places {
		far = math.Max(far, math.Hypot(float64(p.Centroid[0]), float64(p.Centroid[1])))
	}
	if far <= farCentroid {
		return ""
	}
	return fmt.Sprintf("its centroid is up to %.2f pixels from its centre: restored light is moved by that against the observed light", far)
}

// ModelFile is the file that WriteModel leaves.
const ModelFile = "psfs.fits"

// WriteModel writes the PSF that varies, if it was made up. It is called on all ranks and writes on rank 0.
func (r *Restoration) WriteModel() error {
	m := r.Obs.Model
	if m == nil || m.Path != "" || r.Comm.Rank() != 0 {
		return nil
	}
	grid, ok := m.Law.(*psfmodel.Grid)
	if !ok {
		return nil
	}
	var list []forward.PSF
	for _, row := range grid.Rows {
		for _, col := range grid.Cols {
			p, err := m.At(row, col, 0)
			if err != nil {
				return err
			}
			list = append(list, p)
		}
	}
	return psfmodel.WriteGrid(r.Path(ModelFile), grid, list, "made-up PSF of a simulated frame")
}

// PSFOf is the PSF of a frame of this shape for a plan: that of the blur or, where it varies, of the middle of the
// frame. Collective; the error is the same on all ranks.
func (s *Source) PSFOf(comm ranks.Comm, blur *BlurSection, shape *imageio.Frame) (forward.PSF, error) {
	v, _, err := s.Model.Varying(comm, shape.Rows, shape.Cols)
	switch {
	case err != nil:
		return forward.PSF{}, err
	case v == nil:
		return BlurPSF(comm, blur)
	}
	return v.At(shape.Rows/2, shape.Cols/2), nil
}

// Blur is H for the observation: with the PSF that varies where there is one, else with this PSF. nil if there is
// neither. Collective; the error is the same on all ranks.
func (o *Observation) Blur(comm ranks.Comm, psf forward.PSF, border halo.Border) (forward.Convolution, error) {
	if o.Varying != nil {
		h, err := forward.NewVaryingBlur(comm, o.Frame, o.Channels, o.Varying, border)
		if err := ranks.AgreeError(comm, err); err != nil {
			return nil, err
		}
		return h, nil
	}
	h, err := forward.NewBlur(comm, o.Frame, o.Channels, psf, border)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	return h, nil
}

// varying puts the PSF that varies into an observation of the box part of a frame; nil = all of it. Collective; the
// error is the same on all ranks.
func (s *Source) varying(comm ranks.Comm, o *Observation, part *imageio.Box) error {
	if !s.Model.Used() {
		return nil
	}
	rows, cols := o.Shape()
	if s.whole != nil {
		rows, cols = s.whole.Rows, s.whole.Cols
	}
	v, m, err := s.Model.Varying(comm, rows, cols)
	if err != nil {
		return err
	}
	if part != nil {
		v = v.Crop(part.R0, part.R1, part.C0, part.C1)
	}
	o.Varying, o.Model = v, m
	return nil
}
