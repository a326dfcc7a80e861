package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tessera/scaling"
)

// requirements are what a study must show for the command to succeed.
type requirements []requirement

// requirement is "efficiency>=0.8@2": a column, a bound and a number of ranks.
type requirement struct {
	text   string
	column string
	least  bool
	bound  float64
	ranks  int
}

// columns are what can be required.
var columns = map[string]func(*scaling.Row) float64{
	"efficiency": func(r *scaling.Row) float64 { return r.Efficiency },
	"speedup":    func(r *scaling.Row) float64 { return r.SpeedUp },
	"seconds":    func(r *scaling.Row) float64 { return r.Median },
	"iterations": func(r *scaling.Row) float64 { return float64(r.Iterations) },
	"memory_mb":  func(r *scaling.Row) float64 { return r.MemoryMB },
}

func parseRequirements(list []string) (requirements, error) {
	var out requirements
	for _, text := range list {
		r := requirement{text: text}
		body, ranks, ok := strings.Cut(text, "@")
		op := ">="
		if strings.Contains(body, "<=") {
			op = "<="
		}
		column, bound, found := strings.Cut(body, op)
		r.column, r.least = strings.TrimSpace(column), op == ">="
		var err1, err2 error
		r.bound, err1 = strconv.ParseFloat(strings.TrimSpace(bound), 64)
		r.ranks, err2 = strconv.Atoi(strings.TrimSpace(ranks))
		if !ok || !found || err1 != nil || err2 != nil || columns[r.column] == nil {
			return nil, fmt.Errorf("-require %s: want something like efficiency>=0.8@2; there are efficiency, speedup, seconds, iterations and memory_mb", text)
		}
		out = append(out, r)
	}
	return out, nil
}

// hold returns an error unless a study shows what is required.
func (list requirements) hold(s *scaling.Summary) error {
	var errs []error
	for _, q := range list {
		i := slices.IndexFunc(s.Rows, func(r scaling.Row) bool { return r.Ranks == q.ranks })
		if i < 0 {
			errs = append(errs, fmt.Errorf("-require %s: %d ranks were not studied", q.text, q.ranks))
			continue
		}
		v := columns[q.column](&s.Rows[i])
		if ok := q.least && v >= q.bound || !q.least && v <= q.bound; !ok {
			errs = append(errs, fmt.Errorf("-require %s: it is %.4g", q.text, v))
		}
	}
	return errors.Join(errs...)
}
