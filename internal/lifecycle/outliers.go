package lifecycle

import (
	"cmp"
	"fmt"
	"strings"
)

// Outliers says in metrics.json what a search for values far from all others has found.
type Outliers struct {
	Missing  int `json:"missing"`  // values that were taken as missing
	Reported int `json:"reported"` // that stand alone, as hot pixels and cosmic rays do, and were taken as data

	Key    string `json:"-"` // of the config that says what happens to them: image.outliers
	Asked  bool   `json:"-"` // that key asks for all of them to be missing
	Whole  string `json:"-"` // in words the planes that hold nothing but marks of missing values; "" = none does
	Places string `json:"-"` // in words where the first marks of a table are; "" = not said
}

// Plus is what two searches have found; nil = nothing.
func (r *Outliers) Plus(other *Outliers) *Outliers {
	if r == nil || other == nil {
		return cmp.Or(r, other)
	}
	return &Outliers{
		Missing: r.Missing + other.Missing, Reported: r.Reported + other.Reported, Key: r.Key, Asked: r.Asked,
		Whole: cmp.Or(r.Whole, other.Whole), Places: cmp.Or(r.Places, other.Places),
	}
}

// Warn warns where values of a file were taken as missing that the config does not ask to be, or whole planes of it;
// nothing of a nil report.
func (r *Outliers) Warn(run *Run, file string) {
	if r == nil || r.Missing == 0 || r.Asked && r.Whole == "" {
		return
	}
	what := "values that mark missing ones or are no light"
	if r.Places != "" {
		what = "values that mark missing ones (" + r.Places + ")"
	}
	if r.Whole != "" {
		what = r.Whole + "; " + what
	}
	run.Warning(fmt.Sprintf(`%s: %s, taken as missing: %d; %s = "keep" takes them as data`, file, what, r.Missing, r.Key))
}

// Row adds a row to the table at the end of a run; none of a nil report.
func (r *Outliers) Row(t *Table) {
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
		parts = append(parts, fmt.Sprintf(`1 stands alone and was taken as data: %s = "missing" leaves it out`, r.Key))
	default:
		parts = append(parts, fmt.Sprintf(`%d stand alone and were taken as data: %s = "missing" leaves them out`, r.Reported, r.Key))
	}
	t.Row("outliers", "%s", strings.Join(parts, "; "))
}
