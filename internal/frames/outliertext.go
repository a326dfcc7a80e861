package frames

import (
	"cmp"
	"fmt"
	"math"
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
	for i := range found.Own {
		if found.Own[i].Taken(rule) {
			s.Data[found.Own[i].at] = math.NaN()
		}
	}
	return found.Text(s, key, rule), found.Report(key, rule), nil
}

// OutlierReport says in metrics.json what a search has found.
type OutlierReport struct {
	Missing  int    `json:"missing"`  // values that were taken as missing
	Reported int    `json:"reported"` // that stand alone, as hot pixels and cosmic rays do, and were taken as data
	key      string // of the rule
	asked    bool   // the rule asks for all of them to be missing
}

// Report is what was found; nil = nothing.
func (f *Found) Report(key string, rule Outliers) *OutlierReport {
	r := &OutlierReport{key: key, Missing: f.Taken(rule), asked: rule == OutliersMissing}
	for _, n := range f.Counts {
		r.Reported += n
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
	return &OutlierReport{r.Missing + other.Missing, r.Reported + other.Reported, r.key, r.asked}
}

// Warn warns where values of a file were taken as missing that the config does not ask to be; nothing of a nil report.
func (r *OutlierReport) Warn(run *lifecycle.Run, file string) {
	if r != nil && r.Missing > 0 && !r.asked {
		run.Warning(fmt.Sprintf("%s: values that mark missing ones or are no light, taken as missing: %d; %s = %q takes them as data", file, r.Missing, r.key, OutliersKeep))
	}
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
	if r.Reported > 0 {
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

// At is the place in the data of the search.
func (o *Outlier) At() int { return o.at }

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
	for _, k := range []struct {
		kind outliers.Kind
		what string
		mend string
	}{
		{outliers.Mark, "a number that marks missing values, far from all others", taken},
		{outliers.Certain, "alone, and too far from all others for light", taken},
		{outliers.Alone, alone, offered},
	} {
		n := f.Counts[k.kind]
		if n == 0 {
			continue
		}
		var places []string
		for _, o := range f.First[k.kind] {
			at := fmt.Sprintf("%.6g at row %d, column %d", o.Value, o.Row, o.Col)
			if s.Scattered {
				at = fmt.Sprintf("%.6g in row %d of the data", o.Value, o.Row+1)
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
