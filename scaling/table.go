package scaling

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// WriteTable writes a study as a table of text for a console, to at most 4 digits.
func WriteTable(w io.Writer, s *Summary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s: %s, %s\n", s.Study.Title, s.Study.Kind, s.Study.Config)
	fmt.Fprintln(t, "ranks\tseconds\t95 % interval\tspeed-up\tefficiency\titerations\tindependent runs\tload balance\tcommunication\tcomputation\tMB sent\tmessages\truns\t\t")
	for i := range s.Serial {
		row := &s.Serial[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\t%s\t\t\t\t\t\t\t%d\t%s\t\n", row.Name, fixed(row.Median, 4), bounds(row), fixed(row.SpeedUp, 3), exactNonZero(float64(row.Iterations)), row.Runs, remark(row))
	}
	for i := range s.Rows {
		row := &s.Rows[i]
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.4g\t%d\t%d\t%s\t\n", row.Ranks, fixed(row.Median, 4), bounds(row), fixed(row.SpeedUp, 3), fixed(row.Efficiency, 3), exactNonZero(float64(row.Iterations)),
			fixed(row.IndependentEfficiency, 3), fixed(row.LoadBalance, 3), fixed(row.CommunicationEfficiency, 3), fixed(row.ComputationScaling, 3), float64(row.Bytes)/1e6, row.Messages, row.Runs, remark(row))
	}
	for _, p := range s.Projected {
		fmt.Fprintf(t, "%d\t%s\t\t%s\t%s\t\t\t\t\t\t\t\t\tmodelled, %s\t\n", p.Ranks, fixed(p.Seconds, 4), fixed(p.SpeedUp, 3), fixed(p.Efficiency, 3), p.Link)
	}
	return t.Flush()
}

// remark says why a row has no time, or what limits its meaning.
func remark(row *Row) string {
	switch {
	case row.Runs == 0 && row.Failed > 0:
		return "failed"
	case row.Runs == 0:
		return "not run"
	case row.Oversubscribed:
		return "oversubscribed"
	}
	return ""
}

func bounds(row *Row) string {
	if math.IsNaN(row.Low) {
		return "-"
	}
	return fixed(row.Low, 4) + " to " + fixed(row.High, 4)
}

// fixed is a number to a number of significant digits; "-" = not known.
func fixed(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.*g", digits, v)
}
