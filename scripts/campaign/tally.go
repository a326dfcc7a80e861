package main

import (
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
)

// tally counts verdicts by phase and job. The zero value is empty.
type tally struct {
	mutex  sync.Mutex
	rows   []*row
	failed []string // names of the wrong trials
}

type row struct {
	phase, job string
	count      [skipped + 1]int
	reason     string // of the first trial that was skipped
}

func (t *tally) add(of *trial, r result) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if r.verdict == wrong {
		t.failed = append(t.failed, of.path())
	}
	for _, x := range t.rows {
		if x.phase == of.phase && x.job == of.job {
			x.add(r)
			return
		}
	}
	x := &row{phase: of.phase, job: of.job}
	x.add(r)
	t.rows = append(t.rows, x)
}

func (r *row) add(of result) {
	r.count[of.verdict]++
	if of.verdict == skipped && r.reason == "" {
		r.reason = of.why
	}
}

func (r *row) tried() int { return r.count[right] + r.count[refused] + r.count[wrong] }

// table is the table of all counts.
func (t *tally) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "phase\tjob\ttried\tright\trefused clearly\twrong\t")
	sum := &row{phase: "all"}
	for _, r := range t.rows {
		note := ""
		if n := r.count[skipped]; n > 0 {
			note = fmt.Sprintf("%d skipped: %s", n, r.reason)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.phase, r.job, r.tried(), r.count[right], r.count[refused], r.count[wrong], note)
		for i, n := range r.count {
			sum.count[i] += n
		}
	}
	fmt.Fprintf(w, "%s\t\t%d\t%d\t%d\t%d\t\n", sum.phase, sum.tried(), sum.count[right], sum.count[refused], sum.count[wrong])
	w.Flush()
	return b.String()
}

func (t *tally) wrong() int { return len(t.failed) }

// names are those of the first wrong trials.
func (t *tally) names(most int) []string { return t.failed[:min(most, len(t.failed))] }
