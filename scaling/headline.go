package scaling

import (
	"fmt"
	"strconv"
	"strings"
)

// headline is the result of a study in a few sentences, made from its numbers.
func (s *Summary) headline() []string {
	var says []string
	add := func(sentence string) {
		if sentence != "" {
			says = append(says, sentence)
		}
	}
	add(s.busySentence())
	best := s.best()
	if best == nil {
		add("No number of ranks has a time: every run failed or gave a wrong answer, or none was made.")
	} else {
		add(s.resultSentence(best))
		add(s.lossSentence(best))
		add(s.serialSentence(best))
	}
	add(s.oversubscribedSentence())
	if s.Wrong > 0 {
		add(fmt.Sprintf("%s failed or gave a wrong answer and %s not counted.", count(s.Wrong, "run", "runs"), map[bool]string{true: "is", false: "are"}[s.Wrong == 1]))
	}
	return says
}

// othersAllowed is how many cores other processes may use, on average over a run, before the
// run counts as disturbed; and disturbedAllowed the fraction of such runs.
const othersAllowed, disturbedAllowed = 0.25, 0.1

// busySentence warns of times that were taken beside other work.
func (s *Summary) busySentence() string {
	if s.Disturbed <= disturbedAllowed {
		return ""
	}
	return fmt.Sprintf("THE MACHINE WAS BUSY: during %s %% of the runs other processes used more than %g of a core, at most %s cores. These times are not for publication.",
		significant(100*s.Disturbed, 2), othersAllowed, significant(s.Others, 2))
}

// best is the row of the headline: the fastest one of a strong study, the one with most
// ranks of a weak study. Rows with a core for every rank come before oversubscribed ones.
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
			return fmt.Sprintf("On %s the timed part takes %s; one number of ranks shows no scaling.", count(r.Ranks, "rank", "ranks"), time)
		}
		if s.Study.Kind == Strong {
			return fmt.Sprintf("No number of ranks is faster than %s: the timed part takes %s.", count(r.Ranks, "rank", "ranks"), time)
		}
		return fmt.Sprintf("On %s the timed part takes %s; no larger number of ranks has a core for every rank.", count(r.Ranks, "rank", "ranks"), time)
	}
	was, _ := within(base.Median, base.Low, base.High)
	efficiency := r.efficiencySaid()
	speedUp, interval := within(r.SpeedUp, r.SpeedUpLow, r.SpeedUpHigh)
	if interval != unknown {
		speedUp += " (" + interval + ")"
	}
	switch {
	case !known(r.SpeedUp) || !known(r.Efficiency):
		return fmt.Sprintf("On %d ranks the timed part takes %s.", r.Ranks, time)
	case s.Study.Kind == Strong:
		return fmt.Sprintf("On %d ranks the timed part takes %s, on %s %s s: speed-up %s, efficiency %s %%.", r.Ranks, time, count(base.Ranks, "rank", "ranks"), was, speedUp, efficiency)
	}
	return fmt.Sprintf("On %d ranks a problem %s times as large takes %s, the first one on %s %s s: efficiency %s %%.", r.Ranks, times(r.Work/base.Work), time, count(base.Ranks, "rank", "ranks"), was, efficiency)
}

// secondsSaid is a median with its number of runs and its interval.
func secondsSaid(r *Row) string {
	m, interval := within(r.Median, r.Low, r.High)
	if interval == unknown {
		return fmt.Sprintf("%s s (median of %s, too few for an interval)", m, count(r.Runs, "run", "runs"))
	}
	return fmt.Sprintf("%s s (median of %s, 95 %% interval %s s)", m, count(r.Runs, "run", "runs"), interval)
}

// lossSentence has the POP factors of a row and names the smallest one. Additional
// iterations are part of the computation scaling.
func (s *Summary) lossSentence(r *Row) string {
	if r == &s.Rows[0] {
		return ""
	}
	var said []string
	least, name := 1.0, ""
	for _, f := range []struct {
		name  string
		value float64
	}{{"load balance", r.LoadBalance}, {"communication efficiency", r.CommunicationEfficiency}, {"computation scaling", r.ComputationScaling}} {
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
	sentence := "POP factors: " + strings.Join(said, ", ")
	if known(r.IterationEfficiency) && r.IterationEfficiency < 0.9995 && known(r.ComputationScaling) {
		sentence += fmt.Sprintf(" (of which the iterations, %d against %d in the first row: %s %%)", r.Iterations, s.Rows[0].Iterations, percent(r.IterationEfficiency))
	}
	switch {
	case least < 0.995:
		sentence += "; the smallest is " + name
	default:
		sentence += "; none is below 99.5 %"
	}
	if known(r.IndependentEfficiency) {
		sentence += fmt.Sprintf(". %d independent runs of one rank at the same time, which share only caches and memory, have an efficiency of %s %%", r.Ranks, percent(r.IndependentEfficiency))
	}
	return sentence + "."
}

// serialSentence compares a row with the fastest other method on one rank. It is empty in
// weak studies, whose rows have different problems.
func (s *Summary) serialSentence(r *Row) string {
	serial := s.bestSerial()
	if serial == nil || s.Study.Kind != Strong {
		return ""
	}
	t, _ := within(serial.Median, serial.Low, serial.High)
	return fmt.Sprintf("The fastest serial solver, %s, takes %s s on one core; %s %s %% of that time.", serial.Name, t, count(r.Ranks, "rank takes", "ranks take"), significant(100*r.Median/serial.Median, 3))
}

// oversubscribedSentence says which rows have more ranks than cores, and their modelled time.
func (s *Summary) oversubscribedSentence() string {
	cores, ranks := s.oversubscribed()
	if ranks == 0 {
		return ""
	}
	which := strconv.Itoa(ranks) + " ranks are"
	if last := s.Rows[len(s.Rows)-1].Ranks; last > ranks {
		which = strconv.Itoa(ranks) + " ranks and more are"
	}
	sentence := fmt.Sprintf("The machine has %s, so %s oversubscribed: their times do not predict the times on as many cores", count(cores, "core", "cores"), which)
	for i := len(s.Rows) - 1; i >= 0; i-- {
		if r := &s.Rows[i]; r.Oversubscribed && known(r.Modelled) && r.Modelled > 0 {
			return sentence + fmt.Sprintf("; by the model, %d ranks on %d cores would take at least %s s.", r.Ranks, r.Ranks, significant(r.Modelled, 2))
		}
	}
	return sentence + "."
}

// facts are the settings of a study and the circumstances of its runs.
func (s *Summary) facts() []string {
	st := s.Study.withDefaults()
	facts := []string{
		fmt.Sprintf("%s scaling of a %s job, %s", st.Kind, st.Job, st.Config),
		fmt.Sprintf("%d to %d runs for each number of ranks, in random order, until the 95 %% interval is within %s %% of the median", st.Least, st.Most, significant(100*st.Interval, 2)),
		fmt.Sprintf("every answer within %s of that of one rank (relative, 2-norm)", exact(st.Tolerance)),
	}
	if !s.Began.IsZero() {
		facts = append(facts, "began "+s.Began.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if known(s.Seconds) && s.Seconds > 0 {
		facts = append(facts, "took "+significant(s.Seconds, 3)+" s")
	}
	if known(s.LargestLoad) {
		facts = append(facts, "one-minute load average before a run at most "+significant(s.LargestLoad, 2))
	}
	if known(s.Others) && s.Others > 0 {
		facts = append(facts, "other processes used at most "+significant(s.Others, 2)+" cores during a run")
	}
	return append(facts, count(s.Wrong, "run", "runs")+" failed or gave a wrong answer")
}
