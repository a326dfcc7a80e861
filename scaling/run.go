package scaling

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Observer has the callbacks of a study. All are called by the goroutine of Study.Run.
type Observer struct {
	Keep func(Record) error // called with every run when it has ended; an error ends the study; nil = runs are not kept
	Say  func(string)       // called with a line of progress for people; nil = silent
	Load func() float64     // returns the one-minute load average of the machine; nil = not known

	// Others begins to measure; what it returns ends that and tells how many cores other
	// processes than those of the run have used on average. nil = not known.
	Others func() func() float64
	// Wait is called before each counted run, and may wait for the machine to be idle; nil = it
	// is not waited.
	Wait func(context.Context) error
}

// Run makes a study. The problem of every point is solved on one rank first; that answer
// is the reference. A warm-up run of the point follows, whose answer is compared with the
// reference. A point that fails or gives a wrong answer is not timed. Then come rounds, in
// each of which every point is run once, in random order after the first. A point leaves the rounds when
// its median is known (Study.Interval) or when it has Study.Most runs; the study ends when
// none is left or when Study.Budget is spent; the first point is run once in any case.
//
// The error is not nil if the study has wrong settings, if no point gave a right answer, if
// Observer.Keep returned an error, or if ctx was cancelled.
func (s Study) Run(ctx context.Context, l Launcher, to Observer) error {
	s = s.withDefaults()
	if err := s.Check(); err != nil {
		return err
	}
	c := &campaign{Study: &s, l: l, to: to, began: time.Now(), references: map[string]string{}}
	defer c.discard()
	points := slices.Concat(s.Points, s.Serial, s.Controls)
	var live []*measurement
	for _, p := range points {
		ok, err := c.warmUp(ctx, p)
		if err != nil {
			return err
		}
		if ok {
			live = append(live, &measurement{point: p})
		}
	}
	if len(live) == 0 {
		return errors.New("scaling: no point can be timed: every run failed or gave a wrong answer")
	}
	order := rand.New(rand.NewPCG(s.Seed, 1))
	for round := 1; ; round++ {
		var open []*measurement
		for _, x := range live {
			if x.stopped(&s) == "" {
				open = append(open, x)
			}
		}
		if len(open) == 0 {
			return nil
		}
		if round > 1 { // the first begins with the fewest ranks, however little time there is
			order.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
		}
		for i, x := range open {
			// The fewest ranks are timed once in any case: without them nothing can be said.
			if (round > 1 || i > 0) && time.Since(c.began) > s.Budget {
				c.say("the budget of %v is spent: no more runs", s.Budget)
				return nil
			}
			if c.to.Wait != nil {
				if err := c.to.Wait(ctx); err != nil {
					return err
				}
			}
			r, err := c.launch(ctx, x.point, round)
			if err != nil {
				return err
			}
			if r.Failed == "" {
				x.times = append(x.times, r.Seconds)
			} else if x.failed++; x.failed > 2 {
				x.times, x.abandoned = nil, true
			}
			c.progress(x, &r)
		}
	}
}

// progress reports the time of a run and the median of its point so far.
func (c *campaign) progress(x *measurement, r *Record) {
	median, low, high := Median(x.times)
	switch {
	case r.Failed != "":
		c.say("%s: failed: %s", x.point.label(), r.Failed)
	case math.IsNaN(low):
		c.say("%s: %.4g s", x.point.label(), r.Seconds)
	default:
		c.say("%s: %.4g s; median of %d runs %.4g s, 95 %% interval %.4g to %.4g s", x.point.label(), r.Seconds, len(x.times), median, low, high)
	}
}

// campaign is a study while it runs.
type campaign struct {
	*Study
	l          Launcher
	to         Observer
	began      time.Time
	references map[string]string // answers of one rank, by problem
	answers    []string          // to be discarded at the end
}

// measurement is a point with the times of its counted runs so far.
type measurement struct {
	point     Point
	times     []float64 // seconds
	failed    int       // runs
	abandoned bool      // after three failures: no time of it counts
}

// stopped says why a point gets no more runs, as in Row.Stopped; "" = it gets more.
func (x *measurement) stopped(s *Study) string {
	switch n := len(x.times); {
	case x.abandoned:
		return "failed"
	case n < s.Least:
		return ""
	case n >= s.Most:
		return "most"
	case settled(x.times, s.Interval):
		return "interval"
	}
	return ""
}

// settled tells whether the interval of the median lies within a fraction of the median.
func settled(times []float64, interval float64) bool {
	median, low, high := Median(times)
	return max(median-low, high-median) <= interval*median // false where the interval is not known
}

func (p Point) label() string {
	if p.Name != "" {
		return p.Name
	}
	if p.Copies > 1 {
		return fmt.Sprintf("%d independent runs of 1 rank", p.Copies)
	}
	if p.Ranks == 1 {
		return "1 rank"
	}
	return fmt.Sprintf("%d ranks", p.Ranks)
}

// problem is the same string for points with the same problem.
func (p Point) problem() string { return p.Size + "\x00" + strings.Join(p.Sets, "\x00") }

func (c *campaign) say(format string, args ...any) {
	if c.to.Say != nil {
		c.to.Say(fmt.Sprintf(format, args...))
	}
}

// warmUp runs a point once and tells whether its answer is right. The problem is solved on
// one rank before, unless there is a reference for it.
func (c *campaign) warmUp(ctx context.Context, p Point) (bool, error) {
	// The reference of a serial method is the first point's: it solves the same problem.
	asked := p
	if p.Name != "" {
		asked = c.Points[0]
	}
	key := asked.problem()
	if _, known := c.references[key]; !known {
		one := asked
		one.Ranks = 1
		c.say("solving %s on one rank, the reference", or(one.Size, "the problem"))
		r, err := c.attempt(ctx, one, 0, "")
		if err != nil {
			return false, err
		}
		r.Reference = true
		if err := c.keep(r); err != nil {
			return false, err
		}
		if r.Failed != "" {
			c.say("the reference run failed: %s", r.Failed)
			return false, nil
		}
		c.references[key] = r.Answer
		c.answers = append(c.answers, r.Answer)
		if p.Ranks == 1 && p.Name == "" {
			return true, nil // the reference run was the warm-up
		}
	}
	c.say("%s: warm-up and check of the answer", p.label())
	r, err := c.attempt(ctx, p, 0, c.references[key])
	if err == nil {
		err = c.keep(r)
	}
	if err == nil {
		err = c.l.Discard(r.Answer)
	}
	if r.Failed != "" {
		c.say("%s: not timed: %s", p.label(), r.Failed)
	}
	return r.Failed == "", err
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// launch makes one run of a round.
func (c *campaign) launch(ctx context.Context, p Point, round int) (Record, error) {
	asked := p
	if p.Name != "" {
		asked = c.Points[0]
	}
	r, err := c.attempt(ctx, p, round, c.references[asked.problem()])
	if err == nil {
		err = c.keep(r)
	}
	if err == nil {
		err = c.l.Discard(r.Answer)
	}
	return r, err
}

// attempt runs a point and compares its answer with the reference; an empty reference
// compares nothing. A failed run is a record with Failed set. The error is not nil only
// where the study has to end.
func (c *campaign) attempt(ctx context.Context, p Point, round int, reference string) (Record, error) {
	r := Record{Study: c.Title, Kind: c.Kind, Point: p, Repetition: round, Began: time.Now()}
	if c.to.Load != nil {
		r.Load = c.to.Load()
	}
	others := func() float64 { return 0 }
	if c.to.Others != nil {
		others = c.to.Others()
	}
	run, err := c.l.Launch(ctx, p)
	r.Others = others()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	r.Run = run
	if err != nil {
		r.Failed = err.Error()
		return r, nil
	}
	if reference == "" {
		return r, nil
	}
	r.Difference, err = c.l.Compare(run.Answer, reference)
	switch {
	case err != nil:
		r.Difference, r.Failed = 0, "the answer cannot be compared: "+err.Error()
	case math.IsNaN(r.Difference) || math.IsInf(r.Difference, 0): // no number that a record could hold
		r.Difference, r.Failed = 0, "the answer is not finite, or its size is not that of one rank's answer"
	case r.Difference > c.Tolerance:
		r.Failed = fmt.Sprintf("the answer differs from that of one rank by %.3g, more than %.3g", r.Difference, c.Tolerance)
	}
	return r, nil
}

func (c *campaign) keep(r Record) error {
	if c.to.Keep == nil {
		return nil
	}
	return c.to.Keep(r)
}

func (c *campaign) discard() {
	for _, a := range c.answers {
		_ = c.l.Discard(a)
	}
}
