package scaling

import (
	"fmt"
	"math"
	"strings"
)

// figure is a picture with its caption: what is plotted, in which unit, and what it shows.
type figure struct {
	ID, Title, SVG, Caption string
}

// figures are the figures of a study. A figure without data is left out. The ids begin
// with id.
func (s *Summary) figures(id string) []figure {
	var figures []figure
	for _, f := range []figure{s.timeFigure(id), s.efficiencyFigure(id), s.phaseFigure(id), s.loadFigure(id),
		s.iterationFigure(id), s.haloFigure(id), s.modelFigure(id)} {
		if f.SVG != "" {
			figures = append(figures, f)
		}
	}
	return figures
}

// chart is an empty chart of this study.
func (s *Summary) chart(id, name, title, y, what string) *chart {
	c := &chart{id: id + "-" + name, title: title, y: y, what: s.Study.Title + ": " + what}
	c.cores, c.over = s.oversubscribed()
	return c
}

// dots are the marks of the rows. data are pairs of an attribute and a func(*Row) float64.
func (s *Summary) dots(value, low, high func(*Row) float64, tip func(*Row) string, data ...any) []dot {
	var dots []dot
	for i := range s.Rows {
		r := &s.Rows[i]
		d := dot{ranks: r.Ranks, value: value(r), low: nan, high: nan, hollow: r.Oversubscribed, data: attributes{"data-kind", "measured"}}
		if low != nil {
			d.low, d.high = low(r), high(r)
		}
		for k := 0; k < len(data); k += 2 {
			d.data = append(d.data, data[k], exact(data[k+1].(func(*Row) float64)(r)))
		}
		d.tip = count(r.Ranks, "rank", "ranks") + ": " + tip(r)
		dots = append(dots, d)
	}
	return dots
}

// show makes a figure of a chart. It is empty unless the first series has two marks or more.
func (c *chart) show(caption string) figure {
	main := c.series[0].name
	c.prune()
	if len(c.series) == 0 || c.series[0].name != main || len(c.series[0].points) < 2 {
		return figure{}
	}
	return figure{ID: c.id, Title: c.title, SVG: c.draw(), Caption: caption}
}

// ends are the rows that captions compare: the first one, and that of the headline or,
// where these are the same, the last row with a time.
func (s *Summary) ends() (first, last *Row) {
	first, last = &s.Rows[0], s.best()
	if last != nil && last != first {
		return first, last
	}
	for i := range s.Rows {
		if r := &s.Rows[i]; known(r.Median) {
			last = r
		}
	}
	if last == nil {
		last = first
	}
	return first, last
}

// sentence joins the clauses whose value is known.
func sentence(clauses ...clause) string {
	var said []string
	for _, c := range clauses {
		if known(c.value) {
			said = append(said, fmt.Sprintf(c.words, c.show(c.value)))
		}
	}
	if last := len(said) - 1; last > 0 {
		return strings.Join(said[:last], ", ") + " and " + said[last]
	}
	return strings.Join(said, "")
}

// clause is a part of a sentence about a value.
type clause struct {
	words string // with one %s for the value
	value float64
	show  func(float64) string
}

func threeDigits(v float64) string { return significant(v, 3) }

func (s *Summary) timeFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "time", "Wall time of the timed part", "median time T(p), s", "median time of the timed part against the number of ranks, both axes logarithmic.")
	c.log = true
	median := func(r *Row) float64 { return r.Median }
	low, high := func(r *Row) float64 { return r.Low }, func(r *Row) float64 { return r.High }
	c.series = []series{{name: "measured", class: "s1", points: s.dots(median, low, high, secondsSaid, "data-median", median, "data-low", low, "data-high", high)}}
	ideal := series{name: "ideal", class: "quiet", bare: true}
	for i := range s.Rows {
		ideal.points = append(ideal.points, dot{ranks: s.Rows[i].Ranks, value: s.idealSeconds(&s.Rows[i])})
	}
	c.series = append(c.series, ideal)
	if b := s.bestSerial(); b != nil && s.Study.Kind == Strong {
		c.series = append(c.series, series{name: "fastest serial", class: "s3", shape: 1, thin: true, wide: true, points: []dot{{ranks: s.Rows[0].Ranks, value: b.Median, low: b.Low, high: b.High,
			tip: b.Name + ": " + secondsSaid(b), data: attributes{"data-kind", "serial", "data-median", exact(b.Median)}}}})
	}
	c.series = append(c.series, s.modelledSeries()...)
	first, last := s.ends()
	was, _ := within(first.Median, first.Low, first.High)
	is, _ := within(last.Median, last.Low, last.High)
	caption := "Median wall time of the timed part against the number of ranks, both axes logarithmic; bars: 95 % intervals of the medians; dashed grey: ideal, the efficiency of the first row."
	if b := s.bestSerial(); b != nil && s.Study.Kind == Strong {
		caption += " Horizontal line: the fastest serial solver, " + b.Name + "."
	}
	if len(s.modelledSeries()) > 0 {
		caption += " Diamonds: modelled, with a core for every rank."
		for _, p := range s.Projected[:min(1, len(s.Projected))] {
			caption += fmt.Sprintf(" Diamonds from %s on: modelled on another machine, %s.", count(p.Ranks, "rank", "ranks"), p.Link.said())
		}
	}
	return c.show(caption + s.hollow() + fmt.Sprintf(" From %d to %d ranks the median changes from %s s to %s s; ideal would be %s s.",
		first.Ranks, last.Ranks, was, is, significant(s.idealSeconds(last), 3)))
}

// hollow explains hollow marks and the shaded area where there are some.
func (s *Summary) hollow() string {
	if cores, ranks := s.oversubscribed(); ranks > 0 {
		return fmt.Sprintf(" Hollow marks, shaded: oversubscribed, more ranks than the %s.", count(cores, "core", "cores"))
	}
	return ""
}

// modelledSeries are lines of modelled times, one for each link: first the rows, with a
// core for every rank, then the projections.
func (s *Summary) modelledSeries() []series {
	var links []Link
	lines := map[Link]*series{}
	add := func(l Link, ranks int, seconds float64, kind string) {
		if !known(seconds) || seconds <= 0 {
			return
		}
		if lines[l] == nil {
			links = append(links, l)
			lines[l] = &series{class: []string{"s2", "s4", "s3"}[(len(links)-1)%3], shape: 3, dashed: true, thin: true}
		}
		lines[l].points = append(lines[l].points, dot{ranks: ranks, value: seconds, low: nan, high: nan,
			tip:  fmt.Sprintf("%s, modelled with %s: %s s", count(ranks, "rank", "ranks"), l.said(), significant(seconds, 3)),
			data: attributes{"data-kind", kind, "data-link", l.Name, "data-modelled", exact(seconds)}})
	}
	for i := range s.Rows {
		add(s.Study.Link, s.Rows[i].Ranks, s.Rows[i].Modelled, "modelled")
	}
	for _, p := range s.Projected {
		add(p.Link, p.Ranks, p.Seconds, "projected")
	}
	var all []series
	for _, l := range links {
		lines[l].name = "modelled"
		if l != s.Study.Link && len(links) > 1 {
			lines[l].name += ": " + l.Name
		}
		all = append(all, *lines[l])
	}
	return all
}

func (s *Summary) efficiencyFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "efficiency", "Efficiency and its two factors", "efficiency, %", "efficiency against the number of ranks, with its factors, the iteration efficiency and the efficiency per iteration.")
	c.percent, c.level, c.levelName = true, 1, ""
	efficiency := func(r *Row) float64 { return r.Efficiency }
	iterations, per := func(r *Row) float64 { return r.IterationEfficiency }, func(r *Row) float64 { return r.PerIterationEfficiency }
	c.series = []series{
		{name: "efficiency", class: "s1", points: s.dots(efficiency,
			func(r *Row) float64 { v, _ := r.efficiencyBounds(); return v }, func(r *Row) float64 { _, v := r.efficiencyBounds(); return v },
			func(r *Row) string { return "efficiency " + percent(r.Efficiency) + " %" }, "data-efficiency", efficiency)},
		{name: "iteration eff.", class: "s4", shape: 1, thin: true, points: s.dots(iterations, nil, nil,
			func(r *Row) string { return "iteration efficiency " + percent(r.IterationEfficiency) + " %" }, "data-of-iterations", iterations)},
		{name: "per iteration", class: "s3", shape: 2, thin: true, points: s.dots(per, nil, nil,
			func(r *Row) string { return "efficiency per iteration " + percent(r.PerIterationEfficiency) + " %" }, "data-per-iteration", per)},
	}
	_, last := s.ends()
	what := "Strong-scaling efficiency T(1)/(p T(p))"
	if s.Study.Kind == Weak {
		what = "Weak-scaling efficiency T(1)/T(p)"
	}
	caption := what + " against the number of ranks p (logarithmic); bars: 95 % intervals."
	if known(last.IterationEfficiency) {
		caption += " The efficiency is the product of the iteration efficiency n(1)/n(p), n the number of iterations, and the efficiency per iteration."
	}
	caption += s.hollow() + fmt.Sprintf(" The efficiency is %s %% on %s and %s %% on %d", s.Rows[0].efficiencySaid(), count(s.Rows[0].Ranks, "rank", "ranks"), last.efficiencySaid(), last.Ranks)
	if factors := sentence(clause{"iteration efficiency %s %%", last.IterationEfficiency, percent}, clause{"efficiency per iteration %s %%", last.PerIterationEfficiency, percent}); factors != "" {
		caption += " (" + factors + ")"
	}
	return c.show(caption + ".")
}

func (s *Summary) iterationFigure(id string) figure {
	if len(s.Rows) == 0 || s.Rows[0].Iterations == 0 {
		return figure{}
	}
	c := s.chart(id, "iterations", "Iterations of the method", "iterations", "iterations of the method against the number of ranks.")
	iterations := func(r *Row) float64 {
		if r.Iterations == 0 {
			return nan
		}
		return float64(r.Iterations)
	}
	points := s.dots(iterations, nil, nil, func(r *Row) string { return count(r.Iterations, "iteration", "iterations") }, "data-iterations", iterations)
	for i := range points {
		if i == 0 || i == len(points)-1 || points[i].value != points[i-1].value {
			points[i].label = exact(points[i].value)
		}
	}
	c.series = []series{{name: "iterations", class: "s1", points: points}}
	first, last := &s.Rows[0], &s.Rows[0]
	for i := range s.Rows {
		if s.Rows[i].Iterations > 0 {
			last = &s.Rows[i]
		}
	}
	return c.show("Iterations until the method stops, against the number of ranks (logarithmic)." + s.hollow() + fmt.Sprintf(" The method takes %s on %s and %s on %d.",
		count(first.Iterations, "iteration", "iterations"), count(first.Ranks, "rank", "ranks"), exactNonZero(float64(last.Iterations)), last.Ranks))
}

func (s *Summary) haloFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "halo", "Communication and halo", "ratio, %", "exchange time over computing time, halo elements over owned elements, and communication time over wall time, against the number of ranks.")
	c.percent = true
	exchange := func(r *Row) float64 { return r.ExchangeOverCompute }
	surface, wait := func(r *Row) float64 { return r.HaloOverOwned }, func(r *Row) float64 { return r.CommunicationShare }
	c.series = []series{
		{name: "exch./compute", class: "s1", points: s.dots(exchange, nil, nil, func(r *Row) string { return "exchange time / computing time " + percent(r.ExchangeOverCompute) + " %" }, "data-exchange", exchange)},
		{name: "halo/owned", class: "s3", shape: 2, thin: true, points: s.dots(surface, nil, nil, func(r *Row) string { return "halo / owned elements " + percent(r.HaloOverOwned) + " %" }, "data-halo", surface)},
		{name: "comm. share", class: "s4", shape: 1, thin: true, points: s.dots(wait, nil, nil, func(r *Row) string { return "communication time / wall time " + percent(r.CommunicationShare) + " %" }, "data-communication", wait)},
	}
	_, last := s.ends()
	caption := "Three ratios, summed over the ranks, against the number of ranks (logarithmic): time of exchanges with neighbours over computing time (circles), halo elements over owned elements (triangles), and time in all communication calls, with waiting, over wall time (squares)." + s.hollow()
	if values := sentence(
		clause{"the exchange takes %s %% of the computing time", last.ExchangeOverCompute, percent},
		clause{"the halo has %s %% of the owned elements", last.HaloOverOwned, percent},
		clause{"communication takes %s %% of the wall time", last.CommunicationShare, percent}); values != "" {
		caption += fmt.Sprintf(" On %s %s.", count(last.Ranks, "rank", "ranks"), values)
	}
	return c.show(caption)
}

// modelFigure compares the model with the measurement.
func (s *Summary) modelFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "model", "Modelled over measured time", "modelled time / measured median", "modelled time over measured median time against the number of ranks.")
	c.level, c.levelName, c.atLeast = 1, "equal", 1.2
	ratio := func(r *Row) float64 { return r.ModelledOverMeasured }
	modelled, median := func(r *Row) float64 { return r.Modelled }, func(r *Row) float64 { return r.Median }
	c.series = []series{{name: "modelled", class: "s2", shape: 3, dashed: true, points: s.dots(ratio, nil, nil, func(r *Row) string {
		return fmt.Sprintf("modelled %s s, measured %s s", significant(r.Modelled, 3), significant(r.Median, 3))
	}, "data-modelled", modelled, "data-median", median, "data-ratio", ratio)}}
	low, high := math.Inf(1), 0.0
	for i := range s.Rows {
		if r := &s.Rows[i]; !r.Oversubscribed && known(r.ModelledOverMeasured) {
			low, high = min(low, r.ModelledOverMeasured), max(high, r.ModelledOverMeasured)
		}
	}
	caption := fmt.Sprintf("Modelled time of the timed part over its measured median, against the number of ranks (logarithmic). Link of the model: %s.", s.Study.Link.said()) + s.hollow()
	if high == 0 {
		return c.show(caption + " No row has a core for every rank, so no row tests the model.")
	}
	return c.show(caption + fmt.Sprintf(" Where every rank has a core, the ratio is %s to %s.", significant(low, 2), significant(high, 2)))
}
