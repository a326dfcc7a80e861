package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fullDisks are trials in which the result goes to a disk that is too small, in the
// middle of the result or before its first byte; on some of them lies an earlier result.
func (c *campaign) fullDisks(s *subject) []trial {
	var list []trial
	for i := range c.disks {
		for _, earlier := range []bool{false, true} {
			list = append(list, trial{job: s.name, name: fmt.Sprintf("disk-%d-%v", i, earlier), do: func(ctx context.Context, t *try) result {
				return t.fullDisk(ctx, s, (float64(i)+t.rng.Float64())/float64(c.disks), earlier)
			}})
		}
	}
	return list
}

// fullDisk runs a job into a disk with room for a part of the result.
func (t *try) fullDisk(ctx context.Context, s *subject, part float64, earlier bool) result {
	disk := t.path("disk")
	if err := os.Mkdir(disk, 0o777); err != nil {
		return wrongf("%v", err)
	}
	const page = 4096
	room := int64(part * 1.3 * float64(s.bytes+page*int64(len(s.parts)+2)))
	if earlier {
		room += s.bytes + page*int64(len(s.parts)+2)
	}
	size := fmt.Sprintf("size=%d", (room/page+3)*page)
	if text, err := exec.Command("mount", "-t", "tmpfs", "-o", size, "tmpfs", disk).CombinedOutput(); err != nil {
		return result{skipped, "mount is not permitted: " + short(string(text))}
	}
	defer exec.Command("umount", "-l", disk).Run()
	out, seed := filepath.Join(disk, "out"), seeds[1]
	var flag []string
	if earlier {
		if err := copyFolder(filepath.Dir(s.expected[seeds[0]]), out); err != nil {
			return result{skipped, "no room for the earlier result: " + err.Error()}
		}
		flag = []string{"-force"}
	}
	n := 1 + t.rng.IntN(3)
	p, err := t.run(ctx, n, s.args(out, seed, flag...)...)
	if err != nil {
		return wrongf("%v", err)
	}
	what := fmt.Sprintf("%s, %d ranks, earlier result %v: ", size, n, earlier)
	if why := p.crashed(); why != "" {
		return wrongf("%s%s", what, why)
	}
	verdict := result{verdict: right}
	switch {
	case p.status == 0:
		if err := s.right(out, seed); err != nil {
			return wrongf("%sstatus 0: %v", what, err)
		}
	case p.status != 1 || p.complaint() != "" || !strings.Contains(p.stderr.String(), "no space left"):
		return wrongf("%sstatus %d, it says %s", what, p.status, short(p.stderr.String()))
	case earlier:
		if err := s.right(out, seeds[0]); err != nil {
			return wrongf("%sthe earlier result is lost: %v", what, err)
		}
		verdict = result{verdict: refused}
	default:
		if now, err := s.inspect(out, seed); err != nil || now == whole {
			return wrongf("%sstatus 1 and a result is claimed (%v)", what, err)
		}
		verdict = result{verdict: refused}
	}
	// With room, the next run leaves a whole result and nothing else.
	if text, err := exec.Command("mount", "-o", "remount,size=256m", disk).CombinedOutput(); err != nil {
		return wrongf("remount: %s", text)
	}
	if p, err = t.run(ctx, n, s.args(out, seed, "-force")...); err != nil {
		return wrongf("%v", err)
	}
	if p.status != 0 {
		return wrongf("%sthe next run: %s", what, ended(p, p.crashed()))
	}
	if err := s.right(out, seed); err != nil {
		return wrongf("%sthe next run: %v", what, err)
	}
	if err := s.tidy(out); err != nil {
		return wrongf("%safter the next run: %v", what, err)
	}
	return verdict
}
