package frames

import (
	"fmt"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
)

// Clear searches values that this rank has alone, makes those NaN that the rule takes out, and says and reports what it
// found.
func (s *OutlierSearch) Clear(key string, rule Outliers) (string, *lifecycle.Outliers, error) {
	found, err := s.Find(nil)
	if err != nil {
		return "", nil, err
	}
	text, report := found.Text(s, key, rule), found.Report(s, key, rule)
	found.LeaveOut(s, rule)
	return text, report, nil
}

// Report is what was found; nil = nothing.
func (f *Found) Report(s *OutlierSearch, key string, rule Outliers) *lifecycle.Outliers {
	r := &lifecycle.Outliers{Key: key, Missing: f.Taken(rule), Asked: rule == OutliersMissing, Whole: f.WholePlanes(s)}
	for _, n := range f.Counts {
		r.Reported += n
	}
	if s.Where != nil {
		var list []string
		for _, o := range f.First[outliers.Mark] {
			list = append(list, fmt.Sprintf("%.6g in %s", o.Value, s.Where(o.Row)))
		}
		if f.Counts[outliers.Mark] > len(list) {
			list = append(list, "...")
		}
		r.Places = strings.Join(list, "; ")
	}
	if r.Reported -= r.Missing; r.Missing+r.Reported == 0 {
		return nil
	}
	return r
}

// MissingText says how many of some values are missing: those that are not finite, and those that a search has taken
// out of the others.
func MissingText(notFinite, taken, values int) string {
	const what = "by the rule for outliers"
	switch {
	case notFinite+taken == 0:
		return "no value missing"
	case taken == 0:
		return fmt.Sprintf("%d of %d values missing (not finite)", notFinite, values)
	case notFinite == 0:
		return fmt.Sprintf("%d of %d values missing (%s)", taken, values, what)
	}
	return fmt.Sprintf("%d of %d values missing (%d not finite, %d %s)", notFinite+taken, values, notFinite, taken, what)
}

// Taken is how many of the values that were found are missing by this rule, on all ranks.
func (f *Found) Taken(rule Outliers) int {
	n := 0
	for kind, count := range f.Counts {
		if (&Outlier{kind: outliers.Kind(kind)}).Taken(rule) {
			n += count
		}
	}
	return n
}

// Taken tells whether an outlier is a missing value by this rule.
func (o *Outlier) Taken(rule Outliers) bool {
	return o.kind == outliers.Mark || o.kind == outliers.Certain || rule == OutliersMissing
}

// Text says what was found and what becomes of it; "" = nothing. key is that of the rule.
func (f *Found) Text(s *OutlierSearch, key string, rule Outliers) string {
	var parts []string
	taken := fmt.Sprintf("taken as missing (%s = %q takes all finite values as data)", key, OutliersKeep)
	offered := fmt.Sprintf("hot pixels and cosmic rays are such, and stars narrower than the PSF: %s = %q takes them as missing", key, OutliersMissing)
	alone := "alone, most of its nearest neighbours hardly raised"
	if s.Scattered {
		alone = "far from all others"
		offered = fmt.Sprintf("%s = %q takes them as missing", key, OutliersMissing)
	}
	if rule == OutliersMissing {
		offered = fmt.Sprintf("taken as missing, as %s says", key)
	}
	mark := "a number that marks missing values, far from all others"
	if s.Positive {
		mark = "a number that marks missing values, negative or far from all others"
		taken = fmt.Sprintf("taken as missing (%s = %q takes them as they are)", key, OutliersKeep)
	}
	if text := f.WholePlanes(s); text != "" {
		parts = append(parts, text+": "+taken)
	}
	for _, k := range []struct {
		kind outliers.Kind
		what string
		mend string
	}{
		{outliers.Mark, mark, taken},
		{outliers.Certain, "alone, and too far from all others for light", taken},
		{outliers.Alone, alone, offered},
	} {
		n := f.Counts[k.kind]
		if k.kind == outliers.Mark {
			n -= f.inWhole
		}
		if n == 0 {
			continue
		}
		var places []string
		for _, o := range f.First[k.kind] {
			at := fmt.Sprintf("%.6g at row %d, column %d", o.Value, o.Row, o.Col)
			if s.Scattered {
				at = fmt.Sprintf("%.6g in row %d of the data", o.Value, o.Row+1)
			}
			if s.Where != nil {
				at = fmt.Sprintf("%.6g in %s", o.Value, s.Where(o.Row))
			}
			if s.Plane != "" && s.Planes > 1 {
				at += fmt.Sprintf(" of %s %d", s.Plane, o.Plane)
			}
			if o.Times > 0 {
				at += fmt.Sprintf(", %.2g standard deviations from the median", o.Times)
			}
			places = append(places, at)
		}
		if n > len(places) {
			places = append(places, "...")
		}
		number := fmt.Sprintf("%d values, each", n)
		if n == 1 {
			number = "1 value,"
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s): %s", number, k.what, strings.Join(places, "; "), k.mend))
	}
	if len(parts) == 0 {
		return ""
	}
	if f.Scale.Spread > 0 {
		parts = append(parts, fmt.Sprintf("the median is %.4g, the robust standard deviation %.3g", f.Scale.Centre, f.Scale.Spread))
	}
	return strings.Join(parts, "; ")
}
