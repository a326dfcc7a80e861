package imageio

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// fitsStack opens the stack in a FITS file: an array of 3 axes; all extensions that hold
// one image each of the same size; or a column of images.
func fitsStack(r io.ReaderAt, size int64, want string) (*stackSource, error) {
	first, primary, err := findUnit(r, size, want)
	if err != nil {
		s, e := tableStack(r, size, want)
		if errors.Is(e, errNoImages) {
			return nil, err
		}
		return s, e
	}
	s := &stackSource{Stack: Stack{Format: "fits", Type: first.typ()}}
	if err := s.setShape(reversed(first.axes)); err != nil {
		return nil, err
	}
	group, left := []*unit{first}, ""
	if s.Count == 1 {
		if group, left, err = first.alike(r, size, want); err != nil {
			return nil, err
		}
	}
	if len(group) > 1 {
		return s, s.setExtensions(r, group, left, primary)
	}
	s.Part = first.label() + left
	pixels, err := first.elements(r)
	if err != nil {
		return nil, err
	}
	// A stack is written without the tables of its coordinates.
	s.Header = first.inherited(primary).without("CPDIS1", "CPDIS2", "CQDIS1", "CQDIS2", "DP1", "DP2", "DQ1", "DQ2", "D2IMDIS1", "D2IMDIS2", "D2IM1", "D2IM2")
	return s, s.setArray(reversed(first.axes), pixels, false)
}

// label names the unit as a config may.
func (u *unit) label() string {
	if n := u.name(); n != "" {
		return fmt.Sprintf("[%d] %s", u.index, shortened(n))
	}
	return fmt.Sprintf("[%d]", u.index)
}

// setExtensions makes s the stack of the images of a group of units.
func (s *stackSource) setExtensions(r io.ReaderAt, group []*unit, left string, primary *unit) error {
	s.Count, s.Shape = len(group), nil
	s.Header = primary.header.descriptive()
	s.Part = fmt.Sprintf("%d extensions, %s to %s%s", len(group), group[0].label(), group[len(group)-1].label(), left)
	for _, u := range group {
		if _, err := u.decoder(); err != nil {
			return fmt.Errorf("%s: %w", u.label(), err)
		}
	}
	s.verify = func(lo, hi int) error {
		n := s.Rows * s.Cols
		for _, u := range group[lo:hi] {
			e, err := u.elements(r)
			if err == nil {
				err = e.verify(run(0, n, n))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", u.label(), err)
			}
		}
		return nil
	}
	s.images = func(lo, hi int, to []float64) error {
		n := s.Rows * s.Cols
		for k, u := range group[lo:hi] {
			e, err := u.elements(r)
			if err == nil {
				err = e.read(0, to[k*n:(k+1)*n])
			}
			if err != nil {
				return fmt.Errorf("%s: %w", u.label(), err)
			}
		}
		return nil
	}
	return nil
}

// alike finds the images that belong to one stack with u, which is the first one that is
// wanted: those of its name; or, where the names are all different, those whose name is not
// that of an error, a mask or the like. left says which others of the size stay out. Images
// of another size, or of two names, are refused: the file does not say which are meant.
func (u *unit) alike(r io.ReaderAt, size int64, want string) (group []*unit, left string, err error) {
	if _, number := strconv.Atoi(strings.TrimSpace(want)); number == nil || strings.Contains(want, ",") {
		return []*unit{u}, "", nil
	}
	var same, others, beside []*unit
	for v, err := range units(r, size) {
		switch {
		case err != nil:
			return nil, "", err
		case v.index < u.index || !v.image() || want != "" && !v.called(want):
		case v.name() == u.name():
			same = append(same, v)
		case v.plane():
			beside = append(beside, v)
		default:
			others = append(others, v)
		}
	}
	group = same
	if len(same) == 1 && !u.plane() {
		group, others = append(same, others...), nil
	}
	if len(group)+len(others) > 1 {
		for _, v := range append(group[1:len(group):len(group)], others...) {
			if !slices.Equal(v.flat(), u.flat()) {
				return nil, "", unclear("has images of different sizes: %s, and %s; want one size, or one of them chosen as in FILE.fits[%d]", u.listed(), v.listed(), u.index)
			}
		}
	}
	if len(others) > 0 {
		return nil, "", unclear("has %d images %s of one size, and others such as %s; choose one kind by its name, as in FILE.fits[%s]", len(same), Quoted(u.name()), others[0].label(), shortened(others[0].name()))
	}
	if len(beside) > 0 {
		var names []string
		for _, v := range beside {
			if !slices.Contains(names, v.name()) {
				names = append(names, v.name())
			}
		}
		left = "; left out: " + Listed(names)
	}
	return group, left, nil
}

// unclearError: a file may be a stack, but does not say of which of its images.
type unclearError struct{ error }

func unclear(format string, args ...any) error { return unclearError{fmt.Errorf(format, args...)} }

// flat are the axes without those of length 1 at the end.
func (u *unit) flat() []int {
	axes := u.axes
	for len(axes) > 2 && axes[len(axes)-1] == 1 {
		axes = axes[:len(axes)-1]
	}
	return axes
}

// plane tells whether the name of the unit is one that observatories and programs give to
// what stands beside a picture: errors, masks, weights, models.
func (u *unit) plane() bool {
	name := u.name()
	for _, start := range []string{"VAR", "ERR", "WCSDVARR", "D2IMARR", "AREA", "PATHLOSS", "FLATFIELD", "BARSHADOW"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	switch name {
	case "SIGMA", "RMS", "STD", "STDDEV", "UNCERT", "UNCERTAINTY", "NOISE", "DQ", "MASK", "FLAG", "FLAGS", "BPM", "BADPIX", "WHT", "WGT", "WEIGHT", "WEIGHTS",
		"IVAR", "INVVAR", "CON", "CTX", "CONTEXT", "EXP", "EXPMAP", "EXPTIME", "BKG", "BACKGROUND", "SKY", "PSF", "MODEL", "RESIDUAL", "SEG", "SEGMAP",
		"SEGMENTATION", "SAMP", "TIME", "TRUTH":
		return true
	}
	return false
}
