package scaling

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var keep = flag.String("keep", "", "folder to keep the synthetic report in")

// written is the synthetic report as HTML, Markdown and CSV.
func written(t *testing.T) (page, markdown, table string) {
	t.Helper()
	var out [3]bytes.Buffer
	for i, write := range []func(io.Writer, *Report) error{WriteHTML, WriteMarkdown, WriteCSV} {
		if err := write(&out[i], madeUp()); err != nil {
			t.Fatal(err)
		}
		if *keep != "" {
			name := []string{"report.html", "report.md", "summary.csv"}[i]
			if err := os.WriteFile(filepath.Join(*keep, name), out[i].Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out[0].String(), out[1].String(), out[2].String()
}

// records are the lines of a CSV file as maps from column to value.
func records(t *testing.T, table string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, l := range lines[1:] {
		m := map[string]string{}
		for i, name := range lines[0] {
			if _, twice := m[name]; twice {
				t.Fatalf("two columns %q", name)
			}
			m[name] = l[i]
		}
		all = append(all, m)
	}
	return all
}

func TestCSVParsesBack(t *testing.T) {
	_, _, table := written(t)
	lines := records(t, table)
	at := 0
	for _, s := range madeUp().Studies {
		for _, rows := range []struct {
			kind string
			rows []Row
		}{{"measured", s.Rows}, {"serial", s.Serial}} {
			for _, r := range rows.rows {
				l := lines[at]
				at++
				if l["study"] != s.Study.Title || l["kind"] != rows.kind || l["ranks"] != strconv.Itoa(r.Ranks) || l["name"] != r.Name {
					t.Fatalf("line %d: %v", at, l)
				}
				for name, want := range map[string]float64{"median_s": r.Median, "low_s": r.Low, "efficiency": r.Efficiency, "scale_up": r.ScaleUp,
					"global_efficiency": r.GlobalEfficiency, "phase_solve_s": r.phase("solve"), "memory_mb": r.MemoryMB} {
					got, err := strconv.ParseFloat(l[name], 64)
					if l[name] == "" {
						got, err = math.NaN(), nil
					}
					if err != nil || got != want && known(want) || known(got) != known(want) {
						t.Errorf("line %d: %s is %q, want %v", at, name, l[name], want)
					}
				}
			}
		}
		for _, p := range s.Projected {
			l := lines[at]
			at++
			if l["kind"] != "projected" || l["median_s"] != "" || l["modelled_s"] != exact(p.Seconds) || l["link"] != p.Link.Name {
				t.Errorf("line %d: %v", at, l)
			}
		}
	}
	if at != len(lines) {
		t.Errorf("%d lines, want %d", len(lines), at)
	}
}

// attributesOf are the attributes of the elements of a page that have one with the given prefix.
func attributesOf(t *testing.T, page, prefix string) []map[string]string {
	t.Helper()
	var all []map[string]string
	var study string
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		m := map[string]string{"element": start.Name.Local}
		wanted := false
		for _, a := range start.Attr {
			m[a.Name.Local] = a.Value
			wanted = wanted || strings.HasPrefix(a.Name.Local, prefix)
		}
		if m["class"] == "study" {
			study = m["id"]
		}
		if m["study"] = study; wanted {
			all = append(all, m)
		}
	}
}

func TestNothingUnknownIsPrinted(t *testing.T) {
	page, markdown, table := written(t)
	for name, text := range map[string]string{"html": page, "markdown": markdown, "csv": table} {
		for _, bad := range []string{"NaN", "Inf", "%!", "<no value>", "ZgotmplZ"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	page, _, _ := written(t)
	if m := regexp.MustCompile(`https?://|\bsrc=|<script|<link|@import|url\(`).FindString(page); m != "" {
		t.Errorf("the page has %q", m)
	}
	for _, want := range []string{"Deblurring &lt;512 x 512&gt; &amp;", "@media print", "prefers-color-scheme: dark", "break-inside: avoid"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	attributesOf(t, page, "id") // well-formed
}

func TestEveryFigure(t *testing.T) {
	page, _, _ := written(t)
	ids := map[string]bool{}
	for _, m := range attributesOf(t, page, "id") {
		if ids[m["id"]] {
			t.Errorf("two elements %q", m["id"])
		}
		ids[m["id"]] = true
	}
	for id, want := range map[string]string{
		"study-1": "time efficiency phases load iterations halo model",
		"study-2": "time efficiency phases load halo model",
		"study-3": "phases",
		"study-4": "time efficiency phases load iterations halo model",
	} {
		for _, name := range []string{"time", "efficiency", "phases", "load", "iterations", "halo", "model"} {
			figure := id + "-" + name
			// The fourth has neither exchange nor a second share to show.
			expect := strings.Contains(" "+want+" ", " "+name+" ") && figure != "study-4-halo"
			if ids[figure] != expect || ids[figure+"-title"] != expect || ids[figure+"-desc"] != expect {
				t.Errorf("figure %s: %v, want %v", figure, ids[figure], expect)
			}
		}
	}
}

// columnOf are the columns of summary.csv that marks show.
var columnOf = map[string]string{
	"data-median": "median_s", "data-low": "low_s", "data-high": "high_s", "data-efficiency": "efficiency",
	"data-of-iterations": "efficiency_iterations", "data-per-iteration": "efficiency_per_iteration", "data-iterations": "iterations",
	"data-exchange": "exchange_over_compute", "data-halo": "halo_over_owned", "data-communication": "communication_share",
	"data-modelled": "modelled_s", "data-ratio": "modelled_over_measured",
}

// checkMarks compares every number of every mark with summary.csv and returns how many it compared.
func checkMarks(t *testing.T, marks []map[string]string, table string) int {
	t.Helper()
	lines := records(t, table)
	titles := madeUp().Studies
	lists := map[string]string{"data-before": "owned_before_by_rank", "data-owned": "owned_by_rank", "data-compute": "compute_by_rank_s"}
	numbers := 0
	for _, m := range marks {
		i, err := strconv.Atoi(strings.TrimPrefix(m["study"], "study-"))
		if err != nil {
			t.Fatalf("a mark outside of every study: %v", m)
		}
		var wants []map[string]string
		for _, l := range lines {
			kind := m["data-kind"]
			if kind == "modelled" || kind == "" {
				kind = "measured"
			}
			if l["study"] == titles[i-1].Study.Title && l["ranks"] == m["data-ranks"] && l["kind"] == kind {
				wants = append(wants, l)
			}
		}
		for name, got := range m {
			column, one := columnOf[name]
			switch {
			case name == "data-seconds":
				column, one = "phase_"+m["data-phase"]+"_s", true
			case lists[name] != "":
				rank, _ := strconv.Atoi(m["data-rank"])
				if values := strings.Split(wants[0][lists[name]], ";"); values[rank] != got {
					t.Errorf("%v: %s, want %s", m, got, values[rank])
				}
				numbers++
			}
			if !one {
				continue
			}
			numbers++
			found := false
			for _, w := range wants {
				found = found || w[column] == got
			}
			if !found {
				t.Errorf("%s of %v is %s, which summary.csv does not have", name, m, got)
			}
		}
	}
	return numbers
}

func TestMarksAreThoseOfTheCSV(t *testing.T) {
	page, _, table := written(t)
	if n := checkMarks(t, attributesOf(t, page, "data-ranks"), table); n < 400 {
		t.Errorf("%d numbers in the marks", n)
	}
}

// Oversubscribed rows are marked in every table, and projections are called modelled.
func TestMarkedRows(t *testing.T) {
	_, markdown, _ := written(t)
	strong, _, _ := strings.Cut(markdown, "## Galaxy stamps")
	marked := 0
	for _, l := range strings.Split(strong, "\n") {
		if strings.HasPrefix(l, "| 16 |") && !strings.Contains(l, "1.4e-5") {
			t.Errorf("not marked: %s", l)
		}
		if strings.HasPrefix(l, "| 16 "+mark) {
			marked++
		}
		if strings.HasPrefix(l, "| 64 ") && !strings.Contains(l, "modelled") {
			t.Errorf("not called modelled: %s", l)
		}
	}
	if marked < 8 {
		t.Errorf("16 ranks marked in %d tables", marked)
	}
	for _, want := range []string{"The machine has 2 cores, so 4 ranks and more are oversubscribed", "fastest serial solver", "published by D'Amore, Table 1", "same method on 1 rank", "25 GbE: 20 us per message, 2.5 GB/s", "1 run failed"} {
		if !strings.Contains(strong, want) {
			t.Errorf("Markdown lacks %q", want)
		}
	}
}

// Sentences leave out what is not known.
func TestSentencesAreWhole(t *testing.T) {
	for _, s := range madeUp().Studies {
		says := s.headline()
		for _, f := range s.figures("study") {
			says = append(says, f.Caption)
		}
		for _, said := range says {
			if strings.Contains(said, unknown) || strings.Contains(said, "  ") || !strings.HasSuffix(said, ".") {
				t.Errorf("%s: %q", s.Study.Title, said)
			}
		}
	}
}

// Above mostBars ranks a bar stands for several ranks; above mostPhases phases the shortest are drawn together.
func TestManyRanksAndPhases(t *testing.T) {
	s := Summary{Study: Study{Kind: Weak, Title: "many", Cores: 1024}, Rows: []Row{madeUpRow(Weak, 1, 1, 2, 2, 5, 5, 1024), madeUpRow(Weak, 1000, 1000, 2, 3, 5, 6, 1024)}}
	for i := range 9 {
		for j := range s.Rows {
			s.Rows[j].Phases = append(s.Rows[j].Phases, Phase{fmt.Sprintf("step %d", i), 0.01})
		}
	}
	var b bytes.Buffer
	if err := WriteHTML(&b, &Report{Studies: []Summary{s}}); err != nil {
		t.Fatal(err)
	}
	bars, phases := 0, map[string]float64{}
	for _, m := range attributesOf(t, b.String(), "data-ranks") {
		if m["data-compute"] != "" {
			bars++
		}
		if m["data-phase"] != "" && m["data-ranks"] == "1000" {
			phases[m["data-phase"]], _ = strconv.ParseFloat(m["data-seconds"], 64)
		}
	}
	sum := 0.0
	for _, v := range phases {
		sum += v
	}
	if bars != mostBars || len(phases) != mostPhases || math.Abs(sum-s.Rows[1].phaseSum()) > 1e-9 || phases[otherPhases] == 0 {
		t.Errorf("%d bars, %d phases of %g s: %v", bars, len(phases), sum, phases)
	}
}

func TestEmptyReports(t *testing.T) {
	for _, r := range []*Report{{}, {Studies: []Summary{{}}}, {Studies: []Summary{{Rows: make([]Row, 2)}}}} {
		for _, write := range []func(io.Writer, *Report) error{WriteHTML, WriteMarkdown, WriteCSV} {
			var b bytes.Buffer
			if err := write(&b, r); err != nil {
				t.Error(err)
			}
			if strings.Contains(b.String(), "NaN") {
				t.Errorf("NaN in %s", fmt.Sprint(r.Studies))
			}
		}
	}
}
