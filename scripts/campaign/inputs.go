package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"tessera/internal/lifecycle"
)

// changedInputs are trials in which a file that the job reads, or its config, was changed.
func (c *campaign) changedInputs(s *subject) []trial {
	var list []trial
	if s.files != "" {
		names, err := filesOf(s.files)
		if err != nil {
			names = nil // the trial says so
		}
		for _, name := range names {
			for i := range c.changes {
				list = append(list, trial{job: s.name, name: fmt.Sprintf("%s-%d", name, i), do: func(ctx context.Context, t *try) result {
					return t.changed(ctx, s, name, t.damage(i))
				}})
			}
		}
	}
	for i := range 2 * c.changes {
		list = append(list, trial{job: s.name, name: fmt.Sprint("config-", i), do: func(ctx context.Context, t *try) result {
			return t.changedConfig(ctx, s, t.damage(i))
		}})
	}
	return list
}

// damage picks one: in a long series each, in a short one some by chance.
func (t *try) damage(i int) damage {
	if t.changes >= len(damages) {
		return damages[i%len(damages)]
	}
	return damages[t.rng.IntN(len(damages))]
}

// changed runs a job with a file that was changed.
func (t *try) changed(ctx context.Context, s *subject, name string, d damage) result {
	files := t.path("files")
	if err := copyFolder(s.files, files); err != nil {
		return wrongf("%v", err)
	}
	if done, err := d.do(t.rng, filepath.Join(files, name)); err != nil {
		return wrongf("changing %s: %v", name, err)
	} else if !done {
		return result{skipped, "not every change fits every file"}
	}
	out := t.path("out")
	args := s.args(out, seeds[0])
	for _, set := range s.fileSets {
		args = append(args, "-set", strings.ReplaceAll(set, s.files, files))
	}
	p, err := t.run(ctx, 1+t.rng.IntN(2), args...)
	if err != nil {
		return wrongf("%v", err)
	}
	return t.judged(s, p, out, fmt.Sprintf("%s of %s: ", d.name, name))
}

// judged judges a run with changed input, of which nobody knows the answer: it claims a
// whole result of finite numbers, or says what is wrong.
func (t *try) judged(s *subject, p *process, out, what string) result {
	if why := p.crashed(); why != "" {
		return wrongf("%s%s", what, why)
	}
	_, err := os.Stat(filepath.Join(out, lifecycle.MetricsName))
	claimed := err == nil
	switch {
	case p.status == 0 && claimed:
		list, err := arrays(filepath.Join(out, s.answer))
		if err != nil {
			return wrongf("%sstatus 0, and %v", what, err)
		}
		for _, a := range list {
			for _, v := range a {
				if math.IsInf(v, 0) || math.IsNaN(v) {
					return wrongf("%sstatus 0, and %g in %s", what, v, s.answer)
				}
			}
		}
		if err := s.tidy(out); err != nil {
			return wrongf("%s%v", what, err)
		}
		return result{verdict: right}
	case (p.status == 1 || p.status == 2) && !claimed, p.status == 1 && strings.Contains(p.stderr.String(), "not converged"):
		// An iteration that stops too early leaves what it has reached, and says so.
		if why := p.complaint(); why != "" {
			return wrongf("%s%s", what, why)
		}
		return result{verdict: refused}
	}
	return wrongf("%sstatus %d, a result: %v; it says %s", what, p.status, claimed, short(p.stderr.String()))
}

// changedConfig checks a config with all keys of the job, changed.
func (t *try) changedConfig(ctx context.Context, s *subject, d damage) result {
	text, err := example("reference-" + s.name)
	if err != nil {
		text, err = example("reference")
	}
	path := t.path("config.toml")
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	if err != nil {
		return wrongf("%v", err)
	}
	if done, err := d.do(t.rng, path); err != nil {
		return wrongf("changing the config: %v", err)
	} else if !done {
		return result{skipped, "not every change fits every file"}
	}
	p, err := t.run(ctx, 0, "check", path)
	if err != nil {
		return wrongf("%v", err)
	}
	what := d.name + " of the config: "
	switch why := p.crashed(); {
	case why != "":
		return wrongf("%s%s", what, why)
	case p.status == 0:
		return result{verdict: right}
	case p.status != 2:
		return wrongf("%sstatus %d, want 2; it says %s", what, p.status, short(p.stderr.String()))
	case p.complaint() != "":
		return wrongf("%s%s", what, p.complaint())
	}
	return result{verdict: refused}
}
