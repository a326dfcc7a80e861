package kernel

import (
	"fmt"
	"math"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/internal/tables"
	"tessera/tikhonov/kernel"
	"tessera/train"
)

// fitName is the file of a fit, with which values are predicted at other places.
const fitName = "fit.npz"

// fitKind is the kind of that file.
const fitKind = "kernel fit"

// mostSaved is how many numbers such a file may hold; a larger fit is not saved.
const mostSaved = 1 << 25

// fitAbout describes a fit in its file. Values are in the unit of the file of the observations.
type fitAbout struct {
	Family   string    `json:"family"`
	Width    float64   `json:"width"`            // in units of Units
	Truncate float64   `json:"truncate"`         // of kernels without compact support
	Mean     float64   `json:"mean"`             // added to the sum of the kernels
	Slope    []float64 `json:"slope,omitempty"`  // then added, along each coordinate of the solver; none = 0
	Centre   []float64 `json:"centre,omitempty"` // where that is 0, in coordinates of the solver
	Sphere   bool      `json:"sphere,omitempty"` // the first two coordinates are longitude and latitude in degrees
	Dim      int       `json:"dim"`              // coordinates
	Units    []float64 `json:"units"`            // of each coordinate, in its unit
	Periods  []float64 `json:"periods"`          // of each coordinate, 0 = none
	Pixels   bool      `json:"pixels"`           // the coordinates are row and column
	Names    []string  `json:"names"`            // of the coordinates
	In       []string  `json:"in,omitempty"`     // units of the coordinates as their file says them, degrees of longitude and latitude; "" or none = not said
	Source   string    `json:"source"`           // of the observations
	Outer    *layer    `json:"outer,omitempty"`  // of a deep kernel: the second layer; the one above is the first
}

// layer is the second layer of a deep kernel.
type layer struct {
	Family   string  `json:"family"`
	Width    float64 `json:"width"`    // in the unit of the features
	Features int     `json:"features"` // of a place
}

// saved is a fit as its file holds it.
type saved struct {
	fitAbout
	places       []float64 // observations x Dim, in the units of their file
	coefficients []float64 // of the observations, in the unit of the values
	inner        []float64 // of a deep kernel: observations x Features, of the first layer
	features     []float64 // likewise, of the observations
}

// save writes the fit whose observations and coefficients are the rows of a table. Rank 0 alone.
func (r *run) save(path string, table *imageio.Table) error {
	d := &r.obs.door
	s := saved{fitAbout: fitAbout{
		Family: r.m.Family, Width: r.m.Width / d.length, Truncate: r.c.Kernel.Truncate, Mean: r.m.Mean,
		Dim: d.dim, Units: d.unit, Periods: d.period, Sphere: d.sphere, Pixels: r.obs.rows > 0, Names: table.Names[:d.dim], In: r.obs.units, Source: r.m.Source,
	}}
	s.Centre = r.fit.Trend.Centre
	for _, v := range r.fit.Trend.Slope {
		s.Slope = append(s.Slope, v*d.amplitude)
	}
	for i := range table.Rows {
		row := table.Data[i*table.Cols : (i+1)*table.Cols]
		s.places = append(s.places, row[:d.dim]...)
		s.coefficients = append(s.coefficients, row[table.Cols-1])
	}
	m := train.Model{Kind: fitKind, About: s.fitAbout, Arrays: []imageio.Member{
		{Name: "places", Array: imageio.Array{Shape: []int{table.Rows, d.dim}, Data: s.places}},
		{Name: "coefficients", Array: imageio.Array{Shape: []int{table.Rows}, Data: s.coefficients}},
	}}
	return m.Write(path)
}

// readFit reads the fit in a file, or in the directory of a result.
func readFit(path string) (*saved, error) {
	if filepath.Ext(path) != ".npz" {
		path = filepath.Join(path, fitName)
	}
	s := &saved{}
	m, err := train.ReadModel(path, fitKind, &s.fitAbout)
	if err != nil {
		return nil, err
	}
	for _, a := range m.Arrays {
		switch a.Name {
		case "places":
			s.places = a.Data
		case "coefficients":
			s.coefficients = a.Data
		case "inner":
			s.inner = a.Data
		case "features":
			s.features = a.Data
		}
	}
	n := len(s.coefficients)
	if s.Dim < 1 || s.Dim > 3 || n == 0 || len(s.places) != n*s.Dim || len(s.Units) != s.Dim || len(s.Periods) != s.Dim || !(s.Width > 0) {
		return nil, fmt.Errorf("%s: %d coordinates of %d observations with %d coefficients: not the fit of a job \"kernel\"", path, len(s.places), n, len(s.coefficients))
	}
	if inner := s.door().inner(); len(s.Slope) > 0 && len(s.Slope) != inner || len(s.Slope) != len(s.Centre) || s.Sphere && s.Dim < 2 {
		return nil, fmt.Errorf("%s: a trend with %d slopes and %d places in %d coordinates: not the fit of a job \"kernel\"", path, len(s.Slope), len(s.Centre), inner)
	}
	if o := s.Outer; o != nil && (o.Features < 1 || o.Features > 3 || !(o.Width > 0) || len(s.inner) != n*o.Features || len(s.features) != n*o.Features) {
		return nil, fmt.Errorf("%s: %d and %d numbers of two layers with %d features of %d observations: not the fit of a job \"deep-kernel\"", path, len(s.inner), len(s.features), o.Features, n)
	}
	for k, u := range s.Units {
		if !(u > 0) || math.IsInf(u, 0) || !(s.Periods[k] >= 0) {
			return nil, fmt.Errorf("%s: unit %g and period %g of coordinate %d: want positive numbers", path, u, s.Periods[k], k+1)
		}
	}
	return s, nil
}

// Prediction is a fit at the places of a table.
type Prediction struct {
	Names  []string   // of the columns of the table, and of those that were added
	Rows   [][]string // the fields of the table as they were, and the predictions
	Beyond int        // places beyond the support of the observations
	Input  string     // what was taken from the table, in words
}

// farKernel is the value of the kernel at the nearest observation below which a place is beyond
// the support of the observations: what is predicted there is little else than the mean, or the trend.
const farKernel = 0.01

// A place is beyond the support, too, if the nearest observation is more than so many times as far
// as any of the observations that are looked at is from its own nearest one: a wide kernel says
// nothing of places where nothing was observed.
const (
	farSpacing   = 3
	spacingsSeen = 5000
)

// Predict evaluates the fit of a result, its directory or its fit.npz, at the places of a table.
// columns names their coordinates; nil = those that have the names of the coordinates of the
// observations. Coordinates in another unit of angle than that of the fit are converted; any other unit than that of the
// fit is an error. All columns of the table come back as they were, with these behind them:
//
//	predicted         the fit, in the unit of the observed values
//	distance          to the nearest observation, in the unit of the coordinates, on a sphere along it; only where they have one unit
//	distance_widths   the same in units of the width of the kernel, which may differ from axis to axis
//	beyond            1 = the kernel at the nearest observation is less than 0.01 of its largest value, or that observation
//	                  is more than 3 times as far as observations are from each other at most; else 0
func Predict(fit, places string, columns []string) (*Prediction, error) {
	s, err := readFit(fit)
	if err != nil {
		return nil, err
	}
	t, err := imageio.ReadTable(places)
	if err != nil {
		return nil, err
	}
	at, err := tables.Places(t, tables.Named(s.Names, s.Dim, s.Pixels), tables.Want{Key: "-columns", Columns: columns, Pixels: s.Pixels})
	if err != nil {
		return nil, inFile(places, err)
	}
	rows, err := tables.Take(t, at, tables.Refuse, "", nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", places, err)
	}
	units := s.In
	if s.Sphere {
		units = sphereUnits(units)
	}
	said, err := at.Convert(t, rows.X, units)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", places, err)
	}
	if s.Sphere {
		if i, err := checkAngles(rows.X, s.Dim); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", places, t.Where(rows.At[i]), err)
		}
	}
	p := &Prediction{Input: places + ": " + joined(t.Part+", "+at.Text(t), said)}
	if p.Names, p.Rows, err = imageio.ReadFields(places); err != nil {
		return nil, err
	}
	if p.Rows == nil {
		p.Names = t.Names
		for i := range t.Rows {
			var row []string
			for _, v := range t.Data[i*t.Cols : (i+1)*t.Cols] {
				row = append(row, number(v))
			}
			p.Rows = append(p.Rows, row)
		}
	}
	if p.Names == nil {
		for k := range t.Cols {
			p.Names = append(p.Names, fmt.Sprintf("column%d", k+1))
		}
	}
	p.Names = append(p.Names[:len(p.Names):len(p.Names)], "predicted")
	one := s.oneUnit()
	if one {
		p.Names = append(p.Names, "distance")
	}
	p.Names = append(p.Names, "distance_widths", "beyond")
	e := newEvaluator(s)
	spacing := e.tree.spacing(spacingsSeen)
	for i := range p.Rows {
		v, r := e.at(rows.X[i*s.Dim : (i+1)*s.Dim])
		row := append(p.Rows[i], number(v))
		if one {
			row = append(row, number(s.outward(r*s.Units[0])))
		}
		beyond := "0"
		if e.kernel.At(r) < farKernel || r >= e.kernel.Radius() || spacing > 0 && r > farSpacing*spacing {
			beyond = "1"
			p.Beyond++
		}
		p.Rows[i] = append(row, number(r/s.Width), beyond)
	}
	return p, nil
}

// outward is the distance of two places whose straight distance for the solver is r, both in the
// unit of the coordinates.
func (s *saved) outward(r float64) float64 {
	if s.Sphere {
		return angle(r)
	}
	return r
}

// door brings places to the solver.
func (s *saved) door() *door {
	return &door{dim: s.Dim, amplitude: 1, unit: s.Units, period: s.Periods, sphere: s.Sphere, length: 1}
}

// oneUnit tells whether all coordinates have the same unit, so that distances have it too. On a
// sphere there are no others than longitude and latitude then.
func (s *saved) oneUnit() bool {
	if s.Sphere && s.Dim > 2 {
		return false
	}
	for k := range s.Units {
		if s.Units[k] != s.Units[0] {
			return false
		}
	}
	return true
}

func number(v float64) string { return fmt.Sprintf("%.12g", v) }

// evaluator evaluates a fit at single places.
type evaluator struct {
	*saved
	door   *door
	trend  kernel.Trend
	kernel kernel.Kernel
	tree   *tree
	outer  kernel.Kernel // of a deep kernel
	second *tree         // of it: the features of the observations; else nil
}

func newEvaluator(s *saved) *evaluator {
	e := &evaluator{saved: s, door: s.door(), trend: kernel.Trend{Mean: s.Mean, Slope: s.Slope, Centre: s.Centre}}
	e.kernel = kernel.Kernel{Family: kernel.Family(s.Family), Width: s.Width, Truncate: s.Truncate}
	e.tree = newTree(e.door.places(s.places), e.door.inner())
	if o := s.Outer; o != nil {
		e.outer = kernel.Kernel{Family: kernel.Family(o.Family), Width: o.Width}
		e.second = newTree(s.features, o.Features)
	}
	return e
}

// at is the fit at a place, and the distance to the nearest observation in the unit of the solver.
func (e *evaluator) at(place []float64) (value, distance float64) {
	x := e.door.places(place)
	value = e.trend.At(x)
	if o := e.Outer; o != nil {
		z := make([]float64, o.Features)
		e.tree.within(x, e.kernel.Radius(), func(i int, r float64) {
			k := e.kernel.At(r)
			for j := range z {
				z[j] += e.inner[i*len(z)+j] * k
			}
		})
		e.second.within(z, e.outer.Radius(), func(i int, r float64) { value += e.coefficients[i] * e.outer.At(r) })
		return value, e.tree.nearest(x)
	}
	e.tree.within(x, e.kernel.Radius(), func(i int, r float64) { value += e.coefficients[i] * e.kernel.At(r) })
	return value, e.tree.nearest(x)
}
