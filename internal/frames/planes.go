package frames

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
)

// use is what the values of a plane beside the frame mean.
type use string

const (
	useMask      use = "mask"      // 0 or NaN: the pixel is missing
	useFlags     use = "flags"     // data quality: 0 is good
	useWeights   use = "weights"   // 1/variance; 0 or NaN: missing
	useSigma     use = "sigma"     // standard deviation; 0 or NaN: missing
	useVariance  use = "variance"  // likewise
	usePrecision use = "precision" // 1/standard deviation
	useCoverage  use = "coverage"  // 0 or NaN: missing; the values are not used
)

// plane is one of the arrays that say how good the pixels of the frame are.
type plane struct {
	key   string // of the config; image.planes if it was found in the file
	path  string
	use   use
	flags flagRule // of useFlags
	anyOf bool     // mask: more than half may be missing
}

// planes finds the planes of the frame: those that the config names, and with image.planes =
// "auto" those that its file is known to have. said tells what was found.
func (s *ImageSection) planes() (list []plane, said string, err error) {
	for _, n := range []struct {
		key, path string
		use       use
	}{
		{"image.weights", s.Weights, useWeights}, {"image.sigma", s.Sigma, useSigma}, {"image.variance", s.Variance, useVariance},
		{"image.mask", s.Mask, useMask}, {"image.dq", s.DQ, useFlags},
	} {
		if n.path != "" {
			list = append(list, plane{key: n.key, path: n.path, use: n.use, anyOf: s.MaskMajority})
		}
	}
	units, chosen, err := imageio.Units(s.Path)
	if s.Path == "" || err != nil {
		units, err = nil, nil // what is wrong with the frame, its reader says
	}
	var science imageio.Unit
	if i := slices.IndexFunc(units, func(u imageio.Unit) bool { return u.Index == chosen }); i >= 0 {
		science = units[i]
	}
	d := dialectOf(science.Header)
	if s.Planes != PlanesNone && s.Path != "" {
		found, what := s.companions(units, science, d)
		has := func(us ...use) bool {
			return slices.ContainsFunc(list, func(p plane) bool { return slices.Contains(us, p.use) })
		}
		var taken []string
		for _, p := range found {
			switch p.use {
			case useFlags:
				if has(useFlags, useMask) {
					continue
				}
			case useCoverage:
			default:
				if has(useWeights, useSigma, useVariance, usePrecision) {
					continue
				}
			}
			taken = append(taken, fmt.Sprintf("%s as %s", p.path, p.use))
			list = append(list, p)
		}
		if len(taken) > 0 {
			said = fmt.Sprintf("%s: took %s (image.planes = \"none\" leaves them out)", what, strings.Join(taken, ", "))
		}
	}
	for i := range list {
		if err := list[i].understand(s, d); err != nil {
			return nil, "", err
		}
	}
	return list, said, nil
}

// understand checks the sense of a plane against the name of its unit, and finds the rule of
// a plane of flags.
func (p *plane) understand(s *ImageSection, d *dialect) error {
	units, chosen, err := imageio.Units(p.path)
	var unit imageio.Unit
	if i := slices.IndexFunc(units, func(u imageio.Unit) bool { return u.Index == chosen }); err == nil && i >= 0 {
		unit = units[i]
	}
	if p.use == useFlags {
		if own := dialectOf(unit.Header); own.name != (&dialect{name: "no known observatory"}).name {
			d = own
		}
		if p.flags, err = d.rule(s.DQBad, s.DQIgnored); err != nil {
			return &keyError{"image.dq_bad", "", fmt.Sprintf("%s: %v", p.path, err)}
		}
		return nil
	}
	if meant := useOfName(unit); p.key != "image.planes" && meant != "" && meant != p.use && !(p.use == useMask && meant != useFlags) {
		return &keyError{p.key, p.path, fmt.Sprintf("the unit %s holds %s\n  write %s = %q", cmp.Or(unit.Name, unit.Type), meant.describe(), meant.key(), p.path)}
	}
	return nil
}

// useOfName is what the name of a unit says of its values; "" = nothing.
func useOfName(u imageio.Unit) use {
	switch u.Name {
	case "DQ", "DATA_QUALITY", "QUALITY", "FLAGS", "BPM":
		return useFlags
	case "ERR", "ERROR", "SIGMA", "STD", "STDDEV", "UNCERT", "RMS":
		return useSigma
	case "VAR", "VARIANCE", "STAT":
		return useVariance
	case "IVAR", "INVVAR", "INVVARIANCE":
		return useWeights
	}
	switch u.Type {
	case "MASK":
		return useFlags
	case "VARIANCE":
		return useVariance
	}
	return ""
}

// key is the key of the config for a plane of this use.
func (u use) key() string {
	if u == useFlags {
		return "image.dq"
	}
	return "image." + string(u)
}

func (u use) describe() string {
	return map[use]string{
		useMask: "a mask: 0 and NaN are missing", useFlags: "data-quality flags: 0 is good", useWeights: "inverse variances: 0 and NaN are missing",
		useSigma: "standard deviations: 0 and NaN are missing", useVariance: "variances: 0 and NaN are missing",
		usePrecision: "inverse standard deviations: 0 and NaN are missing", useCoverage: "coverage: 0 and NaN are missing",
	}[u]
}

// keyError is a key of the config whose file does not hold what the key wants.
type keyError struct{ key, value, text string }

func (e *keyError) Error() string {
	if e.value == "" {
		return e.key + ": " + e.text
	}
	return fmt.Sprintf("%s = %q: %s", e.key, e.value, e.text)
}

// planeError is what is wrong with the plane that a key of the config names, where the text names the file.
type planeError struct {
	key string
	err error
}

func (e *planeError) Error() string { return e.err.Error() }
func (e *planeError) Unwrap() error { return e.err }

// companions are the planes that the rows of a known product have beside the science plane;
// what names the product.
func (s *ImageSection) companions(units []imageio.Unit, science imageio.Unit, d *dialect) (list []plane, what string) {
	if science.Shape == nil {
		return nil, ""
	}
	n := len(science.Shape)
	add := func(u imageio.Unit, as use) {
		list = append(list, plane{key: "image.planes", path: imageio.OfUnit(s.Path, u), use: as})
	}
	fits := func(u imageio.Unit) bool {
		m := len(u.Shape)
		return u.Index != science.Index && m >= 2 && n >= 2 && slices.Equal(u.Shape[m-2:], science.Shape[n-2:])
	}
	named := func(name string) (imageio.Unit, bool) {
		var only []imageio.Unit
		for _, u := range units {
			if name != "" && u.Name == strings.ToUpper(name) && fits(u) {
				if u.Version == science.Version {
					return u, true
				}
				only = append(only, u)
			}
		}
		if len(only) == 1 && science.Version == 1 {
			return only[0], true
		}
		return imageio.Unit{}, false
	}
	text := func(key string) string { v, _ := science.Header.Get(key); return strings.ToUpper(v) }

	if text("ERREXT") != "" || text("MASKEXT") != "" {
		if u, ok := named(text("ERREXT")); ok {
			as := map[string]use{"": useSigma, "ERR": useSigma, "IERR": usePrecision, "VAR": useVariance, "IVAR": useWeights}[text("ERRTYPE")]
			if as != "" {
				add(u, as)
			}
		}
		if u, ok := named(text("MASKEXT")); ok {
			add(u, useFlags)
		}
		return list, "FLUXEXT, ERREXT, MASKEXT"
	}
	if science.Type == "IMAGE" {
		for _, u := range units {
			switch {
			case u.Type == "MASK" && fits(u):
				add(u, useFlags)
			case u.Type == "VARIANCE" && fits(u):
				add(u, useVariance)
			}
		}
		return list, "planes by EXTTYPE"
	}
	if u, ok := named("MASK"); ok && d.name == "LSST" || ok && len(lsst(u.Header).bits) > 0 {
		add(u, useFlags)
		if v, ok := named("VARIANCE"); ok {
			add(v, useVariance)
		}
		return list, "LSST"
	}
	if science.Name == "SCI" {
		weight, weighted := named("WHT")
		if u, ok := named("ERR"); ok {
			add(u, useSigma)
		} else if weighted {
			add(weight, useWeights)
			weighted = false
		}
		if u, ok := named("DQ"); ok {
			add(u, useFlags)
		}
		if weighted {
			add(weight, useCoverage)
		}
		return list, strings.TrimSpace(strings.Replace(d.name, "no known observatory", "", 1) + " planes of SCI")
	}
	return s.beside(d)
}

// beside are the planes that stand in files of their own, beside the frame: DECam's ooi, oow
// and ood, and ZTF's sciimg and mskimg.
func (s *ImageSection) beside(d *dialect) (list []plane, what string) {
	file, unit := imageio.FileOf(s.Path)
	if unit != "" {
		unit = "[" + unit + "]"
	}
	dir, base := filepath.Split(file)
	other := func(from, to string, as use) {
		if path := filepath.Join(dir, strings.Replace(base, from, to, 1)); strings.Contains(base, from) && imageio.Exists(path) {
			list = append(list, plane{key: "image.planes", path: path + unit, use: as})
		}
	}
	other("_ooi_", "_oow_", useWeights)
	other("_ooi_", "_ood_", useFlags)
	if len(list) > 0 {
		return list, "DECam files beside the frame"
	}
	other("_sciimg", "_mskimg", useFlags)
	return list, "ZTF file beside the frame"
}

// checkKeys records keys that contradict each other.
func (s *ImageSection) checkKeys() error {
	given := 0
	for _, path := range []string{s.Weights, s.Sigma, s.Variance} {
		if path != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("image.weights, image.sigma and image.variance say the same in three ways: want one of them")
	}
	return nil
}

// mostChecked is the largest frame, in values, of which a check reads the pixels.
const mostChecked = 16_000_000

// checkPlanes records what is wrong with the planes beside the frame, and, for a frame of at
// most mostChecked values, whether anything of it was observed. frame is nil where its shape
// is not known.
func (s *ImageSection) checkPlanes(f *config.File, frame *imageio.Frame) {
	list, _, err := s.planes()
	if e := new(keyError); errors.As(err, &e) {
		f.Fail(e.key, "%s", e.text)
		return
	}
	bad := frame == nil
	for i := range list {
		p := &list[i]
		h := CheckFrame(f, p.key, p.path)
		switch {
		case h == nil:
			bad = true
		case refuseLossy(p, h) != nil:
			f.Fail(p.key, "%s", lossy)
			bad = true
		case frame != nil && (h.Rows != frame.Rows || h.Cols != frame.Cols):
			f.Fail(p.key, "is %d x %d pixels, want the frame's %d x %d", h.Rows, h.Cols, frame.Rows, frame.Cols)
			bad = true
		}
	}
	if bad || s.Path == "" && len(list) == 0 || float64(frame.Rows)*float64(frame.Cols)*float64(frame.Channels) > mostChecked {
		return
	}
	whole := frame
	if s.Path != "" {
		if whole, err = imageio.ReadFrame(s.Path); err != nil {
			f.Fail("image.path", "%v", err)
			return
		}
	}
	weights, _, _, err := readWeights(s, whole, nil)
	if err == nil {
		err = s.checkMarks(whole, weights)
	}
	if err != nil {
		key, text := "image.planes", err.Error()
		if e := new(keyError); errors.As(err, &e) {
			key, text = e.key, e.text
		} else if e := new(planeError); errors.As(err, &e) {
			key = e.key
		}
		f.Fail(key, "%s", text)
	}
}
