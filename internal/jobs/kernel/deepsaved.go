package kernel

import (
	"tessera/internal/imageio"
	"tessera/tikhonov/kernel/deep"
	"tessera/train"
)

// save writes the two layers, for tessera predict. Rank 0 alone.
func (r *deepRun) save(path string, l *deep.Layers) error {
	d := &r.obs.door
	n := len(l.Outer)
	s := saved{places: l.Places, fitAbout: fitAbout{
		Family: string(l.K1.Family), Width: l.K1.Width, Truncate: l.K1.Truncate, Mean: l.Mean * d.amplitude,
		Dim: d.dim, Units: d.unit, Periods: d.period, Sphere: d.sphere, Names: coordinateNames(d.dim), In: r.obs.units, Source: r.obs.source,
		Outer: &layer{Family: string(l.K2.Family), Width: l.K2.Width, Features: l.Width},
	}}
	if r.c.Observations.Path != "" { // places as they were read
		s.places, s.Names = r.obs.raw.X, r.obs.coordinateNames()
	}
	for _, v := range l.Outer {
		s.coefficients = append(s.coefficients, v*d.amplitude)
	}
	m := train.Model{Kind: fitKind, About: s.fitAbout, Arrays: []imageio.Member{
		{Name: "places", Array: imageio.Array{Shape: []int{n, d.dim}, Data: s.places}},
		{Name: "inner", Array: imageio.Array{Shape: []int{n, l.Width}, Data: l.Inner}},
		{Name: "features", Array: imageio.Array{Shape: []int{n, l.Width}, Data: l.Features}},
		{Name: "coefficients", Array: imageio.Array{Shape: []int{n}, Data: s.coefficients}},
	}}
	return m.Write(path)
}
