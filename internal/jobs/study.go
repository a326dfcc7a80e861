package jobs

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/scaling"
)

// studyConfig is everything a study file may say: which job is run on how many ranks,
// what grows with them and how well the times shall be known. Any job's own config is
// a study too, with the defaults.
type studyConfig struct {
	Title   string         `toml:"title"`
	Config  string         `toml:"config"` // of the job, beside the study's file
	Set     config.Words   `toml:"set"`    // laid over it
	Serial  config.Words   `toml:"serial"` // "name: section.key=value section.key=value"
	Runs    runsSection    `toml:"runs"`
	Grow    growSection    `toml:"grow"`
	Link    linkSection    `toml:"link"`
	Project projectSection `toml:"project"`
}

type runsSection struct {
	Least     int     `toml:"least"`
	Most      int     `toml:"most"`
	Interval  float64 `toml:"interval"`
	Budget    float64 `toml:"budget"` // seconds
	Tolerance float64 `toml:"tolerance"`
	Seed      uint64  `toml:"seed"`
	Control   bool    `toml:"control"`
}

// growSection says what grows with the ranks.
type growSection struct {
	Keys  config.Words   `toml:"keys"`  // whole numbers of the job's config
	First config.Numbers `toml:"first"` // their values at the smallest number of ranks; their product grows in proportion
	Sizes config.Numbers `toml:"sizes"` // or: the value of all of them at each number of ranks
}

// linkSection is what ranks talk over; measured where it is not given.
type linkSection struct {
	Latency   float64 `toml:"latency"`   // seconds a message
	Bandwidth float64 `toml:"bandwidth"` // bytes a second
}

type projectSection struct {
	Ranks     config.Numbers `toml:"ranks"`
	Network   string         `toml:"network"`
	Latency   float64        `toml:"latency"`
	Bandwidth float64        `toml:"bandwidth"`
}

// StudyJob is the job that a study runs.
type StudyJob struct {
	Path string // of its config
	Name string // as the study says it
}

// LoadStudy reads a study file, or a job's config, for the given kind and numbers of
// ranks. The error is a *config.Error with every problem.
func LoadStudy(path string, text []byte, kind scaling.Kind, counts []int, sets []string) (*scaling.Study, *StudyJob, error) {
	f, err := config.Parse(path, text, nil)
	if err != nil {
		return nil, nil, err
	}
	c := studyConfig{
		Runs:    runsSection{Least: 6, Most: 30, Interval: 0.05, Budget: 600, Tolerance: 1e-6, Seed: 1, Control: true},
		Project: projectSection{Network: "8 blades on 10 GbE", Latency: 50e-6, Bandwidth: 1e9},
	}
	c.Title = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	j := &StudyJob{Path: path, Name: filepath.Base(path)}
	if !f.Has("job") {
		f.Decode(&c)
		f.Want(c.Config != "", "config", "the config of the job to study, beside this file")
		j.Path, j.Name = filepath.Join(filepath.Dir(path), c.Config), c.Config
		if filepath.IsAbs(c.Config) {
			j.Path = c.Config
		}
	}
	c.check(f, kind, len(counts))
	if err := f.Err(); err != nil {
		return nil, nil, err
	}
	s := &scaling.Study{
		Kind: kind, Title: c.Title, Config: j.Name,
		Least: c.Runs.Least, Most: c.Runs.Most, Interval: c.Runs.Interval, Budget: time.Duration(c.Runs.Budget * float64(time.Second)),
		Tolerance: c.Runs.Tolerance, Seed: c.Runs.Seed,
		Link: scaling.Link{Name: "given", Latency: c.Link.Latency, Bandwidth: c.Link.Bandwidth},
	}
	base := append(slices.Clone([]string(c.Set)), sets...)
	for i, n := range counts {
		s.Points = append(s.Points, c.point(kind, base, counts, i, n))
	}
	for _, text := range c.Serial {
		name, list, _ := strings.Cut(text, ":")
		p := s.Points[0]
		p.Name, p.Ranks, p.Sets = strings.TrimSpace(name), 1, append(slices.Clone(p.Sets), strings.Fields(list)...)
		s.Serial = append(s.Serial, p)
	}
	if c.Runs.Control && kind == scaling.Strong && counts[0] == 1 {
		for _, n := range counts[1:] {
			p := s.Points[0]
			p.Copies = n
			s.Controls = append(s.Controls, p)
		}
	}
	targets, _ := c.Project.Ranks.Ints(1)
	for _, n := range targets {
		s.Project = append(s.Project, scaling.Target{Ranks: n, Link: scaling.Link{
			Name: c.Project.Network, Latency: c.Project.Latency, Bandwidth: c.Project.Bandwidth,
		}})
	}
	return s, j, nil
}

// CheckStudy finds what is wrong with a file if it is a study's: one that names the
// config of a job instead of being one. The job's own config is checked with it, as it
// is for the smallest number of ranks.
func CheckStudy(path string, text []byte) (study bool, err error) {
	f, err := config.Parse(path, text, nil)
	if err != nil || f.Has("job") || !f.Has("config") {
		return false, nil // whatever is wrong with it, it is no study
	}
	kind, counts := scaling.Strong, []int{1}
	if f.Has("grow") {
		var c studyConfig
		kind = scaling.Weak
		f.Decode(&c)
		for n := len(c.Grow.Sizes); len(counts) < n; {
			counts = append(counts, counts[len(counts)-1]+1)
		}
	}
	s, j, err := LoadStudy(path, text, kind, counts, nil)
	if err != nil {
		return true, err
	}
	of, err := imageio.ReadText(j.Path, config.MaxSize)
	if err != nil {
		return true, &config.Error{Problems: []config.Problem{{Where: path, Text: fmt.Sprintf("config = %q: %v", j.Name, err)}}}
	}
	for _, p := range append(slices.Clone(s.Serial), s.Points[0]) {
		if _, err := Load(j.Path, of, p.Sets); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (c *studyConfig) check(f *config.File, kind scaling.Kind, counts int) {
	f.Want(c.Runs.Least >= 1 && c.Runs.Most >= c.Runs.Least, "runs.most", "at least runs.least, which is 1 or more")
	f.Want(c.Runs.Interval > 0 && c.Runs.Interval < 1, "runs.interval", "a fraction of the median, such as 0.05")
	f.Want(c.Runs.Budget > 0, "runs.budget", "seconds, more than 0")
	f.Want(c.Runs.Tolerance >= 0 && c.Runs.Tolerance < 1, "runs.tolerance", "a relative difference")
	f.Want(c.Link.Latency >= 0 && c.Link.Bandwidth >= 0, "link.latency", "seconds and bytes a second; 0 = measure")
	f.Want(c.Project.Latency >= 0 && c.Project.Bandwidth >= 0, "project.latency", "seconds and bytes a second")
	_, ok := c.Project.Ranks.Ints(1)
	f.Want(ok, "project.ranks", "whole numbers, 1 or more")
	for _, text := range c.Serial {
		name, _, ok := strings.Cut(text, ":")
		f.Want(ok && strings.TrimSpace(name) != "", "serial", `"name: section.key=value ..."`)
	}
	if kind != scaling.Weak {
		return
	}
	f.Want(len(c.Grow.Keys) > 0, "grow.keys", "what grows with the ranks, section.key of the job's config")
	if len(c.Grow.Sizes) > 0 {
		f.Want(len(c.Grow.Sizes) == counts, "grow.sizes", fmt.Sprintf("as many sizes as numbers of ranks, %d", counts))
		return
	}
	f.Want(len(c.Grow.First) == len(c.Grow.Keys), "grow.first", "a value for each of grow.keys, or grow.sizes")
	f.Want(len(c.Grow.Keys) <= 2, "grow.keys", "one or two keys; more only with grow.sizes")
}

// point is the study at counts[i] = n ranks.
func (c *studyConfig) point(kind scaling.Kind, base []string, counts []int, i, n int) scaling.Point {
	p := scaling.Point{Ranks: n, Sets: slices.Clone(base), Work: 1}
	if len(c.Grow.Keys) == 0 || kind == scaling.Strong {
		return p
	}
	values := make([]float64, len(c.Grow.Keys))
	if len(c.Grow.Sizes) > 0 {
		for k := range values {
			values[k] = c.Grow.Sizes[i]
		}
		p.Work = math.Pow(c.Grow.Sizes[i]/c.Grow.Sizes[0], float64(len(values)))
	} else {
		// As square as the ratio allows: the factors nearest to each other.
		ratio := float64(n) / float64(counts[0])
		by := []float64{ratio}
		if len(values) == 2 {
			by = []float64{math.Sqrt(ratio), math.Sqrt(ratio)}
			if r := int(ratio); float64(r) == ratio {
				a := int(math.Sqrt(ratio))
				for r%a != 0 {
					a--
				}
				by = []float64{float64(a), float64(r / a)}
			}
		}
		p.Work = 1
		for k := range values {
			values[k] = math.Round(c.Grow.First[k] * by[k])
			p.Work *= values[k] / c.Grow.First[k]
		}
	}
	var size []string
	for k, key := range c.Grow.Keys {
		set := key + "=" + strconv.FormatFloat(values[k], 'f', -1, 64)
		p.Sets = append(p.Sets, set)
		size = append(size, set)
	}
	p.Size = strings.Join(size, ", ")
	return p
}
