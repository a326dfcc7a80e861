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
	Strong Kind = "strong" // nothing: the same problem on more ranks
	Weak   Kind = "weak"   // the problem
)

// Study says what is run and how well it shall be known.
type Study struct {
	Kind   Kind    `json:"kind"`
	Title  string  `json:"title"`
	Job    string  `json:"job"`    // kind of the job, psf or tikhonov
	Config string  `json:"config"` // its file
	Points []Point `json:"points"` // by rising number of ranks
	Serial []Point `json:"serial"` // other ways to solve the first point's problem on one rank; base times
	// Controls are several runs of the first point on one rank at the same time, which
	// share nothing: what the machine itself gives to as many ranks.
	Controls []Point `json:"controls"`

	Least     int           `json:"least"`     // runs of a point; 0 = 5
	Most      int           `json:"most"`      // 0 = 30
	Interval  float64       `json:"interval"`  // half the median's 95 % interval, as a fraction, to stop at; 0 = 0.05
	Budget    time.Duration `json:"budget"`    // of the whole study, beyond which no run is begun; 0 = 10 minutes
	Tolerance float64       `json:"tolerance"` // largest relative difference of an answer from that of one rank; 0 = 1e-6
	Seed      uint64        `json:"seed"`      // of the order of the runs
	Cores     int           `json:"cores"`     // that the ranks have in all; more ranks are marked
	Link      Link          `json:"link"`      // of the model
	Project   []Target      `json:"project"`   // machines to tell the time on by the model
}

// Target is a machine that a study is projected to.
type Target struct {
	Ranks int  `json:"ranks"`
	Link  Link `json:"link"`
}

// Point is one number of ranks.
type Point struct {
	Name   string   `json:"name,omitempty"` // of a serial method
	Ranks  int      `json:"ranks"`
	Copies int      `json:"copies,omitempty"` // of a control: runs at the same time
	Sets   []string `json:"set"`              // section.key=value laid over the config
	Size   string   `json:"size"`             // of the problem, in words
	Work   float64  `json:"work"`             // size of the problem relative to the first point's
	N      float64  `json:"n"`                // unknowns; 0 = not known
}

// Launcher starts runs.
type Launcher interface {
	// Launch runs point p and waits for it. Answer is a handle of what the run
	// computed, for Compare. Of several copies it is one of them, with the mean of
	// their Seconds.
	Launch(ctx context.Context, p Point) (r Run, err error)
	// Compare is the relative difference of two answers in the 2-norm.
	Compare(answer, reference string) (float64, error)
	// Discard forgets an answer.
	Discard(answer string) error
	// How says in a few words how ranks are started.
	How() string
}

// Run is what one run tells of itself.
type Run struct {
	Seconds    float64   `json:"seconds"`    // of the part that is studied, the slowest rank's
	Total      float64   `json:"total"`      // of the whole run as it says itself
	Phases     []Phase   `json:"phases"`     // of the whole run, one after the other
	Iterations int       `json:"iterations"` // 0 = the job has none
	Accounts   []Account `json:"ranks_did"`  // by rank
	Transport  string    `json:"transport"`
	Command    []string  `json:"command"`
	Answer     string    `json:"-"`
}

// Account is what one rank did in the part that is studied.
type Account struct {
	Seconds   float64 `json:"seconds"`    // wall time
	CPU       float64 `json:"cpu"`        // processor time between the calls by which ranks talk
	Exchange  float64 `json:"exchange"`   // wall time in messages between neighbours and the like
	Reduce    float64 `json:"reduce"`     // in reductions and barriers
	Messages  int64   `json:"messages"`   // sent
	BytesSent int64   `json:"bytes_sent"` //
	Owned     float64 `json:"owned"`      // pixels, observations, stamps or samples
	Halo      float64 `json:"halo"`       // likewise, that other ranks own
	Before    float64 `json:"before"`     // owned before the load was balanced; = Owned where it is not
	MemoryMB  float64 `json:"memory_mb"`  // of its process, at most
}

// Record is one line of runs.jsonl.
type Record struct {
	Study      string    `json:"study"` // title
	Kind       Kind      `json:"kind"`
	Point      Point     `json:"point"`
	Repetition int       `json:"repetition"` // 0 = a warm-up, not counted
	Began      time.Time `json:"began"`
	Load       float64   `json:"load"`       // of the machine before the run, average over a minute
	Difference float64   `json:"difference"` // of the answer from the reference, relative
	Reference  bool      `json:"reference"`  // the answer that the others are held to
	Failed     string    `json:"failed,omitempty"`
	Run
}

func (s Study) withDefaults() Study {
	s.Least, s.Most = cmp.Or(s.Least, 5), cmp.Or(s.Most, 30)
	s.Interval, s.Budget = cmp.Or(s.Interval, 0.05), cmp.Or(s.Budget, 10*time.Minute)
	s.Tolerance = cmp.Or(s.Tolerance, 1e-6)
	return s
}

// Check finds what is wrong with a study.
func (s *Study) Check() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("scaling: "+format, args...))
		}
	}
	want(s.Kind == Strong || s.Kind == Weak, "a study of kind %q", s.Kind)
	want(len(s.Points) > 0, "no numbers of ranks")
	for i, p := range s.Points {
		want(p.Ranks >= 1, "%d ranks", p.Ranks)
		want(i == 0 || p.Ranks > s.Points[i-1].Ranks, "%d ranks after %d: want rising numbers", p.Ranks, s.Points[max(0, i-1)].Ranks)
		want(p.Work > 0, "%d ranks: work %g", p.Ranks, p.Work)
	}
	want(s.Least >= 0 && s.Most >= s.Least, "%d to %d runs", s.Least, s.Most)
	want(s.Interval >= 0 && s.Budget >= 0 && s.Tolerance >= 0, "interval %g, budget %v, tolerance %g", s.Interval, s.Budget, s.Tolerance)
	return errors.Join(errs...)
}
