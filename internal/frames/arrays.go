package frames

import (
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/report"
	"tessera/ranks"
)

// Picture is one array of a result, which is drawn and may have files of its own.
type Picture struct {
	Name    string                               // of a PNG file of the array alone, without axes; "" = none
	Chart   string                               // of a figure of the array with axes and colour bar, without .png; "" = none
	Title   string                               // in panel.png, and of the chart
	Scale   string                               // quantity and unit: arrays with the same ones are drawn on one scale; "" = those of the first picture
	Owned   func() ([]float64, error)            // this rank's part; collective
	Stretch func(*imageio.Frame) imageio.Stretch // measured on rank 0 on the first array with a scale; nil for the others
	Panel   int                                  // its place in panel.png, from the left
	Inset   int                                  // how many times its panel enlarges the middle in a corner; 0 = not
	Files   []File                               // the array itself
}

// Part is an array that is there already.
func Part(a []float64) func() ([]float64, error) {
	return func() ([]float64, error) { return a, nil }
}

// Npy is the file of an array in the directory of the result.
func (r *Restoration) Npy(name string) []File { return []File{{Path: r.Path(name)}} }

// AnswerFiles are solution.npy and, where the frame came from a FITS file, solution.fits with its
// header and, as HISTORY, what the answer is.
func (r *Restoration) AnswerFiles(history ...string) []File {
	files := r.Npy("solution.npy")
	if !r.Obs.FITS {
		return files
	}
	fits := File{Path: r.Path("solution.fits")}
	if src := r.Obs.Source; src != nil { // rank 0
		fits.Header, fits.Tables, fits.History = src.Header, src.Tables, history
	}
	return append(files, fits)
}

// PanelName is the name of the figure that WriteArrays draws, without .png.
const PanelName = "panel"

// WriteArrays writes one array after the other into its files and, with labels, draws it.
// It gathers one whole array at a time on rank 0, or none if the run is apart: then pictures
// are drawn from block means, and the panel from the middle. It returns the seconds that
// gathering the first array, the solution, took. Collective.
func (r *Restoration) WriteArrays(list []Picture, l *Labels) (gathered float64, err error) {
	d := &drawing{Restoration: r, labels: l, images: make([]report.Image, len(list))}
	if l != nil && l.Observed != nil {
		if err := d.observe(); err != nil {
			return 0, err
		}
	}
	for i, p := range list {
		if l == nil && len(p.Files) == 0 {
			continue
		}
		owned, err := p.Owned()
		if err != nil {
			return 0, err
		}
		start := r.Comm.Wtime()
		whole, err := r.Gather(owned)
		if err != nil {
			return 0, err
		}
		if i == 0 && !r.Apart {
			gathered = r.Comm.Wtime() - start
		}
		if err := r.WriteFiles(p.Files, owned, whole); err != nil {
			return gathered, err
		}
		if l == nil {
			continue
		}
		drawn, middle, err := r.Views(owned, whole)
		if err != nil {
			return gathered, err
		}
		if err := ranks.OnRoot(r.Comm, func() error { return d.add(&p, drawn, middle) }); err != nil {
			return gathered, err
		}
	}
	if l == nil {
		return gathered, nil
	}
	return gathered, ranks.OnRoot(r.Comm, d.write)
}

// drawing is the panel that grows with each array, on rank 0.
type drawing struct {
	*Restoration
	labels         *Labels
	images         []report.Image
	scales, middle []report.Scale // of the whole frame, and of its middle
	drawnSeen      []int          // observed pixels of the frame as it is drawn; nil = all
	middleSeen     []int          // and of its middle
}

// observe finds the observed pixels. Collective.
func (d *drawing) observe() error {
	whole, err := d.Gather(d.labels.Observed)
	if err != nil {
		return err
	}
	drawn, middle, err := d.Views(d.labels.Observed, whole)
	if err != nil || d.Comm.Rank() != 0 {
		return err
	}
	d.drawnSeen, d.middleSeen = regions(drawn), regions(middle)
	return nil
}

// border is what the lines around observed pixels are.
const border = "border of the observed area"

// add draws an array.
func (d *drawing) add(p *Picture, drawn, middle *imageio.Frame) error {
	at := d.scale(p, drawn, middle)
	d.images[p.Panel] = report.Image{Title: p.Title, Frame: middle, Scale: at, Inset: p.Inset, Regions: d.middleSeen}
	if p.Name != "" {
		f := drawn
		if d.labels.Lower {
			f = drawn.Flipped()
		}
		if err := imageio.WritePNG(d.Path(p.Name), f, d.scales[at].Stretch); err != nil {
			return err
		}
	}
	if p.Chart == "" {
		return nil
	}
	chart := d.Chart(d.labels, drawn, strings.ToUpper(p.Title[:1])+p.Title[1:], d.scales[at])
	chart.Notes = append([]string{d.labels.Title + "."}, chart.Notes...)
	if d.drawnSeen != nil {
		chart.Images[0].Regions, chart.Lines = d.drawnSeen, border
	}
	return chart.Write(d.Path(p.Chart), d.Figures()...)
}

// scale is the number of the scale of an array, which is measured if it is new.
func (d *drawing) scale(p *Picture, drawn, middle *imageio.Frame) int {
	for i := range d.scales {
		if p.Scale == "" || d.scales[i].Label == p.Scale {
			return i
		}
	}
	s := p.Stretch(drawn)
	m := s
	// The noise of block means is smaller than that of pixels.
	if drawn.Rows < d.Common.Rows || drawn.Cols < d.Common.Cols {
		m = p.Stretch(middle)
	}
	d.scales = append(d.scales, report.Scale{Label: p.Scale, Stretch: s})
	d.middle = append(d.middle, report.Scale{Label: p.Scale, Stretch: m})
	return len(d.scales) - 1
}

// write draws the panel.
func (d *drawing) write() error {
	rows, cols := d.Obs.Shape()
	p := d.labels.Panel(MiddleBox(rows, cols), rows, cols, 1)
	p.Images = d.images
	at := make([]int, len(d.middle)) // numbers of the scales in the order of the images, from 1
	for i, m := range p.Images {
		if at[m.Scale] == 0 {
			p.Scales = append(p.Scales, d.middle[m.Scale])
			at[m.Scale] = len(p.Scales)
		}
		p.Images[i].Scale = at[m.Scale] - 1
	}
	if d.middleSeen != nil {
		p.Lines = border
	}
	return p.Write(d.Path(PanelName), d.Figures()...)
}
