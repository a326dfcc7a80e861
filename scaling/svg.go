package scaling

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// svg writes a picture element by element and escapes attributes and text.
type svg struct {
	b    strings.Builder
	open []string
}

// attributes are pairs of a name and a value, a string or a number; empty ones are left out.
type attributes []any

func (s *svg) tag(name string, end string, a attributes) {
	s.b.WriteString("<" + name)
	for i := 0; i+1 < len(a); i += 2 {
		var v string
		switch x := a[i+1].(type) {
		case float64:
			v = units(x)
		case int:
			v = strconv.Itoa(x)
		default:
			v = fmt.Sprint(x)
		}
		if v != "" {
			fmt.Fprintf(&s.b, ` %s="%s"`, a[i], html.EscapeString(v))
		}
	}
	s.b.WriteString(end)
}

// begin opens an element that end closes.
func (s *svg) begin(name string, a ...any) {
	s.tag(name, ">", a)
	s.open = append(s.open, name)
}

func (s *svg) end() {
	last := len(s.open) - 1
	s.b.WriteString("</" + s.open[last] + ">")
	s.open = s.open[:last]
}

// leaf is an element without content.
func (s *svg) leaf(name string, a ...any) { s.tag(name, "/>", a) }

// words is an element of text alone: text, title or desc.
func (s *svg) words(name, words string, a ...any) {
	s.tag(name, ">", a)
	s.b.WriteString(html.EscapeString(words) + "</" + name + ">")
}

func (s *svg) text(x, y float64, class, words string) {
	s.words("text", words, "x", x, "y", y, "class", class)
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	s.leaf("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", class)
}

// units are user units to a hundredth.
func units(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// picture opens an svg with a title and a description for screen readers; the caller closes it.
func picture(id, title, description string, width, height float64) *svg {
	s := &svg{}
	s.begin("svg", "id", id, "viewBox", "0 0 "+units(width)+" "+units(height), "role", "img", "aria-labelledby", id+"-title "+id+"-desc")
	s.words("title", title, "id", id+"-title")
	s.words("desc", description, "id", id+"-desc")
	return s
}

// marker is a mark of the given shape at (x, y); tip is shown when the pointer is on it.
func (s *svg) marker(shape int, x, y float64, class, tip string, data attributes) {
	const r = 4.0
	a := append(attributes{"class", class}, data...)
	switch shape % 4 {
	case 0:
		s.begin("circle", append(attributes{"cx", x, "cy", y, "r", r}, a...)...)
	case 1:
		s.begin("rect", append(attributes{"x", x - r + 0.5, "y", y - r + 0.5, "width", 2*r - 1, "height", 2*r - 1}, a...)...)
	case 2:
		s.begin("path", append(attributes{"d", fmt.Sprintf("M%s %sl%s %sh%sz", units(x), units(y-r-0.5), units(r+0.5), units(2*r), units(-2*r-1))}, a...)...)
	default:
		d := r + 1
		s.begin("path", append(attributes{"d", fmt.Sprintf("M%s %sl%s %sl%s %sl%s %sz", units(x), units(y-d), units(d), units(d), units(-d), units(d), units(-d), units(-d))}, a...)...)
	}
	s.words("title", tip)
	s.end()
}
