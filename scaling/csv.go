package scaling

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// line is a line of summary.csv: a row or a projection; the other one is nil.
type line struct {
	report  *Report
	summary *Summary
	kind    string // measured, serial or projected
	*Row
	projected *Projection
}

// field is a column of summary.csv.
type field struct {
	name string
	of   func(line) string
}

// csvFields are the columns before those of the phases.
var csvFields = slices.Concat(
	[]field{
		{"study", func(l line) string { return l.summary.Study.Title }},
		{"study_kind", func(l line) string { return string(l.summary.Study.Kind) }},
		{"job", func(l line) string { return l.summary.Study.Job }},
		{"config", func(l line) string { return l.summary.Study.Config }},
		{"kind", func(l line) string { return l.kind }},
		{"cores", func(l line) string { return strconv.Itoa(l.summary.Study.Cores) }},
		{"name", ofRow(func(r *Row) string { return r.Name })},
		{"ranks", func(l line) string { return strconv.Itoa(l.ranks()) }},
		{"size", ofRow(func(r *Row) string { return r.Size })},
		{"settings", ofRow(func(r *Row) string { return strings.Join(r.Sets, " ") })},
		{"unknowns", ofRow(func(r *Row) string { return exactNonZero(r.N) })},
		{"oversubscribed", ofRow(func(r *Row) string { return strconv.FormatBool(r.Oversubscribed) })},
		{"runs", ofRow(func(r *Row) string { return strconv.Itoa(r.Runs) })},
		{"failed", ofRow(func(r *Row) string { return strconv.Itoa(r.Failed) })},
		{"stopped", ofRow(func(r *Row) string { return r.Stopped })},
		{"iterations", ofRow(func(r *Row) string { return exactNonZero(float64(r.Iterations)) })},
		{"messages", ofRow(func(r *Row) string { return strconv.FormatInt(r.Messages, 10) })},
		{"sent_bytes", ofRow(func(r *Row) string { return strconv.FormatInt(r.Bytes, 10) })},
		{"factors_from", ofRow(factorsFrom)},
		{"first_run", ofRow(func(r *Row) string { return moment(r.FirstRun) })},
		{"compute_by_rank_s", ofRow(func(r *Row) string { return list(r.Compute) })},
		{"owned_by_rank", ofRow(func(r *Row) string { return list(r.Owned) })},
		{"owned_before_by_rank", ofRow(func(r *Row) string { return list(r.Before) })},
	},
	numbers(
		"work", func(r *Row) float64 { return r.Work },
		"median_s", func(r *Row) float64 { return r.Median },
		"low_s", func(r *Row) float64 { return r.Low },
		"high_s", func(r *Row) float64 { return r.High },
		"total_s", func(r *Row) float64 { return r.Total },
		"speed_up_low", func(r *Row) float64 { return r.SpeedUpLow },
		"speed_up_high", func(r *Row) float64 { return r.SpeedUpHigh },
		"efficiency_low", func(r *Row) float64 { low, _ := r.efficiencyBounds(); return low },
		"efficiency_high", func(r *Row) float64 { _, high := r.efficiencyBounds(); return high },
		"efficiency_iterations", func(r *Row) float64 { return r.IterationEfficiency },
		"efficiency_per_iteration", func(r *Row) float64 { return r.PerIterationEfficiency },
		"load_balance", func(r *Row) float64 { return r.LoadBalance },
		"communication_efficiency", func(r *Row) float64 { return r.CommunicationEfficiency },
		"parallel_efficiency", func(r *Row) float64 { return r.ParallelEfficiency },
		"computation_scaling", func(r *Row) float64 { return r.ComputationScaling },
		"global_efficiency", func(r *Row) float64 { return r.GlobalEfficiency },
		"independent_efficiency", func(r *Row) float64 { return r.IndependentEfficiency },
		"relative_to_independent", func(r *Row) float64 { return r.RelativeToIndependent },
		"communication_share", func(r *Row) float64 { return r.CommunicationShare },
		"exchange_over_compute", func(r *Row) float64 { return r.ExchangeOverCompute },
		"halo_over_owned", func(r *Row) float64 { return r.HaloOverOwned },
		"memory_mb", func(r *Row) float64 { return r.MemoryMB },
		"t_loc_s", func(r *Row) float64 { return r.TLoc },
		"scale_up", func(r *Row) float64 { return r.ScaleUp },
		"scale_up_from_efficiency", func(r *Row) float64 { return r.Efficiency * r.Median / r.TLoc },
		"identity_error", func(r *Row) float64 { return r.IdentityError },
		"difference", func(r *Row) float64 { return r.Difference },
		"largest_load", func(r *Row) float64 { return r.LargestLoad },
		"owned_before_max_over_mean", func(r *Row) float64 { return imbalance(r.Before) },
		"owned_max_over_mean", func(r *Row) float64 { return imbalance(r.Owned) },
		"compute_max_over_mean", func(r *Row) float64 { return imbalance(r.Compute) },
		"modelled_over_measured", func(r *Row) float64 { return r.ModelledOverMeasured },
	),
	[]field{
		{"speed_up", both(func(r *Row) float64 { return r.SpeedUp }, func(p *Projection) float64 { return p.SpeedUp })},
		{"efficiency", both(func(r *Row) float64 { return r.Efficiency }, func(p *Projection) float64 { return p.Efficiency })},
		{"modelled_s", both(func(r *Row) float64 { return r.Modelled }, func(p *Projection) float64 { return p.Seconds })},
		{"modelled_communication_s", both(func(r *Row) float64 { return r.ModelledCommunication }, func(p *Projection) float64 { return p.Communication })},
		{"modelled_compute_s", ofProjection(func(p *Projection) string { return exact(p.Compute) })},
		{"modelled_from", ofProjection(func(p *Projection) string { return p.From })},
		{"ideal_s", func(l line) string {
			if l.kind != "measured" {
				return ""
			}
			return exact(l.summary.idealSeconds(l.Row))
		}},
		{"link", func(l line) string { return l.link().Name }},
		{"link_latency_s", func(l line) string { return exact(l.link().Latency) }},
		{"link_bandwidth_bytes_per_s", func(l line) string { return exact(l.link().Bandwidth) }},
		{"study_began", func(l line) string { return moment(l.summary.Began) }},
		{"study_s", func(l line) string { return exact(l.summary.Seconds) }},
		{"study_failed_or_wrong", func(l line) string { return strconv.Itoa(l.summary.Wrong) }},
		{"study_largest_load", func(l line) string { return exact(l.summary.LargestLoad) }},
		{"host_cores", func(l line) string { return strconv.Itoa(l.report.Environment.Cores) }},
		{"host_memory_gb", func(l line) string { return exact(l.report.Environment.MemoryGB) }},
	},
)

// WriteCSV writes every number of a report at full precision: a line for each row of each
// study, measured, serial or projected. A number that is not known is an empty field.
// Semicolons separate the values of lists by rank. A text that a spreadsheet would take for
// a formula begins with an apostrophe. The order of the columns may change; their names are
// the interface.
func WriteCSV(w io.Writer, r *Report) error {
	var names []string // of phases, over all studies
	var lines []line
	for i := range r.Studies {
		s := &r.Studies[i]
		for j := range s.Rows {
			lines = append(lines, line{r, s, "measured", &s.Rows[j], nil})
		}
		for j := range s.Serial {
			lines = append(lines, line{r, s, "serial", &s.Serial[j], nil})
		}
		for j := range s.Projected {
			lines = append(lines, line{r, s, "projected", nil, &s.Projected[j]})
		}
		for _, name := range phaseNames(slices.Concat(s.Rows, s.Serial)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	fields := slices.Clone(csvFields)
	for _, name := range names {
		fields = append(fields, field{"phase_" + strings.ReplaceAll(name, " ", "_") + "_s",
			ofRow(func(r *Row) string { return exact(r.phase(name)) })})
	}
	out := csv.NewWriter(w)
	record := make([]string, len(fields))
	for i, f := range fields {
		record[i] = f.name
	}
	out.Write(record)
	for _, l := range lines {
		for i, f := range fields {
			record[i] = cell(f.of(l))
		}
		out.Write(record)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("scaling: summary.csv: %w", err)
	}
	return nil
}

// cell is the text of a field that no spreadsheet takes for a formula.
func cell(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

func (l line) ranks() int {
	if l.projected != nil {
		return l.projected.Ranks
	}
	return l.Row.Ranks
}

func (l line) link() Link {
	if l.projected != nil {
		return l.projected.Link
	}
	return l.summary.Study.Link
}

func ofRow(of func(*Row) string) func(line) string {
	return func(l line) string {
		if l.Row == nil {
			return ""
		}
		return of(l.Row)
	}
}

func ofProjection(of func(*Projection) string) func(line) string {
	return func(l line) string {
		if l.projected == nil {
			return ""
		}
		return of(l.projected)
	}
}

func both(row func(*Row) float64, projection func(*Projection) float64) func(line) string {
	return func(l line) string {
		if l.projected != nil {
			return exact(projection(l.projected))
		}
		return exact(row(l.Row))
	}
}

// numbers are columns of rows, from pairs of a name and a func(*Row) float64.
func numbers(pairs ...any) []field {
	var fields []field
	for i := 0; i < len(pairs); i += 2 {
		of := pairs[i+1].(func(*Row) float64)
		fields = append(fields, field{pairs[i].(string), ofRow(func(r *Row) string { return exact(of(r)) })})
	}
	return fields
}

func exactNonZero(v float64) string {
	if v == 0 {
		return ""
	}
	return exact(v)
}

func list(v []float64) string {
	s := make([]string, len(v))
	for i := range v {
		s[i] = exact(v[i])
	}
	return strings.Join(s, ";")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func factorsFrom(r *Row) string {
	if r.FromCPU {
		return "processor time"
	}
	return "wall time"
}

// phaseNames are the phases of rows in order of first appearance.
func phaseNames(rows []Row) []string {
	var names []string
	for i := range rows {
		for _, p := range rows[i].Phases {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

// phase is the time of a phase; NaN = the runs have no phase of that name.
func (r *Row) phase(name string) float64 {
	for _, p := range r.Phases {
		if p.Name == name {
			return p.Seconds
		}
	}
	return nan
}
