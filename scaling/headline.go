package scaling

import (
	"fmt"
	"strconv"
	"strings"
)

// headline says in a few sentences what a study comes to, from its numbers alone.
func (s *Summary) headline() []string {
	var says []string
	add := func(sentence string) {
		if sentence != "" {
			says = append(says, sentence)
		}
	}
	best := s.best()
	if best == nil {
		add("No number of ranks has a time that counts.")
	} else {
		add(s.resultSentence(best))
		add(s.lossSentence(best))
		add(s.serialSentence(best))
	}
	add(s.turnsSentence())
	if s.Wrong > 0 {
		add(fmt.Sprintf("%s failed or gave a wrong answer and %s not count.", count(s.Wrong, "run", "runs"), map[bool]string{true: "does", false: "do"}[s.Wrong == 1]))
	}
	return says
}

// best is the row that the headline is about: the fastest of a strong study, the largest
// of a weak one, of those whose ranks have a core each as long as there is one.
func (s *Summary) best() *Row {
	var best *Row
	better := func(r *Row) bool {
		if best == nil {
			return true
		}
		if r.Oversubscribed != best.Oversubscribed {
			return !r.Oversubscribed
		}
		return s.Study.Kind != Strong || r.Median < best.Median
	}
	for i := range s.Rows {
		if r := &s.Rows[i]; known(r.Median) && better(r) {
			best = r
		}
	}
	return best
}

func (s *Summary) resultSentence(r *Row) string {
	base := &s.Rows[0]
	time := secondsSaid(r)
	if r == base {
		if len(s.Rows) == 1 {
			return fmt.Sprintf("On %s the studied part takes %s; one number of ranks says nothing about scaling.", count(r.Ranks, "rank", "ranks"), time)
		}
		if s.Study.Kind == Strong {
			return fmt.Sprintf("Nothing is faster than %s: the studied part takes %s there.", count(r.Ranks, "rank", "ranks"), time)
		}
		return fmt.Sprintf("On %s the studied part takes %s; no larger number of ranks has a core for each.", count(r.Ranks, "rank", "ranks"), time)
	}
	was, _ := within(base.Median, base.Low, base.High)
	efficiency := r.efficiencySaid()
	speedUp, interval := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh)
	if interval != unknown {
		speedUp += " (" + interval + ")"
	}
	switch {
	case !known(r.SpeedUp) || !known(r.Efficiency):
		return fmt.Sprintf("On %d ranks the studied part takes %s.", r.Ranks, time)
	case s.Study.Kind == Strong:
		return fmt.Sprintf("On %d ranks the studied part takes %s against %s s on %d: speed-up %s, efficiency %s %%.", r.Ranks, time, was, base.Ranks, speedUp, efficiency)
	}
	return fmt.Sprintf("On %d ranks a problem %s times as large takes %s against %s s on %d: efficiency %s %%.", r.Ranks, times(r.Work/base.Work), time, was, base.Ranks, efficiency)
}

// secondsSaid is a median with what is known of it.
func secondsSaid(r *Row) string {
	m, interval := within(r.Median, r.Low, r.High)
	if interval == unknown {
		return fmt.Sprintf("%s s (median of %s, too few for an interval)", m, count(r.Runs, "run", "runs"))
	}
	return fmt.Sprintf("%s s (median of %s, 95 %% interval %s s)", m, count(r.Runs, "run", "runs"), interval)
}

// lossSentence names the factors of a row's efficiency and the smallest of them. What more
// iterations cost is part of the computation scaling.
func (s *Summary) lossSentence(r *Row) string {
	if r == &s.Rows[0] {
		return ""
	}
	var said []string
	least, name := 1.0, ""
	for _, f := range []struct {
		name  string
		value float64
	}{{"load balance", r.LoadBalance}, {"communication", r.Communication}, {"computation scaling", r.Computation}} {
		if !known(f.value) {
			continue
		}
		said = append(said, fmt.Sprintf("%s %s %%", f.name, percent(f.value)))
		if f.value < least {
			least, name = f.value, f.name
		}
	}
	if len(said) == 0 {
		return ""
	}
	sentence := "By the POP factors it keeps: " + strings.Join(said, ", ")
	if known(r.OfIterations) && r.OfIterations < 0.9995 && known(r.Computation) {
		sentence += fmt.Sprintf(" (its %d iterations against %d alone: %s %%)", r.Iterations, s.Rows[0].Iterations, percent(r.OfIterations))
	}
	switch {
	case least < 0.995:
		sentence += "; most is lost to " + name
	default:
		sentence += "; no factor loses anything worth naming"
	}
	if known(r.Control) {
		sentence += fmt.Sprintf(". As many runs of one rank at once, which share nothing but the machine, keep %s %%", percent(r.Control))
	}
	return sentence + "."
}

// serialSentence holds a row to the best other way to solve the problem on one rank,
// which only a study of one problem can.
func (s *Summary) serialSentence(r *Row) string {
	serial := s.bestSerial()
	if serial == nil || s.Study.Kind != Strong {
		return ""
	}
	t, _ := within(serial.Median, serial.Low, serial.High)
	return fmt.Sprintf("The best serial solver, %s, takes %s s on one core: %s %s %% of that.", serial.Name, t, count(r.Ranks, "rank takes", "ranks take"), significant(100*r.Median/serial.Median, 3))
}

func (s *Summary) turnsSentence() string {
	cores, ranks := s.turns()
	if ranks == 0 {
		return ""
	}
	which := strconv.Itoa(ranks) + " ranks"
	if last := s.Rows[len(s.Rows)-1].Ranks; last > ranks {
		which = strconv.Itoa(ranks) + " and more ranks"
	}
	sentence := fmt.Sprintf("%s: %s take turns, and their times say nothing about as many cores", count(cores, "core", "cores"), which)
	for i := len(s.Rows) - 1; i >= 0; i-- {
		if r := &s.Rows[i]; r.Oversubscribed && known(r.Modelled) && r.Modelled > 0 {
			return sentence + fmt.Sprintf("; modelled, not measured, %d ranks on %d cores would take %s s at least.", r.Ranks, r.Ranks, significant(r.Modelled, 2))
		}
	}
	return sentence + "."
}

// facts say what was studied, and how.
func (s *Summary) facts() []string {
	st := s.Study.withDefaults()
	facts := []string{
		fmt.Sprintf("%s scaling of a %s job, %s", st.Kind, st.Job, st.Config),
		fmt.Sprintf("%d to %d runs a point, in random order, until the interval is within %s %% of the median", st.Least, st.Most, significant(100*st.Interval, 2)),
		fmt.Sprintf("answers within %s of the reference's", exact(st.Tolerance)),
	}
	if !s.Began.IsZero() {
		facts = append(facts, "began "+s.Began.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if known(s.Seconds) && s.Seconds > 0 {
		facts = append(facts, "took "+significant(s.Seconds, 3)+" s")
	}
	if known(s.LargestLoad) {
		facts = append(facts, "load of the machine before a run at most "+significant(s.LargestLoad, 2))
	}
	return append(facts, count(s.Wrong, "run", "runs")+" failed or wrong")
}
