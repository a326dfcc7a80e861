package tables

import (
	"fmt"
	"strings"

	"tessera/internal/imageio"
)

// Text says which column is what.
func (c *Columns) Text(t *imageio.Table) string {
	if c.Names == nil {
		t = withoutNames(t)
	}
	f := &finder{t: t}
	list := func(at []int) string {
		var names []string
		for _, j := range at {
			names = append(names, f.call(j))
		}
		return strings.Join(names, ", ")
	}
	axes := "coordinates"
	if len(c.Coordinates) == 1 {
		axes = "coordinate"
	}
	parts := []string{fmt.Sprintf("%d rows x %d columns", t.Rows, t.Cols), axes + " " + list(c.Coordinates)}
	if c.Value >= 0 {
		parts = append(parts, "value "+f.call(c.Value))
		if c.Errors >= 0 {
			parts = append(parts, c.Kind.String()+" "+f.call(c.Errors))
		} else {
			parts = append(parts, "no errors: all weights are equal")
		}
	}
	return strings.Join(parts, ", ")
}

// Note says what else was decided: pixels counted from 1, columns taken by their place, or
// not used.
func (c *Columns) Note(t *imageio.Table, pixels bool) string {
	var parts []string
	switch {
	case c.given:
		parts = append(parts, "columns as the config names them")
	case c.Names == nil:
		parts = append(parts, "columns by their place")
	}
	if pixels && c.Names != nil {
		parts = append(parts, fmt.Sprintf("row %s, column %s", c.Names[0], c.Names[1]))
	}
	if len(c.axes) > 0 && c.axes[0].origin != 0 {
		parts = append(parts, fmt.Sprintf("pixels counted from %g", c.axes[0].origin))
	}
	if text := c.Suspects(t); text != "" {
		parts = append(parts, text)
	}
	if len(c.Unused) > 0 {
		shown := c.Unused
		if len(shown) > 12 {
			shown = append(shown[:10:10], fmt.Sprintf("and %d more", len(c.Unused)-10))
		}
		parts = append(parts, "not used: "+strings.Join(shown, ", "))
	}
	return strings.Join(parts, "; ")
}

// Units of the columns that are used, "" where the file does not say any.
func (c *Columns) Units(t *imageio.Table) string {
	if c.Names == nil {
		return ""
	}
	var list []string
	at := append(append([]int(nil), c.Coordinates...), c.Value, c.Errors)
	for _, j := range at {
		if j >= 0 && t.Unit(j) != "" {
			list = append(list, fmt.Sprintf("%s in %s", (&finder{t: t}).call(j), t.Unit(j)))
		}
	}
	return strings.Join(list, ", ")
}
