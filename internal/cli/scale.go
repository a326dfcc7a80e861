package cli

import (
	"bytes"
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
	wait    time.Duration
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
func (c *call) study(ctx context.Context, kind scaling.Kind, path string) (err error) {
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
	text, answer, err := prepare(s, j)
	if err != nil {
		return err
	}
	d, err := c.openStudy(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	l, err := c.launcher(s, j, answer, d)
	if err != nil {
		return err
	}
	if err := errors.Join(writeJSON(d.path(studyName), s), writeJSON(d.path(placeName), surroundings(l, text, s.Points[0].Sets))); err != nil {
		return err
	}
	records, err := c.makeStudy(ctx, s, l, d.path(runsName))
	if d.replaces() && !slices.ContainsFunc(records, func(r scaling.Record) bool { return r.Failed == "" }) {
		return errors.Join(err, fmt.Errorf("no run of this study has a time: %s keeps the study before", dir))
	}
	if len(records) > 0 {
		err = errors.Join(err, d.publish())
	}
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

// prepare checks every point's config before the first run. It returns the text of the
// job's config and the file of a result that is compared.
func prepare(s *scaling.Study, j *jobs.StudyJob) (text []byte, answer string, err error) {
	if text, err = readConfig(j.Path); err != nil {
		return nil, "", err
	}
	for _, p := range append(slices.Clone(s.Serial), s.Points...) {
		loaded, err := jobs.Load(j.Path, text, p.Sets)
		if err == nil {
			err = loaded.CheckFiles()
		}
		if err != nil {
			return nil, "", err
		}
		s.Job, answer = loaded.Kind, loaded.Answer
	}
	return text, answer, nil
}

// launcher starts the runs of a study, and completes what the study says of the machine.
func (c *call) launcher(s *scaling.Study, j *jobs.StudyJob, answer string, d *studyDir) (*launcher, error) {
	l, err := newLauncher(c.scale.launch, j.Path, answer, d.results)
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
	return l, nil
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

// makeStudy runs a study; every run is a line of the file at path as soon as it has ended.
func (c *call) makeStudy(ctx context.Context, s *scaling.Study, l *launcher, path string) ([]scaling.Record, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	var records []scaling.Record
	err = s.Run(ctx, l, scaling.Observer{
		Load:   load,
		Others: l.others(),
		Wait:   c.idle(),
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
	return records, errors.Join(err, f.Sync(), f.Close())
}

// scaleReport renders the studies of some directories again.
func (c *call) scaleReport(dirs []string) (err error) {
	to := c.out
	if to == "" {
		if len(dirs) > 1 {
			return usageError{"tessera scale report: -out DIR says where the report of several studies goes"}
		}
		to = dirs[0]
	}
	lock, err := c.openReport(dirs, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
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
		s, place, err := readStudy(dir, c.warn)
		if err != nil {
			return nil, ofInput(err)
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
func readStudy(dir string, warn func(string)) (*scaling.Summary, *scaling.Environment, error) {
	var s scaling.Study
	var place scaling.Environment
	if err := errors.Join(readJSON(filepath.Join(dir, studyName), &s), readJSON(filepath.Join(dir, placeName), &place)); err != nil {
		return nil, nil, err
	}
	records, err := readRuns(filepath.Join(dir, runsName), warn)
	if err != nil {
		return nil, nil, err
	}
	for i := range records {
		if place.Transport == "" {
			place.Transport = records[i].Transport
		}
	}
	sum := scaling.Summarise(s, records)
	sum.Directory = dir
	return &sum, &place, nil
}

// readRuns reads the runs of a study. A last line without a line feed is that of a study
// that was killed while it wrote it: unless it is complete, it is left out with a warning.
func readRuns(path string, warn func(string)) (records []scaling.Record, err error) {
	text, err := imageio.ReadText(path, longestRuns)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		var r scaling.Record
		whole := bytes.TrimSuffix(line, []byte("\n"))
		if err := json.Unmarshal(whole, &r); err != nil {
			if len(whole) == len(line) {
				warn(fmt.Sprintf("%s: line %d, the last one, is cut off: the study was killed in between, and this run is left out", path, n))
				break
			}
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// longestRuns bounds the file of a study's runs, which has some hundred bytes for each.
const longestRuns = 1 << 28

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
