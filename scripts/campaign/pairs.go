package main

import (
	"context"
	"fmt"
	"time"
)

// pairsOfRuns are trials of two runs in one output directory.
func (c *campaign) pairsOfRuns(s *subject) []trial {
	var list []trial
	for i := range c.pairs {
		for name, force := range map[string][2]bool{"plain": {}, "forced": {true, true}, "mixed": {false, true}} {
			list = append(list, trial{job: s.name, name: fmt.Sprintf("%s-%d", name, i), do: func(ctx context.Context, t *try) result {
				return t.pair(ctx, s, force)
			}})
		}
	}
	return list
}

// pair starts two runs with different seeds: one of them at least ends with status 0, the
// other one is refused or comes after it, and the result is that of the one that ended
// last.
func (t *try) pair(ctx context.Context, s *subject, force [2]bool) result {
	out := t.path("out")
	var p [2]*process
	for i, seed := range seeds {
		var flag []string
		if force[i] {
			flag = []string{"-force"}
		}
		var err error
		if p[i], err = t.start(1+t.rng.IntN(2), "", s.args(out, seed, flag...)...); err != nil {
			return wrongf("%v", err)
		}
		if i == 0 {
			select {
			case <-p[0].ended:
			case <-ctx.Done():
			case <-time.After(time.Duration(t.rng.Float64() * s.seconds * float64(time.Second))):
			}
		}
	}
	last := -1 // the one with status 0 that ended last
	for i := range p {
		p[i].wait(ctx)
		if p[i].status == 0 && (last < 0 || p[i].end.After(p[last].end)) {
			last = i
		}
	}
	what := fmt.Sprintf("-force %v: ", force)
	for i := range p {
		if why := p[i].crashed(); why != "" {
			return wrongf("%s%s", what, why)
		}
		if p[i].status != 0 && (p[i].status != 2 || p[i].complaint() != "") {
			return wrongf("%srun %d: %s", what, i+1, ended(p[i], ""))
		}
	}
	switch {
	case last < 0:
		return wrongf("%sboth were refused: %s", what, short(p[0].stderr.String()))
	case p[0].status == 0 && p[1].status == 0 && !force[1]:
		return wrongf("%sboth end with status 0, the second one without -force", what)
	}
	if err := s.right(out, seeds[last]); err != nil {
		return wrongf("%sthe result is not that of run %d, which ended with status 0: %v", what, last+1, err)
	}
	if err := s.tidy(out); err != nil {
		return wrongf("%s%v", what, err)
	}
	if p[0].status == 0 && p[1].status == 0 {
		return result{verdict: right}
	}
	return result{verdict: refused}
}
