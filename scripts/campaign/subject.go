package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tessera/internal/jobs"
	"tessera/internal/lifecycle"
)

// recipe makes a small run of a job.
type recipe struct {
	sets  []string                                                     // laid over the defaults: a run of about a second
	files func(ctx context.Context, t *try) (sets []string, err error) // writes the files that the job can read
	needs bool                                                         // the job has no run without files
	tol   float64                                                      // relative difference of answers on different numbers of ranks; 0 = 1e-6
}

// recipes by the name of the job. A job without one is run with configs/NAME.toml.
var recipes = map[string]recipe{
	"tikhonov": {
		sets:  []string{"simulate.rows=80", "simulate.cols=70", "blur.kind=gaussian", "tikhonov.method=cg", "tikhonov.lambda=1e-3", "output.pictures=false"},
		files: frameFiles("image.path", "image.weights", "blur"),
	},
	"two-layer":    {sets: []string{"simulate.rows=34", "simulate.cols=32"}, files: frameFiles("image.path", "image.weights", "first")},
	"kernel":       {sets: []string{"simulate.count=1000", "evaluate.shape=[20,20]"}, files: observationFiles("evaluate.path")},
	"deep-kernel":  {sets: []string{"simulate.count=150", "simulate.test=50", "deep.steps=4", "deep.starts=1", "evaluate.shape=[10,10]", "single.widths=[0.1,0.2]", "single.lambdas=[1e-3]"}, files: observationFiles("")},
	"psf":          {sets: []string{"simulate.count=40", "simulate.side=15", "simulate.psfs=4", "psf.iterations=600", "psf.still=0", "psf.precision=double"}, files: stampFiles, tol: 1e-5},
	"scdl-train":   {sets: []string{"simulate.count=800", "scdl.atoms=16", "scdl.iterations=250", "scdl.precision=double"}, files: sampleFiles, tol: 1e-5},
	"scdl-spectra": {files: spectraFiles, needs: true},
	"scdl-upscale": {files: pictureFiles, needs: true},
	"tv": {
		sets:  []string{"simulate.rows=60", "simulate.cols=50", "blur.kind=gaussian", "tv.lambda=1e-3", "output.pictures=false"},
		files: frameFiles("image.path", "image.weights", "blur"),
	},
	"darkmatter": {sets: []string{
		"simulate.rows=40", "simulate.cols=36", "learned.skies=4", "learned.validation=1", "network.geometry=square", "network.hidden=[12]", "network.steps=200", "network.blocks=4", "output.pictures=false",
	}, tol: 1e-5},
	"tppa-train":       {sets: shortTraining, tol: 1e-5},
	"mlpatch-train":    {sets: shortPatchTraining, tol: 1e-5},
	"mlpatch-superres": {sets: shortEnlarging, files: enlargedFiles, tol: 1e-5},
	"mlpatch-denoise":  {sets: []string{"simulate.rows=40", "simulate.cols=40", "output.pictures=false"}, files: denoiserFiles, needs: true, tol: 1e-5},
	"mlpatch-admm":     {sets: []string{"simulate.rows=40", "simulate.cols=40", "output.pictures=false", "tv.rule=none"}, files: denoiserFiles, needs: true, tol: 1e-4},
	"tppa":             {sets: []string{"simulate.rows=40", "simulate.cols=40", "output.pictures=false"}, files: cellFiles, needs: true, tol: 1e-5},
}

// subject is a job as the campaign tries it.
type subject struct {
	name      string
	recipe    recipe
	config    string   // path of the config
	sets      []string // laid over it
	answer    string   // name of the file of the result that is compared
	resumable bool
	seconds   float64           // of an undisturbed run on 1 rank
	bytes     int64             // of its result
	expected  map[uint64]string // by seed: a file that holds the answer of an undisturbed run
	files     string            // folder of the files that the job can read; "" = none
	fileSets  []string          // sets that name them
	parts     map[string]bool   // names that a finished result has
}

// seeds are those of the undisturbed runs.
var seeds = []uint64{1, 2}

// subjects prepares all jobs of the registry.
func (c *campaign) subjects(ctx context.Context) ([]*subject, error) {
	kinds := jobs.Kinds()
	if part := strings.Split(c.only, "/"); len(part) > 2 { // one job is enough
		kinds = slices.DeleteFunc(kinds, func(k jobs.Kind) bool { return k.Name != part[1] })
	}
	list := make([]*subject, len(kinds))
	errs := make([]error, len(kinds))
	slots := make(chan struct{}, c.workers)
	done := make(chan struct{})
	for i, k := range kinds {
		go func() {
			slots <- struct{}{}
			list[i], errs[i] = c.subject(ctx, k.Name)
			<-slots
			done <- struct{}{}
		}()
	}
	for range kinds {
		<-done
	}
	return list, errors.Join(errs...)
}

// subject writes the files of a job, and runs it undisturbed.
func (c *campaign) subject(ctx context.Context, name string) (*subject, error) {
	s := &subject{name: name, recipe: recipes[name], expected: map[uint64]string{}, parts: map[string]bool{}}
	folder := filepath.Join(c.dir, "job-"+name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	t := &try{campaign: c, folder: folder, rng: c.random(name)}
	text := fmt.Appendf(nil, "job = %q\n", name)
	if _, ok := recipes[name]; !ok {
		var err error
		if text, err = example(name); err != nil {
			return nil, err
		}
	}
	s.config = filepath.Join(folder, "config.toml")
	if err := os.WriteFile(s.config, text, 0o666); err != nil {
		return nil, err
	}
	s.sets = slices.Clone(s.recipe.sets)
	if s.recipe.files != nil {
		s.files = filepath.Join(folder, "files")
		if err := os.MkdirAll(s.files, 0o777); err != nil {
			return nil, err
		}
		var err error
		t.folder = s.files
		if s.fileSets, err = s.recipe.files(ctx, t); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.folder = folder
		if s.recipe.needs {
			s.sets = append(s.sets, s.fileSets...)
		}
	}
	j, err := jobs.Load(s.config, text, s.sets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.answer, s.resumable = j.Answer, j.Resumable
	if s.resumable {
		s.sets = append(s.sets, "checkpoint.every=0.02")
	}
	for _, seed := range seeds {
		out := filepath.Join(folder, fmt.Sprint("seed", seed))
		began := time.Now()
		p, err := t.run(ctx, 1, s.args(out, seed)...)
		if err != nil {
			return nil, err
		}
		if p.status != 0 {
			return nil, fmt.Errorf("%s: an undisturbed run ends with status %d: %s", name, p.status, short(p.stderr.String()))
		}
		s.seconds = time.Since(began).Seconds()
		s.expected[seed] = filepath.Join(out, s.answer)
		entries, err := os.ReadDir(out)
		if err != nil {
			return nil, err
		}
		s.bytes = 0
		for _, e := range entries {
			s.parts[e.Name()] = true
			if info, err := e.Info(); err == nil {
				s.bytes += info.Size()
			}
		}
	}
	return s, nil
}

// example is the config of the repository with the name of a job.
func example(name string) ([]byte, error) {
	path, err := inRepository("configs", name+".toml")
	if err != nil {
		return nil, fmt.Errorf("job %s: no recipe in scripts/campaign, and %w", name, err)
	}
	return os.ReadFile(path)
}

// inRepository is the absolute path of a file of the repository, which is the working
// directory or two levels above it.
func inRepository(parts ...string) (string, error) {
	name := filepath.Join(parts...)
	for _, dir := range []string{".", "../.."} {
		path, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s here: start the campaign in the directory of the repository", name)
}

// args are the arguments of a run into a directory.
func (s *subject) args(out string, seed uint64, more ...string) []string {
	args := []string{"run", s.config, "-quiet", "-out", out, "-set", fmt.Sprint("seed=", seed)}
	for _, set := range s.sets {
		args = append(args, "-set", set)
	}
	return append(args, more...)
}

// state is what lies in the output directory of a run.
type state int

const (
	nothing    state = iota // no result is claimed
	whole                   // the result, and it is right
	continuing              // a checkpoint
)

// inspect looks at an output directory after a run with a seed has ended. The error says
// what is wrong: a result that is claimed must be right.
func (s *subject) inspect(out string, seed uint64) (state, error) {
	_, err := os.Stat(filepath.Join(out, lifecycle.MetricsName))
	if errors.Is(err, os.ErrNotExist) {
		if len(manifest(out)) > 0 {
			return continuing, nil
		}
		return nothing, nil
	}
	if err != nil {
		return nothing, err
	}
	return whole, s.right(out, seed)
}

// manifest is the manifest of the checkpoint in an output directory; empty if there is none.
func manifest(out string) []byte {
	for _, name := range []string{"checkpoint.json", "checkpoint-previous.json"} {
		if b, err := os.ReadFile(filepath.Join(out, "checkpoint", name)); err == nil {
			return b
		}
	}
	return nil
}

// right returns an error unless a directory holds the whole and right result of a seed.
func (s *subject) right(out string, seed uint64) error {
	text, err := os.ReadFile(filepath.Join(out, lifecycle.MetricsName))
	if err != nil {
		return err
	}
	var m struct {
		Job  string  `json:"job"`
		Seed *uint64 `json:"seed"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("metrics.json: %w", err)
	}
	if m.Seed != nil && *m.Seed != seed {
		return fmt.Errorf("metrics.json is of seed %d, want %d", *m.Seed, seed)
	}
	tol := s.recipe.tol
	if tol == 0 {
		tol = 1e-6
	}
	d, err := difference(s.expected[seed], filepath.Join(out, s.answer))
	if err != nil {
		return err
	}
	if !(d <= tol) {
		return fmt.Errorf("%s differs from that of an undisturbed run by %.3g, want at most %g", s.answer, d, tol)
	}
	for name := range s.parts {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			return fmt.Errorf("the result has no %s", name)
		}
	}
	return nil
}

// tidy returns an error if a directory with a finished result has hidden files, or others
// that only an unfinished run needs.
func (s *subject) tidy(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == "checkpoint" || strings.HasSuffix(name, ".tmp") {
			return fmt.Errorf("%s is left", name)
		}
	}
	return nil
}
