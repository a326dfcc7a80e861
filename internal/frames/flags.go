package frames

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tessera/internal/imageio"
)

// Flags is a key that names flags of a data-quality plane: names such as "DO_NOT_USE", and
// whole numbers, the values that the flags have (4 is bit 2), or the codes of a plane of codes.
type Flags []string

// UnmarshalTOML reads a list of names and whole numbers.
func (l *Flags) UnmarshalTOML(v any) error {
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf(`a list of names and values of flags, such as ["DO_NOT_USE", 4]`)
	}
	out := Flags{}
	for _, e := range list {
		switch e := e.(type) {
		case string:
			if e == "" || e[0] >= '0' && e[0] <= '9' {
				return fmt.Errorf("names of flags, or their values as whole numbers")
			}
			out = append(out, strings.ToUpper(e))
		case int64:
			if e < 1 || e > math.MaxUint32 {
				return fmt.Errorf("values of flags from 1 to 2^32-1")
			}
			out = append(out, strconv.FormatInt(e, 10))
		default:
			return fmt.Errorf(`names and whole numbers, such as ["DO_NOT_USE", 4]`)
		}
	}
	*l = out
	return nil
}

// MarshalJSON writes the list as a config has it.
func (l Flags) MarshalJSON() ([]byte, error) {
	list := make([]any, len(l))
	for i, s := range l {
		if list[i] = s; s[0] >= '0' && s[0] <= '9' {
			list[i] = json.RawMessage(s)
		}
	}
	return json.Marshal(list)
}

// dialect is how an observatory writes a data-quality plane.
type dialect struct {
	name    string
	bits    map[string]uint64 // value of each flag that has a name
	ignored Flags             // not bad, unless image.dq_bad says so
	bad     Flags             // nil = every flag that is not ignored
	codes   bool              // a value is one code, not a sum of flags
}

// jwst: only some flags say that a value cannot be used; others tell of its history.
func jwst() *dialect {
	names := []string{
		"DO_NOT_USE", "SATURATED", "JUMP_DET", "DROPOUT", "OUTLIER", "PERSISTENCE", "AD_FLOOR", "CHARGELOSS", "UNRELIABLE_ERROR",
		"NON_SCIENCE", "DEAD", "HOT", "WARM", "LOW_QE", "RC", "TELEGRAPH", "NONLINEAR", "BAD_REF_PIXEL", "NO_FLAT_FIELD", "NO_GAIN_VALUE",
		"NO_LIN_CORR", "NO_SAT_CHECK", "UNRELIABLE_BIAS", "UNRELIABLE_DARK", "UNRELIABLE_SLOPE", "UNRELIABLE_FLAT", "OPEN", "ADJ_OPEN",
		"FLUX_ESTIMATED", "MSA_FAILED_OPEN", "OTHER_BAD_PIXEL", "REFERENCE_PIXEL",
	}
	d := &dialect{name: "JWST", bits: map[string]uint64{}, bad: Flags{"DO_NOT_USE", "SATURATED", "NON_SCIENCE", "DEAD", "HOT"}}
	for i, n := range names {
		d.bits[n] = 1 << i
	}
	return d
}

func hst() *dialect {
	return &dialect{name: "HST", bits: map[string]uint64{"BAD": 4, "HOT": 16, "WARM": 64, "SATURATED": 256, "COSMIC_RAY": 4096}}
}

// ztf: bit 1 is a detected object, bit 11 a source of the PSF catalogue.
func ztf() *dialect { return &dialect{name: "ZTF", ignored: Flags{"2", "2048"}} }

// decam: flags before version 3.5.0 of the pipeline, codes from 0 to 8 since then.
func decam(version string) *dialect {
	d := &dialect{name: "DECam", codes: true, ignored: Flags{"8"}}
	var n [3]int
	for i, p := range strings.SplitN(strings.TrimLeft(version, "Vv"), ".", 3) {
		n[i], _ = strconv.Atoi(strings.TrimFunc(p, func(r rune) bool { return r < '0' || r > '9' }))
	}
	if version != "" && (n[0] < 3 || n[0] == 3 && n[1] < 5) {
		d.codes, d.ignored = false, nil
	}
	return d
}

// lsst: the cards MP_<NAME> of the plane give the numbers of the bits.
func lsst(h imageio.Header) *dialect {
	d := &dialect{name: "LSST", bits: map[string]uint64{}}
	for _, c := range h {
		name, ok := strings.CutPrefix(strings.TrimPrefix(c.Key(), "HIERARCH "), "MP_")
		if !ok {
			continue
		}
		if bit, err := strconv.Atoi(c.Value()); err == nil && bit >= 0 && bit < 63 {
			d.bits[name] = 1 << bit
		}
	}
	for _, name := range []string{"DETECTED", "DETECTED_NEGATIVE", "NOT_DEBLENDED", "INEXACT_PSF"} {
		if d.bits[name] != 0 {
			d.ignored = append(d.ignored, name)
		}
	}
	return d
}

// dialectOf recognises who wrote a plane from the cards of its unit, or of the frame.
func dialectOf(headers ...imageio.Header) *dialect {
	for _, h := range headers {
		text := func(key string) string { v, _ := h.Get(key); return strings.ToUpper(v) }
		if d := lsst(h); len(d.bits) > 0 {
			return d
		}
		switch {
		case text("TELESCOP") == "JWST":
			return jwst()
		case text("TELESCOP") == "HST":
			return hst()
		case strings.HasPrefix(text("INSTRUME"), "DECAM"):
			return decam(text("PLVER"))
		case strings.HasPrefix(text("INSTRUME"), "ZTF"), text("TELESCOP") == "P48", strings.Contains(text("ORIGIN"), "ZTF"):
			return ztf()
		}
	}
	return &dialect{name: "no known observatory"}
}

// flagRule says which values of a data-quality plane are bad.
type flagRule struct {
	mask, ignored uint64   // flags that are bad; flags that are not
	all           bool     // every flag that is not ignored is bad
	codes         bool     // bad and good are values, not sums
	bad, good     []uint64 // of codes; bad nil = all but 0 and good
	text          string   // in words
}

// rule joins what the config says with what the observatory does.
func (d *dialect) rule(bad, ignored Flags) (flagRule, error) {
	own := d.ignored
	if len(bad) == 0 {
		bad = d.bad
	} else { // what the config calls bad is bad
		own = slices.DeleteFunc(slices.Clone(own), func(s string) bool { return slices.Contains(bad, s) })
	}
	ignored = slices.Concat(own, ignored)
	r := flagRule{codes: d.codes, all: len(bad) == 0}
	values := func(list Flags) (out []uint64, err error) {
		for _, s := range list {
			v, e := strconv.ParseUint(s, 10, 64)
			if e != nil {
				if v = d.bits[s]; v == 0 {
					return nil, fmt.Errorf("no flag %s is known in planes of %s: give its value, as in image.dq_bad = [4]", s, d.name)
				}
			}
			out = append(out, v)
		}
		return out, nil
	}
	var err error
	if r.bad, err = values(bad); err != nil {
		return r, err
	}
	if r.good, err = values(ignored); err != nil {
		return r, err
	}
	for _, v := range r.bad {
		r.mask |= v
	}
	for _, v := range r.good {
		r.ignored |= v
	}
	kind := "flags"
	if r.codes {
		kind = "codes"
	}
	switch {
	case r.all && len(ignored) == 0:
		r.text = fmt.Sprintf("0 is good, every other value bad (%s of %s)", kind, d.name)
	case r.all:
		r.text = fmt.Sprintf("0 is good, %s are bad but for %s (%s)", kind, strings.Join(ignored, ", "), d.name)
	default:
		r.text = fmt.Sprintf("bad are the %s %s (%s)", kind, strings.Join(bad, ", "), d.name)
	}
	return r, nil
}

// isBad tells whether a value of the plane is bad; NaN is.
func (r *flagRule) isBad(v float64) bool {
	if math.IsNaN(v) || v < 0 {
		return true
	}
	u := uint64(v)
	switch {
	case r.codes && r.all:
		return u != 0 && !slices.Contains(r.good, u)
	case r.codes:
		return slices.Contains(r.bad, u)
	case r.all:
		return u&^r.ignored != 0
	}
	return u&r.mask&^r.ignored != 0
}
