package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// scale says how many trials there are of each sort, for each job.
type scale struct {
	kills, mpiKills int // runs that are killed
	damages         int // of each file of a checkpoint; 0 = each class of its bytes once
	changes         int // of each input file
	disks           int // sizes of the disk that fills up
	pairs           int // pairs of runs in a directory
	jobs            int // of each phase; 0 = all of them
}

var (
	full  = scale{kills: 14, mpiKills: 8, changes: 60, disks: 10, pairs: 6}
	brief = scale{kills: 4, mpiKills: 1, damages: 5, changes: 8, disks: 3, pairs: 1}
	tiny  = scale{kills: 1, damages: 3, changes: 1, disks: 1, pairs: 1, jobs: 3}
)

// campaign is one campaign.
type campaign struct {
	scale
	seed    uint64
	workers int
	program string // to be tried
	mpi     bool   // also under mpirun
	// launcher is mpirun for the runs that are told to stop: scripts/mpirun.
	launcher string
	only     string // beginning of the names of the trials to do
	keep     bool   // the folders of wrong trials
	say      func(format string, args ...any)
	dir      string // for everything
	tally    *tally
}

func newCampaign(s scale, seed uint64, workers int, say func(string, ...any)) (*campaign, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tessera-campaign-")
	if err != nil {
		return nil, err
	}
	return &campaign{scale: s, seed: seed, workers: workers, program: self, say: say, dir: dir, tally: &tally{}}, nil
}

func (c *campaign) close() {
	if !c.keep {
		os.RemoveAll(c.dir)
	}
}

// verdict is how a trial ended.
type verdict int

const (
	right verdict = iota
	refused
	wrong
	skipped
)

// result is a verdict and the reason for one that is not right.
type result struct {
	verdict
	why string
}

func wrongf(format string, args ...any) result { return result{wrong, fmt.Sprintf(format, args...)} }

// trial is something that is made to go wrong.
type trial struct {
	phase, job, name string
	do               func(ctx context.Context, t *try) result
}

func (t *trial) path() string { return t.phase + "/" + t.job + "/" + t.name }

// try is a trial in progress: a folder of its own and random numbers that depend on its
// name alone.
type try struct {
	*campaign
	folder string
	rng    *rand.Rand
}

func (t *try) path(name string) string { return filepath.Join(t.folder, name) }

// phases make the trials of a job, in this order.
var phases = []struct {
	name   string
	trials func(*campaign, *subject) []trial
}{
	{"kill", (*campaign).kills},
	{"checkpoint", (*campaign).damagedCheckpoints},
	{"input", (*campaign).changedInputs},
	{"full disk", (*campaign).fullDisks},
	{"pair", (*campaign).pairsOfRuns},
}

// run prepares all jobs and does all trials. The error is one of the preparation: what the
// program does wrong is in the tally.
func (c *campaign) run(ctx context.Context) error {
	began := time.Now()
	subjects, err := c.subjects(ctx)
	if err != nil {
		return err
	}
	c.say("%d jobs prepared in %.0f s", len(subjects), time.Since(began).Seconds())
	for _, s := range subjects {
		c.say("  %-12s %.2f s, %d files, %d kB", s.name, s.seconds, len(s.parts), s.bytes/1000)
	}
	for i, phase := range phases {
		began := time.Now()
		var all []trial
		for k, s := range subjects {
			if c.jobs > 0 && (k+len(subjects)-i*c.jobs%len(subjects))%len(subjects) >= c.jobs {
				continue // each phase has other ones
			}
			all = append(all, phase.trials(c, s)...)
		}
		all = slices.DeleteFunc(all, func(t trial) bool { return !strings.HasPrefix(phase.name+"/"+t.job+"/"+t.name, c.only) })
		c.do(ctx, phase.name, all)
		c.say("%s: %d trials in %.0f s", phase.name, len(all), time.Since(began).Seconds())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// do does trials, some at a time.
func (c *campaign) do(ctx context.Context, phase string, all []trial) {
	queue := make(chan trial)
	var group sync.WaitGroup
	for range c.workers {
		group.Go(func() {
			for t := range queue {
				c.one(ctx, &t)
			}
		})
	}
	for _, t := range all {
		t.phase = phase
		if ctx.Err() == nil {
			queue <- t
		}
	}
	close(queue)
	group.Wait()
}

func (c *campaign) one(ctx context.Context, t *trial) {
	folder, err := os.MkdirTemp(c.dir, "trial-")
	if err != nil {
		c.tally.add(t, wrongf("%v", err))
		return
	}
	r := t.do(ctx, &try{campaign: c, folder: folder, rng: c.random(t.path())})
	if ctx.Err() != nil {
		return
	}
	if r.verdict == wrong {
		kept := ""
		if c.keep {
			kept = " (" + folder + ")"
		}
		c.say("wrong: %s: %s%s", t.path(), r.why, kept)
	}
	if r.verdict != wrong || !c.keep {
		os.RemoveAll(folder)
	}
	c.tally.add(t, r)
}

// random is a generator that depends on the seed and a name.
func (c *campaign) random(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}
