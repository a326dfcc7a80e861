package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// kills are trials in which a run is killed at a random time, or told to stop, and another
// one takes its place on another number of ranks.
func (c *campaign) kills(s *subject) []trial {
	var list []trial
	for i := range c.scale.kills {
		list = append(list, trial{job: s.name, name: fmt.Sprint("threads-", i), do: func(ctx context.Context, t *try) result { return t.kill(ctx, s, false) }})
	}
	for i := range c.mpiKills {
		name := fmt.Sprint("mpirun-", i)
		if !c.mpi {
			list = append(list, trial{job: s.name, name: name, do: func(context.Context, *try) result { return result{skipped, "no mpirun"} }})
			continue
		}
		list = append(list, trial{job: s.name, name: name, do: func(ctx context.Context, t *try) result { return t.kill(ctx, s, true) }})
	}
	return list
}

func (t *try) kill(ctx context.Context, s *subject, mpi bool) result {
	out, n, seed := t.path("out"), 1+t.rng.IntN(3), seeds[0]
	sent := []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT}[t.rng.IntN(4)]
	launcher := ""
	switch {
	case mpi && sent == syscall.SIGKILL:
		launcher = "mpirun"
	case mpi:
		launcher = t.launcher
	}
	p, err := t.start(n, launcher, s.args(out, seed)...)
	if err != nil {
		return wrongf("%v", err)
	}
	length := 1.1 * s.seconds
	if mpi {
		length += 1
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
	case <-time.After(time.Duration(t.rng.Float64() * length * float64(time.Second))):
		target := p.cmd.Process.Pid
		if ranks := t.programs(p); mpi && sent == syscall.SIGKILL && len(ranks) > 0 && t.rng.IntN(2) == 0 {
			target = ranks[t.rng.IntN(len(ranks))]
		}
		send(target, sent)
	}
	p.wait(ctx)
	what := fmt.Sprintf("%d ranks, %v: ", n, sent)
	if why := p.crashed(); why != "" {
		return wrongf("%s%s", what, why)
	}
	if err := p.gone(ctx); err != nil {
		return wrongf("%s%v", what, err)
	}
	now, err := s.inspect(out, seed)
	if err != nil {
		return wrongf("%safter it (status %d): %v", what, p.status, err)
	}
	switch {
	case p.status == 0 && now != whole:
		return wrongf("%sstatus 0 without a result", what)
	case !mpi && p.status != 0 && p.status != 3 && p.status != -1:
		return wrongf("%sstatus %d: %s", what, p.status, short(p.stderr.String()))
	case p.status == 3 && strings.Contains(p.stderr.String(), "-resume") && now != continuing:
		return wrongf("%sthe promised checkpoint is not there", what)
	}
	return t.goOn(ctx, s, out, seed, now, n, what)
}

// goOn starts the next run in a directory, on another number of ranks than n: its result
// must be right, and nothing of the first run may be left.
func (t *try) goOn(ctx context.Context, s *subject, out string, seed uint64, now state, n int, what string) result {
	other := 1 + (n+t.rng.IntN(2))%3
	next := func(flag ...string) (*process, string) {
		p, err := t.run(ctx, other, s.args(out, seed, flag...)...)
		if err != nil {
			return nil, err.Error()
		}
		return p, p.crashed()
	}
	var flag []string
	switch now {
	case continuing:
		flag = []string{"-resume"}
	case whole:
		p, why := next()
		if why != "" || p.status != 2 || p.complaint() != "" {
			return wrongf("%sa finished result is not refused: %s", what, ended(p, why))
		}
		flag = []string{"-force"}
	case nothing:
		p, why := next("-resume")
		if why != "" || p.status != 2 || p.complaint() != "" {
			return wrongf("%s-resume without a checkpoint is not refused: %s", what, ended(p, why))
		}
	}
	p, why := next(flag...)
	if why == "" && p.status == 2 && now == nothing && p.complaint() == "" {
		p, why = next("-force") // half a result of another program would be refused like this
	}
	if why != "" || p.status != 0 {
		return wrongf("%sthe next run %v on %d ranks: %s", what, flag, other, ended(p, why))
	}
	if err := s.right(out, seed); err != nil {
		return wrongf("%sthe next run %v on %d ranks: %v", what, flag, other, err)
	}
	if err := s.tidy(out); err != nil {
		return wrongf("%safter the next run %v: %v", what, flag, err)
	}
	return result{verdict: right}
}

// ended says in words how a run ended.
func ended(p *process, why string) string {
	if why != "" || p == nil {
		return why
	}
	return fmt.Sprintf("status %d, it says %s", p.status, short(p.stderr.String()))
}
