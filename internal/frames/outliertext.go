package frames

import (
	"cmp"
	"fmt"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
)

// Clear searches values that this rank has alone, makes those NaN that the rule takes out, and says and reports what it
// found.
func (s *OutlierSearch) Clear(key string, rule Outliers) (string, *OutlierReport, error) {
	found, err := s.Find(nil)
	if err != nil {
		return "", nil, err
	}
	text, report := found.Text(s, key, rule), found.Report(s, key, rule)
	found.LeaveOut(s, rule)
	return text, report, nil
}

// OutlierReport says in metrics.json what a search has found.
type OutlierReport struct {
	Missing  int    `json:"missing"`  // values that were taken as missing
	Reported int    `json:"reported"` // that stand alone, as hot pixels and cosmic rays do, and were taken as data
	key      string // of the rule
	asked    bool   // the rule asks for all of them to be missing
	whole    string // the planes that hold nothing but marks
	places   string // of the first marks of a table
}

// Report is what was found; nil = nothing.
func (f *Found) Report(s *OutlierSearch, key string, rule Outliers) *OutlierReport {
	r := &OutlierReport{key: key, Missing: f.Taken(rule), asked: rule == OutliersMissing, whole: f.WholePlanes(s)}
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
		r.places = strings.Join(list, "; ")
	}
	if r.Reported -= r.Missing; r.Missing+r.Reported == 0 {
		return nil
	}
	return r
}

// Plus is the report of two searches.
func (r *OutlierReport) Plus(other *OutlierReport) *OutlierReport {
	if r == nil || other == nil {
		return cmp.Or(r, other)
	}
	return &OutlierReport{
		Missing: r.Missing + other.Missing, Reported: r.Reported + other.Reported, key: r.key, asked: r.asked, whole: cmp.Or(r.whole, other.whole), places: cmp.Or(r.places, other.places),
	}
}

// Warn warns where values of a file were taken as missing that the config does not ask to be, or whole planes of it;
// nothing of a nil report.
func (r *OutlierReport) Warn(run *lifecycle.Run, file string) {
	if r == nil || r.Missing == 0 || r.asked && r.whole == "" {
		return
	}
	whole := ""
	if r.whole != "" {
		whole = r.whole + "; "
	}
	what := "values that mark missing ones or are no light"
	if r.places != "" {
		what = "values that mark missing ones (" + r.places + ")"
	}
	run.Warning(fmt.Sprintf("%s: %s%s, taken as missing: %d; %s = %q takes them as data", file, whole, what, r.Missing, r.key, OutliersKeep))
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

// Row adds a row to the table at the end of a run; none of a nil report.
func (r *OutlierReport) Row(t *lifecycle.Table) {
	if r == nil {
		return
	}
	var parts []string
	if r.Missing > 0 {
		parts = append(parts, fmt.Sprintf("%d taken as missing", r.Missing))
	}
	switch r.Reported {
	case 0:
	case 1:
		parts = append(parts, fmt.Sprintf("1 stands alone and was taken as data: %s = %q leaves it out", r.key, OutliersMissing))
	default:
		parts = append(parts, fmt.Sprintf("%d stand alone and were taken as data: %s = %q leaves them out", r.Reported, r.key, OutliersMissing))
	}
	t.Row("outliers", "%s", strings.Join(parts, "; "))
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
