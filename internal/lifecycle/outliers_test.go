package lifecycle

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The row about outliers has one sentence for one value and for several, and none where nothing was found.
func TestOutlierRow(t *testing.T) {
	for _, c := range []struct {
		found *Outliers
		want  string
	}{
		{nil, ""},
		{&Outliers{Missing: 1, Key: "image.outliers"}, "1 taken as missing"},
		{&Outliers{Reported: 1, Key: "image.outliers"}, `1 stands alone and was taken as data: image.outliers = "missing" leaves it out`},
		{&Outliers{Missing: 2, Reported: 3, Key: "stack.outliers"}, `2 taken as missing; 3 stand alone and were taken as data: stack.outliers = "missing" leaves them out`},
	} {
		var b bytes.Buffer
		table := NewTable(&b)
		c.found.Row(table)
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(strings.TrimPrefix(b.String(), "outliers")); got != c.want {
			t.Errorf("%+v: %q, want %q", c.found, got, c.want)
		}
	}
}

// What two searches have found is added up; the line of -json has the counts, and no more of them.
func TestOutlierCounts(t *testing.T) {
	var none *Outliers
	one := &Outliers{Missing: 1, Key: "image.outliers", Whole: "every observed value of channel 1 is -9999"}
	if none.Plus(nil) != nil || none.Plus(one) != one || one.Plus(nil) != one {
		t.Error("nothing and something")
	}
	sum := (&Outliers{Missing: 4, Reported: 2, Key: "image.outliers"}).Plus(one)
	if sum.Missing != 5 || sum.Reported != 2 || sum.Whole != one.Whole {
		t.Errorf("%+v", sum)
	}
	for found, want := range map[*Outliers]string{sum: `"outliers":{"missing":5,"reported":2}`, nil: ""} {
		line, err := json.Marshal((&Record{Outliers: found}).summary("out"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(line), `"outliers"`); got != (want != "") || !strings.Contains(string(line), want) {
			t.Errorf("%s, want %s", line, want)
		}
	}
}
