package scaling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what grows with the number of ranks.
type Kind string

const (
	Strong Kind = "strong" // strong scaling: nothing grows, the problem is the same on all numbers of ranks
	Weak   Kind = "weak"   // weak scaling: the problem grows in proportion to the ranks
)

// Study says which runs are made and how well their times are to be known.
type Study struct {
	Kind   Kind    `json:"kind"`
	Title  string  `json:"title"`
	Job    string  `json:"job"`    // kind of the job: tikhonov, psf ...
	Config string  `json:"config"` // the job's config file, as it is to be shown
	Points []Point `json:"points"` // the numbers of ranks to measure, rising
	// Serial are other methods for the first point's problem, on one rank: a base time
	// that the parallel method has to beat. Empty = none.
	Serial []Point `json:"serial"`
	// Controls are Copies simultaneous runs of the first point on one rank. They share
	// nothing but the machine, so their slow-down is what caches and memory cost. Empty = none.
	Controls []Point `json:"controls"`

	Least     int           `json:"least"`     // runs of each point at least; 0 = 5; fewer than 6 have no interval
	Most      int           `json:"most"`      // runs of each point at most; 0 = 30
	Interval  float64       `json:"interval"`  // a point needs no more runs when its 95 % interval lies within this fraction of its median; 0 = 0.05
	Budget    time.Duration `json:"budget"`    // no run but the first is begun when the study has taken this long; nanoseconds in JSON; 0 = 10 minutes
	Tolerance float64       `json:"tolerance"` // largest relative difference of an answer from that of one rank, 2-norm; 0 = 1e-6
	Seed      uint64        `json:"seed"`      // of the random order of the runs
	Cores     int           `json:"cores"`     // cores that the ranks have in all; points with more ranks are marked; 0 = not known, none is marked
	Link      Link          `json:"link"`      // between ranks, for the model; zero = communication takes no time
	Project   []Target      `json:"project"`   // machines whose times are to be modelled; empty = none
}

// Target is a machine whose time is modelled.
type Target struct {
	Ranks int  `json:"ranks"` // each with a core of its own
	Link  Link `json:"link"`
}

// Point is one number of ranks with its problem.
type Point struct {
	Name   string   `json:"name,omitempty"`   // of a method of Study.Serial; empty = a point of the study
	Ranks  int      `json:"ranks"`            // 1 or more
	Copies int      `json:"copies,omitempty"` // of Study.Controls: runs at the same time; 0 or 1 = one run
	Sets   []string `json:"set"`              // settings laid over the config, section.key=value
	Size   string   `json:"size"`             // of the problem, in words; may be empty
	Work   float64  `json:"work"`             // size of the problem relative to the first point's, more than 0
	N      float64  `json:"n"`                // number of unknowns; 0 = not known, the owned elements are counted instead
}

// Launcher starts the runs of a study.
type Launcher interface {
	// Launch runs point p and waits for its end. Of several copies it returns one, with
	// the mean of their Seconds. An error says that the run failed, not that the study
	// has to end.
	Launch(ctx context.Context, p Point) (Run, error)
	// Compare returns the relative difference of two answers, |a - r| / |r| in the 2-norm.
	Compare(answer, reference string) (float64, error)
	// Discard frees what an answer keeps.
	Discard(answer string) error
}

// Run is what one run reports of itself.
type Run struct {
	Seconds    float64   `json:"seconds"`    // wall time of the timed part, on the slowest rank
	Total      float64   `json:"total"`      // wall time of the whole run, seconds
	Phases     []Phase   `json:"phases"`     // parts of the whole run, one after the other
	Iterations int       `json:"iterations"` // of the method; 0 = it has none
	Accounts   []Account `json:"ranks_did"`  // by rank; empty = not reported
	Transport  string    `json:"transport"`  // what carried the messages
	Command    []string  `json:"command"`    // that started the run
	Answer     string    `json:"-"`          // handle of what the run computed, for Launcher.Compare
}

// Account is what one rank did in the timed part. Elements are what the job distributes:
// pixels, observations, stamps or samples.
type Account struct {
	Seconds   float64 `json:"seconds"`    // wall time
	CPU       float64 `json:"cpu"`        // processor time outside communication calls, seconds
	Exchange  float64 `json:"exchange"`   // wall time in exchanges with neighbours, gather and scatter, seconds
	Reduce    float64 `json:"reduce"`     // wall time in reductions and barriers, seconds
	Messages  int64   `json:"messages"`   // sent
	BytesSent int64   `json:"bytes_sent"` // in these messages
	Owned     float64 `json:"owned"`      // elements that the rank owns
	Halo      float64 `json:"halo"`       // elements of other ranks that it needs
	Before    float64 `json:"before"`     // elements that it owned before load balancing; equal to Owned where there is none
	MemoryMB  float64 `json:"memory_mb"`  // peak resident memory of its process, 1e6 bytes; in-process ranks share one process
}

// Record is one run with what the study notes of it: one line of runs.jsonl.
type Record struct {
	Study      string    `json:"study"` // title
	Kind       Kind      `json:"kind"`
	Point      Point     `json:"point"`
	Repetition int       `json:"repetition"`       // the round, from 1; 0 = a warm-up or reference run, whose time is not counted
	Began      time.Time `json:"began"`            // when the run was started
	Load       float64   `json:"load"`             // one-minute load average of the machine before the run; 0 = not known
	Others     float64   `json:"others,omitempty"` // cores that other processes used during the run, on average; 0 = none, or not known
	Difference float64   `json:"difference"`       // of the answer from the reference, relative, 2-norm
	Reference  bool      `json:"reference"`        // a one-rank run whose answer is the reference
	Failed     string    `json:"failed,omitempty"` // why the run is not counted; empty = it is
	Run
}

func (s Study) withDefaults() Study {
	s.Least, s.Most = cmp.Or(s.Least, 5), cmp.Or(s.Most, 30)
	s.Interval, s.Budget = cmp.Or(s.Interval, 0.05), cmp.Or(s.Budget, 10*time.Minute)
	s.Tolerance = cmp.Or(s.Tolerance, 1e-6)
	return s
}

// Check returns an error for each setting that makes no study.
func (s *Study) Check() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("scaling: "+format, args...))
		}
	}
	want(s.Kind == Strong || s.Kind == Weak, "kind %q: want strong or weak", s.Kind)
	want(len(s.Points) > 0, "no points: want at least one number of ranks")
	for i, p := range s.Points {
		want(p.Ranks >= 1, "%d ranks: want 1 or more", p.Ranks)
		want(i == 0 || p.Ranks > s.Points[i-1].Ranks, "%d ranks after %d: want rising numbers", p.Ranks, s.Points[max(0, i-1)].Ranks)
		want(p.Work > 0, "%d ranks: work %g: want more than 0", p.Ranks, p.Work)
	}
	want(s.Least >= 0 && s.Most >= s.Least, "%d to %d runs of a point: want at least as many at most as at least", s.Least, s.Most)
	want(s.Interval >= 0 && s.Budget >= 0 && s.Tolerance >= 0, "interval %g, budget %v, tolerance %g: want none below 0", s.Interval, s.Budget, s.Tolerance)
	return errors.Join(errs...)
}
