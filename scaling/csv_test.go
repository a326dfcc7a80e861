package scaling

import "testing"

// No text of a study becomes a formula of a spreadsheet; numbers stay numbers.
func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "-1.5e-3": "-1.5e-3", "+2": "+2", "-Inf": "-Inf",
		"=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "+cmd|x": "'+cmd|x", "-2+3": "'-2+3", "\t=1": "'\t=1", "\r=1": "'\r=1", "-1;2": "'-1;2",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}
