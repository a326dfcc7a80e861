package kernel

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/imageio"
	"tessera/ranks"
)

// evaluate fills the grid, or the table of places, and compares with the truth.
// Collective.
func (r *run) evaluate(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("evaluating")
	if r.c.Evaluate.Path != "" {
		err := r.evaluateTable(ctx)
		r.m.Seconds.Evaluate = r.Comm.Wtime() - start
		return err
	}
	shape, _ := r.c.Evaluate.Shape.Ints(1)
	var err error
	if r.grid, err = newGrid(r.obs, shape); err != nil {
		return err
	}
	var values, spread, truth []float64
	err = r.grid.parts(ctx, r.Comm, func(places []float64) error {
		v, err := r.fit.Predict(places)
		if err != nil {
			return err
		}
		values = append(values, v...)
		if r.c.Evaluate.Variance {
			if v, err = r.fit.Variance(places); err != nil {
				return err
			}
			spread = append(spread, v...)
		}
		if s, d := r.obs.survey, r.obs.data.Dim; s != nil {
			for ; len(places) > 0; places = places[d:] {
				truth = append(truth, s.Truth(places[:d]))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	total := r.grid.total()
	if r.values, err = collect(r.Comm, values, total); err != nil {
		return err
	}
	if r.c.Evaluate.Variance {
		if r.spread, err = collect(r.Comm, spread, total); err != nil {
			return err
		}
	}
	if r.obs.survey != nil {
		if r.truth, err = collect(r.Comm, truth, total); err != nil {
			return err
		}
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	if r.obs.frame != nil {
		r.truth = r.obs.frame.Data
	}
	if r.obs.rows > 0 {
		start = r.Comm.Wtime()
		if err := r.compare(ctx); err != nil {
			return err
		}
		r.m.Seconds.Compare = r.Comm.Wtime() - start
	}
	if r.truth != nil {
		r.m.RMSE = rmse(r.values, r.truth)
	}
	return nil
}

// rmse is the root mean square of a - b.
func rmse(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(s / float64(len(a)))
}

// evaluateTable predicts at the places of a table, which rank 0 reads. Collective.
func (r *run) evaluateTable(ctx context.Context) error {
	var places []float64
	var t *imageio.Table
	d := r.obs.data.Dim
	err := ranks.OnRoot(r.Comm, func() (err error) {
		if t, err = imageio.ReadTable(r.c.Evaluate.Path); err != nil {
			return err
		}
		places, err = placesOf(r.c.Evaluate.Path, t, d)
		return err
	})
	if err != nil {
		return err
	}
	mine := len(places) / d
	most := mine
	if err := ranks.Share(r.Comm, &most); err != nil {
		return err
	}
	var values, spread []float64
	err = inParts(ctx, r.Comm, 0, mine, most, func(lo, hi int) error {
		v, err := r.fit.Predict(places[lo*d : hi*d])
		if err != nil {
			return err
		}
		values = append(values, v...)
		if r.c.Evaluate.Variance {
			if v, err = r.fit.Variance(places[lo*d : hi*d]); err != nil {
				return err
			}
			spread = append(spread, v...)
		}
		return nil
	})
	if err != nil || r.Comm.Rank() != 0 {
		return err
	}
	r.values = values
	out := &imageio.Table{Rows: len(values), Format: t.Format}
	out.Names = append(coordinateNames(d), "value")
	if r.c.Evaluate.Variance {
		out.Names = append(out.Names, "variance")
	}
	out.Cols = len(out.Names)
	for i, v := range values {
		out.Data = append(append(out.Data, places[i*d:(i+1)*d]...), v)
		if r.c.Evaluate.Variance {
			out.Data = append(out.Data, spread[i])
		}
	}
	r.predictions = out
	return nil
}

// placesOf takes the d coordinates from the first columns of a table.
func placesOf(path string, t *imageio.Table, d int) ([]float64, error) {
	if t.Cols < d {
		return nil, fmt.Errorf("%s: %d columns, want the %d coordinates that the observations have", path, t.Cols, d)
	}
	var places []float64
	for i := range t.Rows {
		for k, x := range t.Data[i*t.Cols : i*t.Cols+d] {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("%s: %s: coordinate %s is %v, want a finite number", path, t.Where(i), coordinateNames(d)[k], x)
			}
			places = append(places, x)
		}
	}
	return places, nil
}

func coordinateNames(dim int) []string { return []string{"x", "y", "z"}[:dim:dim] }
