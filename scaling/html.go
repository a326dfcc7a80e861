package scaling

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.tmpl.html
var reportPage string

//go:embed report.css
var reportStyle string

// page is what the template shows.
type page struct {
	Title, Made string
	Style       template.CSS
	Where       string // host, processor, cores and how ranks were started, in one line
	Studies     []pageStudy
	Environment []named
	Definitions []named
}

type pageStudy struct {
	ID, Title       string
	Headline, Facts []string
	Figures         []pageFigure
	Tables          []table
}

type pageFigure struct {
	figure
	Picture template.HTML
}

// WriteHTML writes a report as one self-contained page: figures (SVG) and style are
// inside, and there are no scripts and no links to other servers.
func WriteHTML(w io.Writer, r *Report) error {
	t, err := template.New("report.html").Parse(reportPage)
	if err != nil {
		return fmt.Errorf("scaling: report.html: %w", err)
	}
	p := page{Title: r.Title, Style: template.CSS(reportStyle), Where: r.Environment.where(), Environment: r.Environment.list(), Definitions: definitions}
	if !r.Made.IsZero() {
		p.Made = r.Made.UTC().Format("2006-01-02 15:04 UTC")
	}
	for i := range r.Studies {
		s := &r.Studies[i]
		id := fmt.Sprintf("study-%d", i+1)
		study := pageStudy{ID: id, Title: s.Study.Title, Headline: s.headline(), Facts: s.facts(), Tables: s.tables()}
		for _, f := range s.figures(id) {
			study.Figures = append(study.Figures, pageFigure{f, template.HTML(f.SVG)})
		}
		p.Studies = append(p.Studies, study)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("scaling: report.html: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("scaling: report.html: %w", err)
	}
	return nil
}
