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

// Observer is told what happens in a study.
type Observer struct {
	Keep func(Record) error // every run, as it ends; an error ends the study
	Say  func(string)       // for people; nil = silent
	Load func() float64     // of the machine, average over a minute; nil = 0
}

// Run makes a study. Every point's problem is first solved on one rank, whose answer is
// the reference, then once on the point's ranks as a warm-up whose answer is held to it;
// points that answer wrongly, or fail, get no times. Then rounds of one run of each point
// in random order, until a point's median is known or there are runs enough, or the
// budget is spent. The error is nil if at least one point has times.
func (s Study) Run(ctx context.Context, l Launcher, to Observer) error {
	s = s.withDefaults()
	if err := s.Check(); err != nil {
		return err
	}
	c := &campaign{Study: &s, l: l, to: to, began: time.Now(), references: map[string]string{}}
	defer c.discard()
	points := slices.Concat(s.Points, s.Serial, s.Controls)
	var live []*contestant
	for _, p := range points {
		ok, err := c.warmUp(ctx, p)
		if err != nil {
			return err
		}
		if ok {
			live = append(live, &contestant{point: p})
		}
	}
	if len(live) == 0 {
		return errors.New("scaling: no run gave a right answer")
	}
	order := rand.New(rand.NewPCG(s.Seed, 1))
	for round := 1; ; round++ {
		var open []*contestant
		for _, x := range live {
			if x.why(&s) == "" {
				open = append(open, x)
			}
		}
		if len(open) == 0 {
			return nil
		}
		order.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
		for _, x := range open {
			if time.Since(c.began) > s.Budget {
				c.say("the budget of %v is spent", s.Budget)
				return nil
			}
			r, err := c.launch(ctx, x.point, round)
			if err != nil {
				return err
			}
			if r.Failed == "" {
				x.times = append(x.times, r.Seconds)
			} else if x.failed++; x.failed > 2 {
				x.times, x.given = nil, true
			}
			c.tell(x, &r)
		}
	}
}

// tell says what a run took, and what is known of its point's median by now.
func (c *campaign) tell(x *contestant, r *Record) {
	median, low, high := Median(x.times)
	switch {
	case r.Failed != "":
		c.say("%s: failed: %s", x.point.label(), r.Failed)
	case math.IsNaN(low):
		c.say("%s: %.4g s", x.point.label(), r.Seconds)
	default:
		c.say("%s: %.4g s; median of %d %.4g, 95 %% within %.4g to %.4g", x.point.label(), r.Seconds, len(x.times), median, low, high)
	}
}

// campaign is a study under way.
type campaign struct {
	*Study
	l          Launcher
	to         Observer
	began      time.Time
	references map[string]string // answers of one rank, by problem
	answers    []string          // kept for those
}

// contestant is a point and its times so far.
type contestant struct {
	point  Point
	times  []float64
	failed int
	given  bool // up: it fails
}

// why says why a point needs no more runs; "" = it does.
func (x *contestant) why(s *Study) string {
	switch n := len(x.times); {
	case x.given:
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

// settled tells whether the median of times is known to within a fraction of itself.
func settled(times []float64, interval float64) bool {
	median, low, high := Median(times)
	return max(median-low, high-median) <= interval*median // false where the interval is not known
}

func (p Point) label() string {
	if p.Name != "" {
		return p.Name
	}
	if p.Copies > 1 {
		return fmt.Sprintf("%d runs of 1 rank at once", p.Copies)
	}
	if p.Ranks == 1 {
		return "1 rank"
	}
	return fmt.Sprintf("%d ranks", p.Ranks)
}

// problem tells problems apart.
func (p Point) problem() string { return p.Size + "\x00" + strings.Join(p.Sets, "\x00") }

func (c *campaign) say(format string, args ...any) {
	if c.to.Say != nil {
		c.to.Say(fmt.Sprintf(format, args...))
	}
}

// warmUp runs a point once, its problem on one rank before it unless that is known, and
// tells whether its answer is right.
func (c *campaign) warmUp(ctx context.Context, p Point) (bool, error) {
	// A serial method solves the first point's problem its own way: its answer is held
	// to that of the first point's.
	asked := p
	if p.Name != "" {
		asked = c.Points[0]
	}
	key := asked.problem()
	if _, known := c.references[key]; !known {
		one := asked
		one.Ranks = 1
		c.say("%s on one rank, the reference", or(one.Size, "the problem"))
		r, err := c.attempt(ctx, one, 0, "")
		if err != nil {
			return false, err
		}
		r.Reference = true
		if err := c.keep(r); err != nil {
			return false, err
		}
		if r.Failed != "" {
			c.say("failed: %s", r.Failed)
			return false, nil
		}
		c.references[key] = r.Answer
		c.answers = append(c.answers, r.Answer)
		if p.Ranks == 1 && p.Name == "" {
			return true, nil // that was its warm-up
		}
	}
	c.say("%s, a warm-up and the check of its answer", p.label())
	r, err := c.attempt(ctx, p, 0, c.references[key])
	if err == nil {
		err = c.keep(r)
	}
	if err == nil {
		err = c.l.Discard(r.Answer)
	}
	if r.Failed != "" {
		c.say("no time for it: %s", r.Failed)
	}
	return r.Failed == "", err
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// launch is one counted run.
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

// attempt runs a point and compares its answer with the reference, if there is one. A
// run that fails is a record; the error is that of a study that has to end.
func (c *campaign) attempt(ctx context.Context, p Point, round int, reference string) (Record, error) {
	r := Record{Study: c.Title, Kind: c.Kind, Point: p, Repetition: round, Began: time.Now()}
	if c.to.Load != nil {
		r.Load = c.to.Load()
	}
	run, err := c.l.Launch(ctx, p)
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
		r.Difference, r.Failed = 0, "its answer cannot be compared: "+err.Error()
	case math.IsNaN(r.Difference) || math.IsInf(r.Difference, 0): // no number that a record could hold
		r.Difference, r.Failed = 0, "its answer is not finite, or of another size than that of one rank"
	case r.Difference > c.Tolerance:
		r.Failed = fmt.Sprintf("its answer differs from that of one rank by %.3g, more than %.3g", r.Difference, c.Tolerance)
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
