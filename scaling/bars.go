package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// mostPhases is the number of phases that have a colour; the shortest ones are drawn
// together. mostBars is the largest number of bars in a strip of loads.
const (
	mostPhases = 7
	mostBars   = 96
)

// phaseFigure shows the shares of the phases in the run, a stacked bar for each number of ranks.
func (s *Summary) phaseFigure(id string) figure {
	names := s.drawnPhases()
	rows := slices.DeleteFunc(slices.Clone(s.Rows), func(r Row) bool { return r.phaseSum() == 0 })
	if len(names) == 0 || len(rows) == 0 {
		return figure{}
	}
	const title = "Time by phase of the run"
	p := picture(id+"-phases", title, s.Study.Title+": share of each phase in the wall time of the whole run, one bar for each number of ranks, with the seconds above.", chartWidth, chartHeight)
	p.text(0, 15, "title", title)
	p.text(0, 34, "axis", "share of the wall time, %")
	const top = plotTop + 14
	y := scale{0, 1, plotBottom, top, false}
	for _, t := range linearTicks(1) {
		p.line(plotLeft, y.at(t), plotRight+8, y.at(t), "grid")
		p.text(plotLeft-6, y.at(t)+4, "tick end", tickLabel(math.Round(100*t)))
	}
	step := (plotRight + 8 - plotLeft) / float64(len(rows))
	width := min(0.7*step, 56)
	var middles []float64
	for i := range rows {
		r := &rows[i]
		x, sum, below := plotLeft+(float64(i)+0.5)*step, r.phaseSum(), 0.0
		middles = middles[:0]
		for k, name := range names {
			seconds := r.drawnPhase(name, names)
			share := seconds / sum
			middles = append(middles, y.at(below+share/2))
			if share == 0 {
				continue
			}
			class := "fill f" + strconv.Itoa(k+1)
			if r.Oversubscribed {
				class += " pale"
			}
			p.begin("rect", "x", x-width/2, "y", y.at(below+share), "width", width, "height", y.at(below)-y.at(below+share), "class", class,
				"data-ranks", r.Ranks, "data-phase", name, "data-seconds", exact(seconds))
			p.words("title", fmt.Sprintf("%s: %s %s s, %s %%", count(r.Ranks, "rank", "ranks"), name, significant(seconds, 3), percent(share)))
			p.end()
			below += share
		}
		if step > 24 || i == 0 || i == len(rows)-1 {
			p.text(x, top-6, "small middle", significant(sum, 2))
			p.text(x, plotBottom+18, "tick middle", ranksCell(r))
		}
	}
	p.line(plotLeft, plotBottom, plotRight+8, plotBottom, "base")
	p.text((plotLeft+plotRight)/2, plotBottom+36, "axis middle", "number of ranks p")
	slices.Reverse(middles) // from the top down
	for i, at := range spread(middles, labelGap, top+4, plotBottom) {
		k := len(names) - 1 - i
		p.leaf("rect", "x", plotRight+14, "y", at-4.5, "width", 9.0, "height", 9.0, "class", "fill f"+strconv.Itoa(k+1))
		p.words("text", shortened(names[k], 12), "x", plotRight+27, "y", at+4, "class", "label")
	}
	p.end()
	first, last := &rows[0], &rows[len(rows)-1]
	longest := slices.MaxFunc(names, func(a, b string) int {
		return cmp.Compare(first.drawnPhase(a, names), first.drawnPhase(b, names))
	})
	share := func(r *Row) string { return percent(r.drawnPhase(longest, names) / r.phaseSum()) }
	caption := "Share of each phase in the wall time of the whole run, medians of the runs; above each bar: seconds."
	if cores, ranks := s.oversubscribed(); ranks > 0 {
		caption += fmt.Sprintf(" Pale bars: oversubscribed, more ranks than the %s.", count(cores, "core", "cores"))
	}
	caption += fmt.Sprintf(" The phase %q takes %s %% of the run on %s", longest, share(first), count(first.Ranks, "rank", "ranks"))
	if last != first {
		caption += fmt.Sprintf(" and %s %% on %d", share(last), last.Ranks)
	}
	return figure{ID: id + "-phases", Title: title, SVG: p.b.String(), Caption: caption + "."}
}

const otherPhases = "other"

// drawnPhases are the phases that have a colour, in the order of the job.
func (s *Summary) drawnPhases() []string {
	names := phaseNames(s.Rows)
	if len(names) <= mostPhases {
		return names
	}
	share := func(name string) float64 {
		most := 0.0
		for i := range s.Rows {
			if v := s.Rows[i].phase(name) / s.Rows[i].phaseSum(); known(v) {
				most = max(most, v)
			}
		}
		return most
	}
	bySize := slices.Clone(names)
	slices.SortStableFunc(bySize, func(a, b string) int { return cmp.Compare(share(b), share(a)) })
	small := bySize[mostPhases-1:]
	return append(slices.DeleteFunc(names, func(n string) bool { return slices.Contains(small, n) }), otherPhases)
}

func (r *Row) phaseSum() float64 {
	sum := 0.0
	for _, p := range r.Phases {
		if known(p.Seconds) {
			sum += p.Seconds
		}
	}
	return sum
}

// drawnPhase is the time of a phase; of otherPhases, that of all phases without a colour.
func (r *Row) drawnPhase(name string, drawn []string) float64 {
	sum := 0.0
	for _, p := range r.Phases {
		if known(p.Seconds) && (p.Name == name || name == otherPhases && !slices.Contains(drawn, p.Name)) {
			sum += p.Seconds
		}
	}
	return sum
}

// loadFigure has strips of the load of every rank relative to the mean: elements owned
// before and after load balancing, and computing time.
func (s *Summary) loadFigure(id string) figure {
	var rows []*Row
	balanced := false
	for i := range s.Rows {
		r := &s.Rows[i]
		if r.Ranks > 1 && (known(imbalance(r.Owned)) || known(imbalance(r.Compute))) {
			rows = append(rows, r)
			balanced = balanced || !slices.Equal(r.Before, r.Owned)
		}
	}
	if len(rows) == 0 {
		return figure{}
	}
	rows = rows[max(0, len(rows)-5):]
	strips := []struct {
		name, data string
		of         func(*Row) []float64
	}{
		{"elements before", "before", func(r *Row) []float64 { return r.Before }},
		{"elements after", "owned", func(r *Row) []float64 { return r.Owned }},
		{"computing time", "compute", func(r *Row) []float64 { return r.Compute }},
	}
	if !balanced {
		strips = strips[1:]
		strips[0].name = "elements owned"
	}
	most := 1.0
	for _, r := range rows {
		for _, st := range strips {
			if v := imbalance(st.of(r)); known(v) {
				most = max(most, v)
			}
		}
	}
	const title, left, right, gap, head = "Load of every rank", 66.0, chartWidth - 4, 16.0, 72.0
	step := min((plotBottom+18-head)/float64(len(rows)), 70)
	bottom := head + step*float64(len(rows))
	p := picture(id+"-load", title, s.Study.Title+": load of every rank over the mean load, for each number of ranks.", chartWidth, bottom+22)
	p.text(0, 15, "title", title)
	p.text(0, 34, "axis", "load / mean load")
	width := (right - left - gap*float64(len(strips)-1)) / float64(len(strips))
	for j, st := range strips {
		x := left + float64(j)*(width+gap)
		p.text(x, 52, "label", st.name)
		for i, r := range rows {
			s.strip(p, r, st.data, st.of(r), x, width, head+step*float64(i), step-20, most)
		}
		p.text(x+width/2, bottom, "axis middle", "rank, 0 to p - 1")
	}
	for i, r := range rows {
		p.text(0, head+step*(float64(i)+0.5)-6, "label", "p = "+ranksCell(r))
	}
	p.end()
	r := rows[len(rows)-1]
	caption := "Load of every rank over the mean load of the ranks (dashed: mean): elements that the rank owns, and computing time in the run closest to the median."
	clauses := []clause{{"%s for the elements", imbalance(r.Owned), threeDigits}}
	if balanced {
		clauses = []clause{{"%s for the elements before load balancing", imbalance(r.Before), threeDigits}, {"%s after it", imbalance(r.Owned), threeDigits}}
	}
	if values := sentence(append(clauses, clause{"%s for the computing time", imbalance(r.Compute), threeDigits})...); values != "" {
		caption += fmt.Sprintf(" On %d ranks the maximum over the mean is %s.", r.Ranks, values)
	}
	if r.Ranks > mostBars {
		caption += fmt.Sprintf(" Above %d ranks each bar is the maximum of several adjacent ranks.", mostBars)
	}
	return figure{ID: id + "-load", Title: title, SVG: p.b.String(), Caption: caption}
}

// strip draws the loads of one row as bars.
func (s *Summary) strip(p *svg, r *Row, name string, loads []float64, x, width, top, height, most float64) {
	worst := imbalance(loads)
	p.line(x, top+height, x+width, top+height, "base")
	if !known(worst) {
		return
	}
	mean := slices.Max(loads) / worst
	y := scale{0, most, top + height, top, false}
	bars := min(len(loads), mostBars)
	one := width / float64(bars)
	class := map[string]string{"before": "fill f8", "owned": "fill f1", "compute": "fill f2"}[name]
	if one < 5 {
		class += " fine"
	}
	for i := range bars {
		from, to := i*len(loads)/bars, (i+1)*len(loads)/bars
		v := slices.Max(loads[from:to])
		p.begin("rect", "x", x+float64(i)*one+0.05*one, "y", y.at(v/mean), "width", 0.9*one, "height", y.at(0)-y.at(v/mean), "class", class,
			"data-ranks", r.Ranks, "data-rank", from, "data-"+name, exact(v))
		p.words("title", fmt.Sprintf("rank %d of %d: %s, %s times the mean", from, r.Ranks, significant(v, 4), significant(v/mean, 3)))
		p.end()
	}
	p.line(x, y.at(1), x+width, y.at(1), "ideal")
	p.text(x+width, top-3, "small end", "max "+significant(worst, 3))
}
