package scaling

import (
	"fmt"
	"math"
	"strings"
)

// figure is a picture and the sentence that says what is to be seen.
type figure struct {
	ID, Title, SVG, Caption string
}

// figures are those of a study; one that would have nothing to show is left out. Their
// ids begin with id.
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
	c.cores, c.turns = s.turns()
	return c
}

// dots are the rows' values. Data are pairs of an attribute and a func(*Row) float64.
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

// show makes a figure of a chart whose first line, the one it is about, has at least two marks.
func (c *chart) show(caption string) figure {
	main := c.series[0].name
	c.prune()
	if len(c.series) == 0 || c.series[0].name != main || len(c.series[0].points) < 2 {
		return figure{}
	}
	return figure{ID: c.id, Title: c.title, SVG: c.draw(), Caption: caption}
}

// ends are the first row and that of the headline, or else the last that has a time: the
// rows that captions speak of.
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

// sentence joins the clauses whose value is known; a clause has one %s for it.
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

type clause struct {
	words string
	value float64
	show  func(float64) string
}

func threeDigits(v float64) string { return significant(v, 3) }

func (s *Summary) timeFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "time", "Time against ranks", "median time, s (bars: 95 % interval)", "median time of the studied part against the number of ranks, both axes logarithmic.")
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
		c.series = append(c.series, series{name: "best serial", class: "s3", shape: 1, thin: true, wide: true, points: []dot{{ranks: s.Rows[0].Ranks, value: b.Median, low: b.Low, high: b.High,
			tip: b.Name + ": " + secondsSaid(b), data: attributes{"data-kind", "serial", "data-median", exact(b.Median)}}}})
	}
	c.series = append(c.series, s.modelledSeries()...)
	first, last := s.ends()
	was, _ := within(first.Median, first.Low, first.High)
	is, _ := within(last.Median, last.Low, last.High)
	return c.show(fmt.Sprintf("From %d to %d ranks the median goes from %s to %s s, where the ideal line has %s s%s.",
		first.Ranks, last.Ranks, was, is, significant(s.idealSeconds(last), 3), s.hollow()))
}

// hollow explains hollow marks where there are some.
func (s *Summary) hollow() string {
	if _, ranks := s.turns(); ranks > 0 {
		return "; hollow: ranks that take turns"
	}
	return ""
}

// modelledSeries are lines of what was modelled, one a link: rows on as many cores as
// ranks, then projections.
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
	c := s.chart(id, "efficiency", "Efficiency and its factors against ranks", "efficiency, % (bars: 95 % interval)", "efficiency against the number of ranks, with its factors of iterations and per iteration.")
	c.percent, c.level, c.levelName = true, 1, ""
	efficiency := func(r *Row) float64 { return r.Efficiency }
	iterations, per := func(r *Row) float64 { return r.OfIterations }, func(r *Row) float64 { return r.PerIteration }
	c.series = []series{
		{name: "efficiency", class: "s1", points: s.dots(efficiency,
			func(r *Row) float64 { v, _ := r.efficiencyBounds(); return v }, func(r *Row) float64 { _, v := r.efficiencyBounds(); return v },
			func(r *Row) string { return "efficiency " + percent(r.Efficiency) + " %" }, "data-efficiency", efficiency)},
		{name: "of iterations", class: "s4", shape: 1, thin: true, points: s.dots(iterations, nil, nil,
			func(r *Row) string { return "of iterations " + percent(r.OfIterations) + " %" }, "data-of-iterations", iterations)},
		{name: "per iteration", class: "s3", shape: 2, thin: true, points: s.dots(per, nil, nil,
			func(r *Row) string { return "per iteration " + percent(r.PerIteration) + " %" }, "data-per-iteration", per)},
	}
	_, last := s.ends()
	caption := fmt.Sprintf("The efficiency goes from %s %% on %s to %s %% on %d", s.Rows[0].efficiencySaid(), count(s.Rows[0].Ranks, "rank", "ranks"), last.efficiencySaid(), last.Ranks)
	if factors := sentence(clause{"iterations keep %s %% of it", last.OfIterations, percent}, clause{"the time of one iteration %s %%", last.PerIteration, percent}); factors != "" {
		caption += ": " + factors
	}
	return c.show(caption + s.hollow() + ".")
}

func (s *Summary) iterationFigure(id string) figure {
	if len(s.Rows) == 0 || s.Rows[0].Iterations == 0 {
		return figure{}
	}
	c := s.chart(id, "iterations", "Iterations against ranks", "iterations", "iterations to the tolerance against the number of ranks.")
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
	return c.show(fmt.Sprintf("The method needs %s on %s and %s on %d%s.", count(first.Iterations, "iteration", "iterations"),
		count(first.Ranks, "rank", "ranks"), exactNonZero(float64(last.Iterations)), last.Ranks, s.hollow()))
}

func (s *Summary) haloFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "halo", "Exchange and halo against ranks", "share, %", "time of exchange over time of computing, halo over owned elements, and share of the time spent waiting, against the number of ranks.")
	c.percent = true
	exchange := func(r *Row) float64 { return r.HaloShare }
	surface, wait := func(r *Row) float64 { return r.SurfaceVolume }, func(r *Row) float64 { return r.WaitShare }
	c.series = []series{
		{name: "exch./compute", class: "s1", points: s.dots(exchange, nil, nil, func(r *Row) string { return "exchange / compute " + percent(r.HaloShare) + " %" }, "data-exchange", exchange)},
		{name: "halo/owned", class: "s3", shape: 2, thin: true, points: s.dots(surface, nil, nil, func(r *Row) string { return "halo / owned " + percent(r.SurfaceVolume) + " %" }, "data-halo", surface)},
		{name: "wait share", class: "s4", shape: 1, thin: true, points: s.dots(wait, nil, nil, func(r *Row) string { return "wait share " + percent(r.WaitShare) + " %" }, "data-wait", wait)},
	}
	_, last := s.ends()
	return c.show(fmt.Sprintf("On %d ranks %s%s.", last.Ranks, sentence(
		clause{"exchanges take %s %% of the time of computing", last.HaloShare, percent},
		clause{"the halo is %s %% of what ranks own", last.SurfaceVolume, percent},
		clause{"calls by which ranks talk take %s %% of their time", last.WaitShare, percent}), s.hollow()))
}

// modelFigure shows how far the model can be believed.
func (s *Summary) modelFigure(id string) figure {
	if len(s.Rows) == 0 {
		return figure{}
	}
	c := s.chart(id, "model", "Model against measurement", "modelled time / measured time", "the modelled time over the measured median, against the number of ranks.")
	c.level, c.levelName, c.atLeast = 1, "as measured", 1.2
	ratio := func(r *Row) float64 { return r.ModelOverReal }
	modelled, median := func(r *Row) float64 { return r.Modelled }, func(r *Row) float64 { return r.Median }
	c.series = []series{{name: "modelled", class: "s2", shape: 3, dashed: true, points: s.dots(ratio, nil, nil, func(r *Row) string {
		return fmt.Sprintf("modelled %s s, measured %s s", significant(r.Modelled, 3), significant(r.Median, 3))
	}, "data-modelled", modelled, "data-median", median, "data-ratio", ratio)}}
	low, high := math.Inf(1), 0.0
	for i := range s.Rows {
		if r := &s.Rows[i]; !r.Oversubscribed && known(r.ModelOverReal) {
			low, high = min(low, r.ModelOverReal), max(high, r.ModelOverReal)
		}
	}
	caption := fmt.Sprintf("Where every rank has a core, the model (%s) gives %s to %s of the measured time%s.", s.Study.Link.said(), significant(low, 2), significant(high, 2), s.hollow())
	if high == 0 {
		caption = fmt.Sprintf("No row has a core for every rank, so the model (%s) cannot be held to a measurement.", s.Study.Link.said())
	}
	return c.show(caption)
}
