package cli

import (
	"context"
	"errors"
	"sync"

	"tessera/internal/job"
	"tessera/internal/progress"
	"tessera/ranks"
)

// run does a job on all ranks.
func run(ctx context.Context, c *call) error {
	path, err := c.one("run")
	if err != nil {
		return err
	}
	refuse := job.Refuse
	if c.force {
		refuse = anyDir
	}
	return c.withJob(ctx, ranks.Options{Ranks: c.ranks}, path, refuse, func(ctx context.Context, comm ranks.Comm, j *job.Job) error {
		env := job.Env{Version: version()}
		if comm.Rank() == 0 && !c.quiet {
			env.Progress = progress.New(c.stderr)
			env.Summary = c.stdout
		}
		return j.Run(ctx, comm, env)
	})
}

// withJob reads a config on rank 0, agrees on it with the others and, if nothing
// is wrong with it and rank 0 finds its directory acceptable, runs work on every
// rank.
func (c *call) withJob(ctx context.Context, o ranks.Options, path string, accept func(dir string) error,
	work func(context.Context, ranks.Comm, *job.Job) error) error {
	var v verdict
	err := ranks.Launch(ctx, o, func(ctx context.Context, comm ranks.Comm) error {
		v.enter(comm.Rank())
		j, err := c.agreeOnJob(comm, path, accept)
		if err == nil {
			return work(ctx, comm, j)
		}
		if v.take(err) {
			return nil // every rank knows it; the process says it when all have left
		}
		return err
	})
	return v.of(err)
}

// verdict is how the ranks of this process end.
type verdict struct {
	mu      sync.Mutex
	entered bool
	root    bool  // rank 0 is one of them
	err     error // found wrong before any computing, by all ranks alike
}

func (v *verdict) enter(rank int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.entered = true
	v.root = v.root || rank == 0
}

// take keeps err if it is one that all ranks share: rank 0's is the problem
// itself, the others' its exit status.
func (v *verdict) take(err error) bool {
	if status(err) != misused {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil || errors.As(v.err, new(reported)) {
		v.err = err
	}
	return true
}

// of is the error to print in view of what Launch returned. An error of a run
// that had begun is on every rank; the process of rank 0 prints it.
func (v *verdict) of(err error) error {
	if err == nil {
		return v.err
	}
	if v.entered && !v.root {
		return reported{status(err)}
	}
	return err
}

// agreeOnJob reads the config on rank 0 and checks it and the files it names;
// the other ranks are sent its text. It is collective, and where rank 0 finds
// something wrong the others get a reported error.
func (c *call) agreeOnJob(comm ranks.Comm, path string, accept func(dir string) error) (*job.Job, error) {
	var text []byte
	var j *job.Job
	var err error
	head := make([]float64, 2) // exit status, length of the text
	if comm.Rank() == 0 {
		if text, err = readConfig(path); err == nil {
			j, err = c.load(path, text)
		}
		if err == nil {
			err = accept(j.Dir)
		}
		head[0], head[1] = float64(status(err)), float64(len(text))
	}
	if e := comm.Bcast(head, 0); e != nil {
		return nil, e
	}
	if head[0] != done {
		if comm.Rank() != 0 {
			err = reported{int(head[0])}
		}
		return nil, err
	}
	if comm.Rank() != 0 {
		text = make([]byte, int(head[1]))
	}
	if e := comm.BcastBytes(text, 0); e != nil {
		return nil, e
	}
	if comm.Rank() != 0 {
		j, err = job.Load(path, text, c.overrides())
	}
	return j, err
}
