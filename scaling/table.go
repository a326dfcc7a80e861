package scaling

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// WriteTable writes a study as text for a console of 100 columns, to at most 4 digits.
func WriteTable(w io.Writer, s *Summary) error {
	fmt.Fprintf(w, "%s: %s, %s\n", s.Study.Title, s.Study.Kind, s.Study.Config)
	if says := s.busySentence(); says != "" {
		fmt.Fprintln(w, says)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "ranks\tseconds\t95 % interval\tspeed-up\tefficiency\titer.\tindep.\tbalance\tcomm.\tcomp.\truns\t")
	for i := range s.Rows {
		row := &s.Rows[i]
		mark := ""
		if row.Oversubscribed {
			mark = "*"
		}
		fmt.Fprintf(t, "%d%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", row.Ranks, mark, fixed(row.Median, 4), bounds(row), fixed(row.SpeedUp, 3), fixed(row.Efficiency, 3), exactNonZero(float64(row.Iterations)),
			fixed(row.IndependentEfficiency, 3), fixed(row.LoadBalance, 3), fixed(row.CommunicationEfficiency, 3), fixed(row.ComputationScaling, 3), runsSaid(row))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range s.Serial {
		row := &s.Serial[i]
		if known(row.Median) {
			fmt.Fprintf(w, "serial, %s: %s s\n", row.Name, fixed(row.Median, 4))
		} else {
			fmt.Fprintf(w, "serial, %s: %s\n", row.Name, runsSaid(row))
		}
	}
	for _, p := range s.Projected {
		fmt.Fprintf(w, "modelled, %s, %d ranks: %s s, efficiency %s\n", p.Link, p.Ranks, fixed(p.Seconds, 4), fixed(p.Efficiency, 3))
	}
	for i := range s.Rows {
		if s.Rows[i].Oversubscribed {
			fmt.Fprintln(w, "* more ranks than cores: the times do not predict those on as many cores as ranks")
			break
		}
	}
	for i := range s.Rows {
		if row := &s.Rows[i]; row.Efficiency > 1.005 || row.ComputationScaling > 1.005 {
			_, err := fmt.Fprintln(w, "above 1: the part of a rank fits better into its core's caches, or chance (see the interval)")
			return err
		}
	}
	return nil
}

// runsSaid is how many runs of a row count, or why none does.
func runsSaid(row *Row) string {
	switch {
	case row.Runs > 0:
		return fmt.Sprint(row.Runs)
	case row.Failed > 0:
		return "failed"
	}
	return "none"
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
