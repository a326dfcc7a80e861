package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// damagedCheckpoints are trials in which a run continues from a checkpoint of which a file
// was changed.
func (c *campaign) damagedCheckpoints(s *subject) []trial {
	if !s.resumable {
		return nil
	}
	var once sync.Once
	var kept string
	var names []string
	var failed error
	prepare := func(ctx context.Context) error {
		once.Do(func() {
			kept = filepath.Join(c.dir, "checkpoint-"+s.name)
			if failed = c.keepCheckpoint(ctx, s, kept); failed == nil {
				names, failed = filesOf(filepath.Join(kept, "checkpoint"))
			}
		})
		return failed
	}
	all := append(damages[:len(damages):len(damages)], damage{"another file", swapped})
	var list []trial
	// A checkpoint has at least a manifest and the parts of two ranks. More files are tried
	// by chance.
	for file := range 3 {
		for i, d := range all {
			if n := c.damages; n > 0 && (i+7*file+int(c.seed))%len(all) >= n {
				continue
			}
			list = append(list, trial{job: s.name, name: fmt.Sprintf("file-%d-%s", file, d.name), do: func(ctx context.Context, t *try) result {
				if err := prepare(ctx); err != nil {
					return wrongf("no checkpoint to damage: %v", err)
				}
				name := names[file%len(names)]
				if len(names) > 3 && file > 0 {
					name = names[t.rng.IntN(len(names))]
				}
				return t.damaged(ctx, s, kept, name, d)
			}})
		}
	}
	return list
}

// keepCheckpoint runs a job on two ranks until it has written two checkpoints, and kills
// it: its output directory is then in folder.
func (c *campaign) keepCheckpoint(ctx context.Context, s *subject, folder string) error {
	for range 20 {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		t := &try{campaign: c, folder: c.dir, rng: c.random("checkpoint of " + s.name)}
		p, err := t.start(2, "", s.args(folder, seeds[0])...)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for running := true; running; {
			select {
			case <-p.ended:
				running = false
			case <-time.After(5 * time.Millisecond):
				if m := manifest(folder); len(m) > 0 {
					seen[string(m)] = true
				}
				if len(seen) >= 2 {
					send(p.cmd.Process.Pid, syscall.SIGKILL)
					running = false
				}
			}
		}
		p.wait(ctx)
		if now, err := s.inspect(folder, seeds[0]); err == nil && now == continuing {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.New("every run had ended before it could be killed")
}

// damaged continues from a checkpoint of which a file is damaged.
func (t *try) damaged(ctx context.Context, s *subject, kept, name string, d damage) result {
	out, seed := t.path("out"), seeds[0]
	if err := copyFolder(kept, out); err != nil {
		return wrongf("%v", err)
	}
	path := filepath.Join(out, "checkpoint", name)
	if done, err := d.do(t.rng, path); err != nil {
		return wrongf("damaging %s: %v", name, err)
	} else if !done {
		return result{skipped, "not every damage fits every file"}
	}
	n := 1 + t.rng.IntN(3)
	p, err := t.run(ctx, n, s.args(out, seed, "-resume")...)
	if err != nil {
		return wrongf("%v", err)
	}
	what := fmt.Sprintf("%s of %s: ", d.name, name)
	if why := p.crashed(); why != "" {
		return wrongf("%s%s", what, why)
	}
	now, err := s.inspect(out, seed)
	switch {
	case err != nil:
		return wrongf("%safter -resume (status %d): %v", what, p.status, err)
	case p.status == 0 && now == whole:
		if left, err := os.ReadDir(filepath.Join(out, "checkpoint")); err == nil && len(left) == 1 && slices.Contains([]string{name, name + ".unknown"}, left[0].Name()) {
			// What no longer looks like a file of the program is somebody's, and stays.
			if err := os.RemoveAll(filepath.Join(out, "checkpoint")); err != nil {
				return wrongf("%v", err)
			}
		}
		if err := s.tidy(out); err != nil {
			return wrongf("%safter -resume: %v", what, err)
		}
		return result{verdict: right}
	case (p.status == 1 || p.status == 2) && now != whole && p.complaint() == "":
		return result{verdict: refused}
	}
	return wrongf("%sstatus %d, it says %s %s", what, p.status, short(p.stderr.String()), p.complaint())
}
