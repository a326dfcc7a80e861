package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"tessera/internal/jobs"
	"tessera/internal/lifecycle"
	"tessera/internal/progress"
	"tessera/ranks"
)

// gcPercent is how far the heap may grow beyond what lives. A job's memory is a few
// arrays as large as the frame; collecting often costs next to nothing, and Go's own
// 100 % would double what a rank needs.
const gcPercent = 10

// grace is how long a run that was told to stop may take until it begins to write a
// checkpoint.
const grace = time.Minute

// run does a job on all ranks.
func run(ctx context.Context, c *call) error {
	path, err := c.one("run")
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	accept := lifecycle.Refuse
	switch {
	case c.resume && c.force:
		return usageError{"tessera: -resume goes on from a checkpoint and -force begins anew: choose one"}
	case c.resume:
		accept = lifecycle.Continue
	case c.force:
		accept = anyJob
	}
	var claim *lifecycle.Claim // of rank 0
	claimed := func(j *lifecycle.Job) (err error) {
		claim, err = lifecycle.NewClaim(j, c.line, c.warn, accept)
		return err
	}
	var busy atomic.Int32
	o := ranks.Options{Ranks: c.ranks, Grace: grace, Busy: func() bool { return busy.Load() > 0 }}
	err = c.withJob(ctx, o, path, claimed, func(ctx context.Context, comm ranks.Comm, j *lifecycle.Job) error {
		env := lifecycle.Env{Version: version(), Resume: c.resume, Replace: c.force, Busy: &busy}
		if comm.Rank() == 0 {
			env.Warn = c.warn
		}
		if comm.Rank() == 0 && !c.quiet {
			env.Progress = progress.New(c.terminal)
		}
		switch {
		case comm.Rank() != 0:
		case c.json:
			env.JSON = c.stdout
		case !c.quiet:
			env.Summary = c.stdout
		}
		return j.Run(ctx, comm, env)
	})
	return errors.Join(err, claim.Release())
}

// wordFlags are those of a command that runs a job about what it prints.
func wordFlags(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.quiet, "quiet", false, "print errors only")
	fs.BoolVar(&o.json, "json", false, "print one line of JSON about the result instead of the table; with -quiet nothing else")
}

// warn prints a warning. Rank 0 alone.
func (c *call) warn(text string) { fmt.Fprintln(c.stderr, "tessera: "+text) }

// withJob reads a config on rank 0, agrees on it with the others and, if nothing
// is wrong with it and rank 0 accepts it, runs work on every
// rank.
func (c *call) withJob(ctx context.Context, o ranks.Options, path string, accept func(*lifecycle.Job) error,
	work func(context.Context, ranks.Comm, *lifecycle.Job) error) error {
	var v verdict
	err := ranks.Launch(ctx, o, func(ctx context.Context, comm ranks.Comm) error {
		j, code, err := c.agreeOnJob(comm, path, accept)
		v.set(code)
		if err != nil || code != done {
			return err
		}
		err = work(ctx, comm, j)
		lost := errors.As(err, new(*lifecycle.LostError))
		if (status(err) == stopped || lost) && !errors.Is(err, ranks.ErrAborted) {
			// Said at once: a launcher that was told to stop cuts off late words.
			if comm.Rank() == 0 {
				report(c.stderr, err)
			}
			v.set(status(err))
		}
		return err
	})
	return v.of(err)
}

// agreeOnJob reads the config on rank 0 and checks it and the files it names;
// the other ranks are sent its text. Collective. What rank 0 finds wrong it
// prints, and every rank gets the exit status of that.
func (c *call) agreeOnJob(comm ranks.Comm, path string, accept func(*lifecycle.Job) error) (j *lifecycle.Job, code int, err error) {
	var text []byte
	head := make([]float64, 2) // exit status, length of the text
	if comm.Rank() == 0 {
		var wrong error
		if text, wrong = c.text(path); wrong == nil {
			j, wrong = c.load(path, text)
		}
		if wrong == nil {
			wrong = accept(j)
		}
		if wrong == nil && c.written != nil {
			wrong = c.announce(j)
		}
		head[0], head[1] = float64(status(report(c.stderr, wrong))), float64(len(text))
	}
	if err := comm.Bcast(head, 0); err != nil {
		return nil, failed, err
	}
	if head[0] != done {
		return nil, int(head[0]), nil
	}
	if comm.Rank() != 0 {
		text = make([]byte, int(head[1]))
	}
	if err := comm.BcastBytes(text, 0); err != nil {
		return nil, failed, err
	}
	if comm.Rank() != 0 {
		j, err = jobs.Load(path, text, c.overrides())
	}
	return j, done, err
}
