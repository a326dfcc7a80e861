package scaling

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// table is a table as both report.md and report.html show it.
type table struct {
	ID, Title string
	Head      []head
	Rows      []tableRow
	Notes     []string
}

type head struct {
	Name string
	Text bool // words, aligned left; false = numbers
}

type tableRow struct {
	Cells    []string
	Over     bool // more ranks than cores
	Modelled bool // not measured
}

// column is a column of a table of rows.
type column struct {
	name string
	text bool
	cell func(*Row) string
}

// mark is shown beside numbers of ranks that are larger than the number of cores.
const mark = "○"

func ranksCell(r *Row) string {
	if r.Oversubscribed {
		return strconv.Itoa(r.Ranks) + " " + mark
	}
	return strconv.Itoa(r.Ranks)
}

// tableOf is a table with a line for each row and the columns that are known in some row.
func (s *Summary) tableOf(id, title string, rows []Row, columns []column, notes ...string) table {
	t := table{ID: id, Title: title}
	for i := range rows {
		t.Rows = append(t.Rows, tableRow{Over: rows[i].Oversubscribed})
	}
	for _, c := range columns {
		cells, says := make([]string, len(rows)), false
		for i := range rows {
			if cells[i] = c.cell(&rows[i]); cells[i] == "" {
				cells[i] = unknown
			}
			says = says || cells[i] != unknown
		}
		if !says {
			continue
		}
		t.Head = append(t.Head, head{c.name, c.text})
		for i := range rows {
			t.Rows[i].Cells = append(t.Rows[i].Cells, cells[i])
		}
	}
	if cores, ranks := s.oversubscribed(); ranks > 0 && slices.ContainsFunc(t.Rows, func(r tableRow) bool { return r.Over }) {
		t.Notes = append(t.Notes, fmt.Sprintf("%s oversubscribed: more ranks than the %s. The times do not predict the times on as many cores as ranks.", mark, count(cores, "core", "cores")))
	}
	for _, n := range notes {
		if n != "" {
			t.Notes = append(t.Notes, n)
		}
	}
	return t
}

// tables are the tables of a study.
func (s *Summary) tables() []table {
	var tables []table
	for _, t := range []table{s.baseTable(), s.timeTable(), s.factorTable(), s.phaseTable(), s.trafficTable(), s.loadTable(), s.paperTable(), s.modelTable(), s.runTable()} {
		if len(t.Rows) > 0 && len(t.Head) > 1 {
			tables = append(tables, t)
		}
		if t.ID == "paper" {
			for i, p := range s.Published {
				tables = append(tables, publishedTable(i, p))
			}
		}
	}
	return tables
}

var (
	ranksColumn = column{"ranks", false, ranksCell}
	medianCell  = func(r *Row) string { m, _ := within(r.Median, r.Low, r.High); return m }
	boundsCell  = func(r *Row) string { _, i := within(r.Median, r.Low, r.High); return i }
)

// digits is a cell of three digits.
func digits(of func(*Row) float64) func(*Row) string {
	return func(r *Row) string { return significant(of(r), 3) }
}

// hundredths is a cell of a fraction in per cent.
func hundredths(of func(*Row) float64) func(*Row) string {
	return func(r *Row) string { return percent(of(r)) }
}

// baseTable has the absolute times to which the speed-ups refer.
func (s *Summary) baseTable() table {
	var rows []Row
	best := s.bestSerial()
	for i := range s.Serial {
		r := s.Serial[i]
		if best == &s.Serial[i] {
			r.Name += " (fastest serial solver)"
		}
		rows = append(rows, r)
	}
	if len(s.Rows) > 0 {
		r := s.Rows[0]
		r.Name = "same method on " + count(r.Ranks, "rank", "ranks")
		rows = append(rows, r)
	}
	note := ""
	if len(s.Serial) == 0 {
		note = "No other serial solver was measured: speed-ups compare the method with itself."
	}
	return s.tableOf("base", "Base times", rows, []column{
		{"solver", true, func(r *Row) string { return r.Name }},
		{"size", true, func(r *Row) string { return r.Size }},
		ranksColumn,
		{"median, s", false, medianCell},
		{"95 % interval, s", false, boundsCell},
		{"whole run, s", false, digits(func(r *Row) float64 { return r.Total })},
		{"iterations", false, func(r *Row) string { return exactNonZero(float64(r.Iterations)) }},
		{"runs", false, func(r *Row) string { return strconv.Itoa(r.Runs) }},
	}, note)
}

// controlNote explains the columns of the independent runs where there are some.
func (s *Summary) controlNote() string {
	if !slices.ContainsFunc(s.Rows, func(r Row) bool { return known(r.IndependentEfficiency) }) {
		return ""
	}
	return "Independent runs: efficiency of as many runs of one rank at the same time, which do not communicate. Relative to them: efficiency / efficiency of the independent runs."
}

func (s *Summary) timeTable() table {
	return s.tableOf("time", "Time, speed-up and efficiency", s.Rows, []column{
		ranksColumn,
		{"size", true, func(r *Row) string { return r.Size }},
		{"median, s", false, medianCell},
		{"95 % interval, s", false, boundsCell},
		{"speed-up", false, func(r *Row) string { v, _ := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh); return v }},
		{"its 95 % interval", false, func(r *Row) string { _, v := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh); return v }},
		{"efficiency, %", false, (*Row).efficiencySaid},
		{"iteration efficiency, %", false, hundredths(func(r *Row) float64 { return r.IterationEfficiency })},
		{"efficiency per iteration, %", false, hundredths(func(r *Row) float64 { return r.PerIterationEfficiency })},
		{"independent runs, %", false, hundredths(func(r *Row) float64 { return r.IndependentEfficiency })},
		{"relative to them, %", false, hundredths(func(r *Row) float64 { return r.RelativeToIndependent })},
		{"iterations", false, func(r *Row) string { return exactNonZero(float64(r.Iterations)) }},
	}, "Medians of the timed part; the interval contains the median with 95 % probability. Efficiency = iteration efficiency x efficiency per iteration.", s.controlNote())
}

func (s *Summary) factorTable() table {
	return s.tableOf("factors", "POP factors of the efficiency, %", s.Rows, []column{
		ranksColumn,
		{"load balance", false, hundredths(func(r *Row) float64 { return r.LoadBalance })},
		{"communication efficiency", false, hundredths(func(r *Row) float64 { return r.CommunicationEfficiency })},
		{"parallel efficiency", false, hundredths(func(r *Row) float64 { return r.ParallelEfficiency })},
		{"computation scaling", false, hundredths(func(r *Row) float64 { return r.ComputationScaling })},
		{"global efficiency", false, hundredths(func(r *Row) float64 { return r.GlobalEfficiency })},
		{"computing time from", true, factorsFrom},
	}, "Parallel efficiency = load balance x communication efficiency; global efficiency = parallel efficiency x computation scaling.")
}

func (s *Summary) phaseTable() table {
	columns := []column{ranksColumn}
	for _, name := range phaseNames(s.Rows) {
		columns = append(columns, column{name, false, digits(func(r *Row) float64 { return r.phase(name) })})
	}
	if len(columns) == 1 {
		return table{ID: "phases"}
	}
	columns = append(columns, column{"whole run", false, digits(func(r *Row) float64 { return r.Total })})
	return s.tableOf("phases", "Time by phase, s (medians)", s.Rows, columns)
}

func (s *Summary) trafficTable() table {
	return s.tableOf("traffic", "Traffic and memory", s.Rows, []column{
		ranksColumn,
		{"messages", false, func(r *Row) string { return whole(r.Messages) }},
		{"sent, MB", false, digits(func(r *Row) float64 { return 1e-6 * float64(r.Bytes) })},
		{"communication / wall time, %", false, hundredths(func(r *Row) float64 { return r.CommunicationShare })},
		{"exchange / computing time, %", false, hundredths(func(r *Row) float64 { return r.ExchangeOverCompute })},
		{"halo / owned elements, %", false, hundredths(func(r *Row) float64 { return r.HaloOverOwned })},
		{"peak memory of a process, MB", false, digits(func(r *Row) float64 { return r.MemoryMB })},
	}, "Messages and MB sent are sums over the ranks in one run. Communication is the time in all communication calls with waiting, exchange that in exchanges with neighbours.")
}

func (s *Summary) loadTable() table {
	return s.tableOf("load", "Load of the ranks: maximum over mean", s.Rows, []column{
		ranksColumn,
		{"elements before load balancing", false, digits(func(r *Row) float64 { return imbalance(r.Before) })},
		{"elements after", false, digits(func(r *Row) float64 { return imbalance(r.Owned) })},
		{"computing time", false, digits(func(r *Row) float64 { return imbalance(r.Compute) })},
	}, "1 = all ranks have the same load.")
}

// paperTable has the columns of D'Amore's tables, and the check that her scale-up is the
// efficiency times T(p)/T_loc.
func (s *Summary) paperTable() table {
	if !slices.ContainsFunc(s.Rows, func(r Row) bool { return known(r.ScaleUp) && r.ScaleUp != 0 }) {
		return table{ID: "paper"}
	}
	return s.tableOf("paper", "Measured values in the columns of D'Amore", s.Rows, []column{
		{"p", false, ranksCell},
		{"N", false, func(r *Row) string {
			if r.N == 0 {
				return unknown
			}
			return whole(int64(math.Round(r.N)))
		}},
		{"S/V", false, digits(func(r *Row) float64 { return r.HaloOverOwned })},
		{"T_loc, s", false, digits(func(r *Row) float64 { return r.TLoc })},
		{"T(p), s", false, medianCell},
		{"S_p", false, digits(func(r *Row) float64 { return r.SpeedUp })},
		{"Sc_p", false, digits(func(r *Row) float64 { return r.ScaleUp })},
		{"E T(p)/T_loc", false, digits(func(r *Row) float64 { return r.Efficiency * r.Median / r.TLoc })},
		{"relative difference", false, func(r *Row) string { return significant(r.IdentityError, 2) }},
	}, "N = unknowns; S/V = halo elements / owned elements; T_loc = largest computing time of a rank in one iteration. Sc_p = T(1)/(p T_loc) equals E T(p)/T_loc by definition, so a large value says that the method needs many iterations, not that it scales well.")
}

func publishedTable(i int, p Published) table {
	t := table{ID: fmt.Sprintf("published-%d", i+1), Title: "For comparison: " + p.Source, Notes: []string{p.Remark}}
	for _, c := range p.Columns {
		t.Head = append(t.Head, head{Name: c})
	}
	for _, r := range p.Rows {
		t.Rows = append(t.Rows, tableRow{Cells: r})
	}
	return t
}

// modelTable has the model beside the measurement, then the projections.
func (s *Summary) modelTable() table {
	t := table{ID: "model", Title: "Modelled times: a core for every rank", Head: []head{{"ranks", false}, {"", true}, {"link", true},
		{"modelled, s", false}, {"measured, s", false}, {"modelled / measured", false}, {"computing, s", false}, {"communication, s", false},
		{"speed-up", false}, {"efficiency, %", false}, {"computed from", true}}}
	var links []string
	link := func(l Link) string {
		if !slices.Contains(links, l.said()) {
			links = append(links, l.said())
		}
		return l.Name
	}
	for i := range s.Rows {
		r := &s.Rows[i]
		if !known(r.Modelled) || r.Modelled == 0 {
			continue
		}
		t.Rows = append(t.Rows, tableRow{Over: r.Oversubscribed, Cells: []string{ranksCell(r), "modelled and measured", link(s.Study.Link),
			significant(r.Modelled, 3), medianCell(r), significant(r.ModelledOverMeasured, 3), unknown, significant(r.ModelledCommunication, 3), unknown, unknown, "the runs of this row"}})
	}
	for _, p := range s.Projected {
		t.Rows = append(t.Rows, tableRow{Modelled: true, Cells: []string{strconv.Itoa(p.Ranks), "modelled", link(p.Link),
			significant(p.Seconds, 3), unknown, unknown, significant(p.Compute, 3), significant(p.Communication, 3),
			significant(p.SpeedUp, 3), percent(p.Efficiency), p.From}})
	}
	if len(t.Rows) == 0 {
		return t
	}
	if cores, ranks := s.oversubscribed(); ranks > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%s measured with oversubscription, more ranks than the %s.", mark, count(cores, "core", "cores")))
	}
	t.Notes = append(t.Notes, "Links: "+strings.Join(links, "; ")+".",
		"Modelled time: the largest sum over the ranks of processor time and of the link's time for the rank's messages and bytes. It leaves out shared caches, shared memory bandwidth and waiting within an iteration: a lower bound.")
	return t
}

func (s *Summary) runTable() table {
	return s.tableOf("runs", "Runs of each number of ranks", s.Rows, []column{
		ranksColumn,
		{"runs", false, func(r *Row) string { return strconv.Itoa(r.Runs) }},
		{"failed or wrong", false, func(r *Row) string { return strconv.Itoa(r.Failed) }},
		{"stopped by", true, func(r *Row) string { return r.Stopped }},
		{"largest difference from the reference", false, func(r *Row) string { return significant(r.Difference, 2) }},
		{"largest load average", false, digits(func(r *Row) float64 { return r.LargestLoad })},
		{"first run", true, func(r *Row) string { return moment(r.FirstRun) }},
	}, fmt.Sprintf("Stopped by: interval = the median is known well enough, most = the largest number of runs, budget = the time of the study. Differences are relative, in the 2-norm; up to %s is allowed. Load average: processes that run or wait for a core, mean of the minute before a run.", exact(s.Study.withDefaults().Tolerance)))
}
