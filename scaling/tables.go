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
	Text bool // words, not numbers
}

type tableRow struct {
	Cells    []string
	Turns    bool // more ranks than cores
	Modelled bool // not measured
}

// column makes one cell a row.
type column struct {
	name string
	text bool
	cell func(*Row) string
}

// mark stands beside numbers of ranks that are more than the cores.
const mark = "○"

func ranksCell(r *Row) string {
	if r.Oversubscribed {
		return strconv.Itoa(r.Ranks) + " " + mark
	}
	return strconv.Itoa(r.Ranks)
}

// tableOf has a line a row and those columns that say something.
func (s *Summary) tableOf(id, title string, rows []Row, columns []column, notes ...string) table {
	t := table{ID: id, Title: title}
	for i := range rows {
		t.Rows = append(t.Rows, tableRow{Turns: rows[i].Oversubscribed})
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
	if cores, ranks := s.turns(); ranks > 0 && slices.ContainsFunc(t.Rows, func(r tableRow) bool { return r.Turns }) {
		t.Notes = append(t.Notes, fmt.Sprintf("%s more ranks than the %s: they take turns, and their times say nothing about as many cores.", mark, count(cores, "core", "cores")))
	}
	for _, n := range notes {
		if n != "" {
			t.Notes = append(t.Notes, n)
		}
	}
	return t
}

// tables are those of a study.
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

// cell of three digits and of a fraction in per cent.
func digits(of func(*Row) float64) func(*Row) string {
	return func(r *Row) string { return significant(of(r), 3) }
}

func hundredths(of func(*Row) float64) func(*Row) string {
	return func(r *Row) string { return percent(of(r)) }
}

// baseTable has the absolute times that speed-ups are of.
func (s *Summary) baseTable() table {
	var rows []Row
	best := s.bestSerial()
	for i := range s.Serial {
		r := s.Serial[i]
		if best == &s.Serial[i] {
			r.Name += " (best serial solver)"
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
		note = "No other serial solver was measured: speed-ups are of the method with itself."
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

// controlNote explains the columns of the machine where they are there.
func (s *Summary) controlNote() string {
	if !slices.ContainsFunc(s.Rows, func(r Row) bool { return known(r.Control) }) {
		return ""
	}
	return "Machine: the efficiency of as many runs of one rank at the same time, which share nothing but the machine; of the machine: the efficiency as a part of that."
}

func (s *Summary) timeTable() table {
	return s.tableOf("time", "Time, speed-up and efficiency", s.Rows, []column{
		ranksColumn,
		{"size", true, func(r *Row) string { return r.Size }},
		{"median, s", false, medianCell},
		{"95 % interval, s", false, boundsCell},
		{"speed-up", false, func(r *Row) string { v, _ := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh); return v }},
		{"its interval", false, func(r *Row) string { _, v := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh); return v }},
		{"efficiency, %", false, (*Row).efficiencySaid},
		{"of iterations, %", false, hundredths(func(r *Row) float64 { return r.OfIterations })},
		{"per iteration, %", false, hundredths(func(r *Row) float64 { return r.PerIteration })},
		{"machine, %", false, hundredths(func(r *Row) float64 { return r.Control })},
		{"of the machine, %", false, hundredths(func(r *Row) float64 { return r.OfMachine })},
		{"iterations", false, func(r *Row) string { return exactNonZero(float64(r.Iterations)) }},
	}, "Medians of the part that is studied, with the interval that contains the median with 95 % probability; efficiency = of iterations x per iteration.", s.controlNote())
}

func (s *Summary) factorTable() table {
	return s.tableOf("factors", "Where the efficiency goes: POP factors, %", s.Rows, []column{
		ranksColumn,
		{"load balance", false, hundredths(func(r *Row) float64 { return r.LoadBalance })},
		{"communication", false, hundredths(func(r *Row) float64 { return r.Communication })},
		{"parallel", false, hundredths(func(r *Row) float64 { return r.Parallel })},
		{"computation", false, hundredths(func(r *Row) float64 { return r.Computation })},
		{"global", false, hundredths(func(r *Row) float64 { return r.Global })},
		{"from", true, factorsFrom},
	}, "Parallel = load balance x communication; global = parallel x computation scaling.")
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
	return s.tableOf("phases", "Seconds by phase", s.Rows, columns)
}

func (s *Summary) trafficTable() table {
	return s.tableOf("traffic", "Traffic and memory", s.Rows, []column{
		ranksColumn,
		{"messages", false, func(r *Row) string { return whole(r.Messages) }},
		{"sent, MB", false, digits(func(r *Row) float64 { return 1e-6 * float64(r.Bytes) })},
		{"wait share, %", false, hundredths(func(r *Row) float64 { return r.WaitShare })},
		{"exchange / compute, %", false, hundredths(func(r *Row) float64 { return r.HaloShare })},
		{"halo / owned, %", false, hundredths(func(r *Row) float64 { return r.SurfaceVolume })},
		{"peak memory a rank, MB", false, digits(func(r *Row) float64 { return r.MemoryMB })},
	}, "Messages and bytes are those of all ranks in one run.")
}

func (s *Summary) loadTable() table {
	return s.tableOf("load", "Load of the ranks: largest over mean", s.Rows, []column{
		ranksColumn,
		{"owned before balancing", false, digits(func(r *Row) float64 { return imbalance(r.Before) })},
		{"owned after", false, digits(func(r *Row) float64 { return imbalance(r.Owned) })},
		{"computing", false, digits(func(r *Row) float64 { return imbalance(r.Compute) })},
	}, "1 = every rank has as much as the others.")
}

// paperTable has the columns of D'Amore, and the check that their scale-up is
// the efficiency times T(p)/T_loc.
func (s *Summary) paperTable() table {
	if !slices.ContainsFunc(s.Rows, func(r Row) bool { return known(r.ScaleUp) && r.ScaleUp != 0 }) {
		return table{ID: "paper"}
	}
	return s.tableOf("paper", "Measured, in the columns of D'Amore", s.Rows, []column{
		{"p", false, ranksCell},
		{"N", false, func(r *Row) string {
			if r.N == 0 {
				return unknown
			}
			return whole(int64(math.Round(r.N)))
		}},
		{"S/V", false, digits(func(r *Row) float64 { return r.SurfaceVolume })},
		{"T_loc, s", false, digits(func(r *Row) float64 { return r.TLoc })},
		{"T(p), s", false, medianCell},
		{"S_p", false, digits(func(r *Row) float64 { return r.SpeedUp })},
		{"Sc_p", false, digits(func(r *Row) float64 { return r.ScaleUp })},
		{"E T(p)/T_loc", false, digits(func(r *Row) float64 { return r.Efficiency * r.Median / r.TLoc })},
		{"relative difference", false, func(r *Row) string { return significant(r.IdentityError, 2) }},
	}, "S/V = halo / owned. Sc_p = T(1)/(p T_loc) is E T(p)/T_loc whatever is measured: a large value says that many iterations are needed, not that the machine scales.")
}

func publishedTable(i int, p Published) table {
	t := table{ID: fmt.Sprintf("published-%d", i+1), Title: "To compare: " + p.Source, Notes: []string{p.Remark}}
	for _, c := range p.Columns {
		t.Head = append(t.Head, head{Name: c})
	}
	for _, r := range p.Rows {
		t.Rows = append(t.Rows, tableRow{Cells: r})
	}
	return t
}

// modelTable has the model beside the measurement, then what was not measured.
func (s *Summary) modelTable() table {
	t := table{ID: "model", Title: "Modelled: as many cores as ranks", Head: []head{{"ranks", false}, {"", true}, {"link", true},
		{"modelled, s", false}, {"measured, s", false}, {"modelled / measured", false}, {"computing, s", false}, {"talking, s", false},
		{"speed-up", false}, {"efficiency, %", false}, {"made from", true}}}
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
		t.Rows = append(t.Rows, tableRow{Turns: r.Oversubscribed, Cells: []string{ranksCell(r), "modelled and measured", link(s.Study.Link),
			significant(r.Modelled, 3), medianCell(r), significant(r.ModelOverReal, 3), unknown, significant(r.Communications, 3), unknown, unknown, "its own runs"}})
	}
	for _, p := range s.Projected {
		t.Rows = append(t.Rows, tableRow{Modelled: true, Cells: []string{strconv.Itoa(p.Ranks), "modelled", link(p.Link),
			significant(p.Seconds, 3), unknown, unknown, significant(p.Compute, 3), significant(p.Talk, 3),
			significant(p.SpeedUp, 3), percent(p.Efficiency), p.From}})
	}
	if len(t.Rows) == 0 {
		return t
	}
	if cores, ranks := s.turns(); ranks > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%s measured with more ranks than the %s.", mark, count(cores, "core", "cores")))
	}
	t.Notes = append(t.Notes, "Links: "+strings.Join(links, "; ")+".",
		"The slowest rank's processor time and what the link takes for its traffic; nothing of caches, of memory that cores share, nor of waiting within an iteration: a bound from below.")
	return t
}

func (s *Summary) runTable() table {
	return s.tableOf("runs", "Runs", s.Rows, []column{
		ranksColumn,
		{"runs", false, func(r *Row) string { return strconv.Itoa(r.Runs) }},
		{"failed or wrong", false, func(r *Row) string { return strconv.Itoa(r.Failed) }},
		{"no more because of", true, func(r *Row) string { return r.Stopped }},
		{"largest difference of an answer", false, func(r *Row) string { return significant(r.Difference, 2) }},
		{"largest load of the machine", false, digits(func(r *Row) float64 { return r.LargestLoad })},
		{"first run", true, func(r *Row) string { return moment(r.FirstRun) }},
	}, fmt.Sprintf("Load: processes that ran or waited for a core before a run began, average over a minute. Differences are relative, in the 2-norm; up to %s counts.", exact(s.Study.withDefaults().Tolerance)))
}
