package kernel

import (
	"context"
	"fmt"

	"tessera/internal/imageio"
	"tessera/internal/simulate"
)

// Sampling describes simulated observations that are written to a table.
type Sampling struct {
	From     string  // a picture whose pixels are sampled; "" = a survey
	Fraction float64 // of the pixels, more than 0 and at most 1

	// Of the survey.
	Count     int     // observations
	Dim       int     // coordinates of the unit cube, 1 to 3
	Clusters  int     // 0 = the places are uniform
	Clustered float64 // fraction of the observations in clusters
	Noise     float64 // standard deviation
}

// Check returns an error that names the first flag with a wrong value.
func (s *Sampling) Check() error {
	switch {
	case !(s.Fraction > 0) || s.Fraction > 1:
		return fmt.Errorf("-fraction %v: want more than 0, at most 1", s.Fraction)
	case s.Count < 1 || s.Count > 1<<31:
		return fmt.Errorf("-count %d: want 1 to 2^31", s.Count)
	case s.Dim < 1 || s.Dim > 3:
		return fmt.Errorf("-dim %d: want 1 to 3", s.Dim)
	case s.Clusters < 0 || s.Clusters > 10000:
		return fmt.Errorf("-clusters %d: want 0 to 10000", s.Clusters)
	case !(s.Clustered >= 0) || s.Clustered > 1:
		return fmt.Errorf("-clustered %v: want a fraction, 0 to 1", s.Clustered)
	case !(s.Noise >= 0):
		return fmt.Errorf("-noise %v: want 0 or more", s.Noise)
	}
	return nil
}

// Write writes the observations that a kernel job with the same settings would make, and
// returns their number. The ending of the path says the format: .csv, .npy or .fits.
func (s *Sampling) Write(path string, seed uint64) (n int, err error) {
	t := &imageio.Table{}
	if s.From != "" {
		c := &settings{Seed: seed, Frame: frameSection{Truth: s.From, Fraction: s.Fraction}}
		o := scattered{source: s.From}
		if err := c.sample(context.Background(), &o); err != nil {
			return 0, err
		}
		t.Names, t.Cols, t.Rows = []string{"row", "col", "value"}, 3, len(o.raw.Y)
		for i, y := range o.raw.Y {
			t.Data = append(append(t.Data, o.raw.X[2*i:2*i+2]...), y)
		}
		return t.Rows, imageio.WriteTable(path, t)
	}
	survey := simulate.Survey{Seed: seed, Dim: s.Dim, Clusters: s.Clusters, Clustered: s.Clustered, Noise: s.Noise}
	t.Names = append(coordinateNames(s.Dim), "value")
	t.Cols, t.Rows = s.Dim+1, s.Count
	t.Data = make([]float64, s.Count*t.Cols)
	for i := range s.Count {
		row := t.Data[i*t.Cols : (i+1)*t.Cols]
		row[s.Dim] = survey.Observation(i, row[:s.Dim])
	}
	return t.Rows, imageio.WriteTable(path, t)
}
