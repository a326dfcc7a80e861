package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tessera/internal/imageio"
	"tessera/internal/jobs"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scaling"
)

// Files of a study's directory.
const (
	studyName   = "study.json"
	placeName   = "environment.json"
	runsName    = "runs.jsonl"
	summaryName = "summary.csv"
	textName    = "report.md"
	pageName    = "report.html"
)

// scaleOptions are the flags of tessera scale.
type scaleOptions struct {
	counts  string
	launch  string
	title   string
	require sets
	budget  time.Duration
}

// scale makes a study, or renders some again.
func scale(ctx context.Context, c *call) error {
	if len(c.args) < 2 {
		return usageError{"tessera scale: want strong or weak and a study's file, or report and directories"}
	}
	switch what := c.args[0]; what {
	case "report":
		return c.scaleReport(c.args[1:])
	case string(scaling.Strong), string(scaling.Weak):
		if len(c.args) != 2 {
			return usageError{fmt.Sprintf("tessera scale %s: %d files, want one", what, len(c.args)-1)}
		}
		return c.study(ctx, scaling.Kind(what), c.args[1])
	default:
		return usageError{fmt.Sprintf("tessera scale %s: want strong, weak or report", what)}
	}
}

// study makes one study and reports on it.
func (c *call) study(ctx context.Context, kind scaling.Kind, path string) error {
	counts, err := parseCounts(c.scale.counts)
	if err != nil {
		return usageError{"tessera scale: " + err.Error()}
	}
	requirements, err := parseRequirements(c.scale.require)
	if err != nil {
		return usageError{"tessera scale: " + err.Error()}
	}
	if !slices.Contains([]string{launchAuto, launchInProcess, launchMPIRun, launchSrun}, c.scale.launch) {
		return usageError{fmt.Sprintf("tessera scale: -launch %s: want auto, in-process, mpirun or srun", c.scale.launch)}
	}
	text, err := readConfig(path)
	if err != nil {
		return err
	}
	s, j, err := jobs.LoadStudy(path, text, kind, counts, c.sets)
	if err != nil {
		return err
	}
	if c.scale.budget > 0 {
		s.Budget = c.scale.budget
	}
	s.Title = cmp.Or(c.scale.title, s.Title)
	dir := c.out
	if dir == "" {
		dir = filepath.Join("out", "scale-"+string(kind))
	}
	if _, err := os.Stat(filepath.Join(dir, runsName)); err == nil && !c.force {
		return &lifecycle.ExistsError{Path: filepath.Join(dir, runsName)}
	}
	l, err := c.prepare(s, j, dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	records, err := c.makeStudy(ctx, s, l, dir)
	if len(records) > 0 && errors.Is(err, context.Canceled) && !c.quiet {
		fmt.Fprintf(c.stderr, "tessera scale report %s shows the %d runs so far\n", dir, len(records))
	}
	if len(records) > 0 && !errors.Is(err, context.Canceled) {
		_, broken := c.render([]string{dir}, dir)
		err = errors.Join(err, broken)
	}
	if err != nil {
		return err
	}
	summary := scaling.Summarise(*s, records)
	return requirements.hold(&summary)
}

// prepare checks every point's config before the first run and writes what the study is.
func (c *call) prepare(s *scaling.Study, j *jobs.StudyJob, dir string) (*launcher, error) {
	text, err := readConfig(j.Path)
	if err != nil {
		return nil, err
	}
	answer := ""
	for _, p := range append(slices.Clone(s.Serial), s.Points...) {
		loaded, err := jobs.Load(j.Path, text, p.Sets)
		if err == nil {
			err = loaded.CheckFiles()
		}
		if err != nil {
			return nil, err
		}
		s.Job, answer = loaded.Kind, loaded.Answer
	}
	l, err := newLauncher(c.scale.launch, j.Path, answer, filepath.Join(dir, "results"))
	if err != nil {
		return nil, err
	}
	s.Cores = l.cores
	s.Controls = slices.DeleteFunc(s.Controls, func(p scaling.Point) bool { return p.Copies > l.cores })
	if s.Link.Bandwidth == 0 {
		if s.Link, err = measuredLink(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(l.dir, 0o777); err != nil {
		return nil, err
	}
	for _, name := range []string{runsName, summaryName, textName, pageName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	place := surroundings(l, text, s.Points[0].Sets)
	return l, errors.Join(writeJSON(filepath.Join(dir, studyName), s), writeJSON(filepath.Join(dir, placeName), place))
}

// measuredLink is what two in-process ranks of this machine have between them.
func measuredLink() (scaling.Link, error) {
	var link lifecycle.Link
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(_ context.Context, comm ranks.Comm) error {
		l, err := lifecycle.MeasureLink(comm)
		if comm.Rank() == 0 {
			link = l
		}
		return err
	})
	return scaling.Link{Name: "measured between two in-process ranks", Latency: link.Latency, Bandwidth: link.Bandwidth}, err
}

func writeJSON(path string, v any) error {
	return imageio.WriteAtomic(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// makeStudy runs a study; every run is a line of runs.jsonl as soon as it has ended.
func (c *call) makeStudy(ctx context.Context, s *scaling.Study, l *launcher, dir string) ([]scaling.Record, error) {
	f, err := os.Create(filepath.Join(dir, runsName))
	if err != nil {
		return nil, err
	}
	var records []scaling.Record
	err = s.Run(ctx, l, scaling.Observer{
		Load: load,
		Say: func(text string) {
			if !c.quiet {
				fmt.Fprintln(c.stderr, text)
			}
		},
		Keep: func(r scaling.Record) error {
			records = append(records, r)
			line, err := json.Marshal(r)
			if err == nil {
				_, err = f.Write(append(line, '\n'))
			}
			return err
		},
	})
	return records, errors.Join(err, f.Close())
}

// scaleReport renders the studies of some directories again.
func (c *call) scaleReport(dirs []string) error {
	to := c.out
	if to == "" {
		if len(dirs) > 1 {
			return usageError{"tessera scale report: -out DIR says where the report of several studies goes"}
		}
		to = dirs[0]
	}
	r, err := c.render(dirs, to)
	if err != nil {
		return err
	}
	requirements, err := parseRequirements(c.scale.require)
	if err != nil {
		return usageError{"tessera scale: " + err.Error()}
	}
	for i := range r.Studies {
		err = errors.Join(err, requirements.hold(&r.Studies[i]))
	}
	return err
}

// render reads studies and writes summary.csv, report.md and report.html into a directory.
func (c *call) render(dirs []string, to string) (*scaling.Report, error) {
	r := &scaling.Report{Title: "Scaling study", Made: time.Now().UTC()}
	for i, dir := range dirs {
		s, place, err := readStudy(dir)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.Environment = *place
			r.Title = s.Study.Title
		} else {
			// Where a study was made otherwise than the first it is said.
			differs(&r.Environment.Tessera, place.Tessera, s.Study.Title)
			differs(&r.Environment.Host, place.Host, s.Study.Title)
			differs(&r.Environment.Launch, place.Launch, s.Study.Title)
		}
		r.Studies = append(r.Studies, *s)
	}
	if len(dirs) > 1 {
		r.Title = "Scaling studies"
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer, *scaling.Report) error
	}{{summaryName, scaling.WriteCSV}, {textName, scaling.WriteMarkdown}, {pageName, scaling.WriteHTML}} {
		err := imageio.WriteAtomic(filepath.Join(to, f.name), func(w io.Writer) error { return f.write(w, r) })
		if err != nil {
			return nil, err
		}
	}
	if !c.quiet {
		for i := range r.Studies {
			if err := scaling.WriteTable(c.stdout, &r.Studies[i]); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(c.stdout, "written to %s\n", filepath.Join(to, pageName))
	}
	return r, nil
}

// differs adds to what is said of the first study what holds for another.
func differs(said *string, now, title string) {
	if first, _, _ := strings.Cut(*said, "; "); first != now {
		*said += "; " + now + " (" + title + ")"
	}
}

// readStudy reads what a study left.
func readStudy(dir string) (*scaling.Summary, *scaling.Environment, error) {
	var s scaling.Study
	var place scaling.Environment
	if err := errors.Join(readJSON(filepath.Join(dir, studyName), &s), readJSON(filepath.Join(dir, placeName), &place)); err != nil {
		return nil, nil, err
	}
	f, _, err := imageio.Open(filepath.Join(dir, runsName))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var records []scaling.Record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	for n := 1; lines.Scan(); n++ {
		var r scaling.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, nil, fmt.Errorf("%s: line %d: %w", f.Name(), n, err)
		}
		records = append(records, r)
		if place.Transport == "" {
			place.Transport = r.Transport
		}
	}
	sum := scaling.Summarise(s, records)
	sum.Directory = dir
	return &sum, &place, lines.Err()
}

func readJSON(path string, into any) error {
	text, err := imageio.ReadText(path, 1<<26)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parseCounts reads numbers of ranks, such as 1,2,4, into rising order.
func parseCounts(text string) ([]int, error) {
	var list []int
	for item := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-ranks %s: want numbers of ranks such as 1,2,4", text)
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// requirements are what a study must show for the command to succeed.
type requirements []requirement

// requirement is "efficiency>=0.8@2": a column, a bound and a number of ranks.
type requirement struct {
	text   string
	column string
	least  bool
	bound  float64
	ranks  int
}

// columns are what can be required.
var columns = map[string]func(*scaling.Row) float64{
	"efficiency": func(r *scaling.Row) float64 { return r.Efficiency },
	"speedup":    func(r *scaling.Row) float64 { return r.SpeedUp },
	"seconds":    func(r *scaling.Row) float64 { return r.Median },
	"iterations": func(r *scaling.Row) float64 { return float64(r.Iterations) },
	"memory_mb":  func(r *scaling.Row) float64 { return r.MemoryMB },
}

func parseRequirements(list []string) (requirements, error) {
	var out requirements
	for _, text := range list {
		r := requirement{text: text}
		body, ranks, ok := strings.Cut(text, "@")
		op := ">="
		if strings.Contains(body, "<=") {
			op = "<="
		}
		column, bound, found := strings.Cut(body, op)
		r.column, r.least = strings.TrimSpace(column), op == ">="
		var err1, err2 error
		r.bound, err1 = strconv.ParseFloat(strings.TrimSpace(bound), 64)
		r.ranks, err2 = strconv.Atoi(strings.TrimSpace(ranks))
		if !ok || !found || err1 != nil || err2 != nil || columns[r.column] == nil {
			return nil, fmt.Errorf("-require %s: want something like efficiency>=0.8@2; there are efficiency, speedup, seconds, iterations and memory_mb", text)
		}
		out = append(out, r)
	}
	return out, nil
}

// hold returns an error unless a study shows what is required.
func (list requirements) hold(s *scaling.Summary) error {
	var errs []error
	for _, q := range list {
		i := slices.IndexFunc(s.Rows, func(r scaling.Row) bool { return r.Ranks == q.ranks })
		if i < 0 {
			errs = append(errs, fmt.Errorf("-require %s: %d ranks were not studied", q.text, q.ranks))
			continue
		}
		v := columns[q.column](&s.Rows[i])
		if ok := q.least && v >= q.bound || !q.least && v <= q.bound; !ok {
			errs = append(errs, fmt.Errorf("-require %s: it is %.4g", q.text, v))
		}
	}
	return errors.Join(errs...)
}
