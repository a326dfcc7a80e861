package kernel

import (
	"context"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
)

// write leaves the result. Collective.
func (r *run) write(ctx context.Context) error {
	coefficients, err := r.coefficients()
	if err != nil {
		return err
	}
	observed, err := r.raster()
	if err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(coefficients, observed)
		},
		Metrics: r.m,
		After:   r.m.loads,
	})
}

// earlierName is that of the answer in earlier versions, which scripts read.
const earlierName = "fit.npy"

// resultFiles are all files that a run may leave.
func resultFiles() []string {
	return append([]string{"solution.npy", "solution.png", earlierName, "variance.npy",
		"coefficients.npy", "coefficients.csv", "coefficients.fits",
		fitName, gridName, gridFITS, "predictions.npy", "predictions.csv", "predictions.fits"}, report.Names("map", "panel", "cells")...)
}

// writeFiles leaves the tables, the fit on its grid and the pictures.
func (r *run) writeFiles(coefficients *imageio.Table, observed [2][]float64) error {
	if err := imageio.WriteTable(r.Path("coefficients"+r.extension()), coefficients); err != nil {
		return err
	}
	if coefficients.Rows*coefficients.Cols <= mostSaved {
		if err := r.save(r.Path(fitName), coefficients); err != nil {
			return err
		}
	}
	if t := r.predictions; t != nil {
		if err := imageio.WriteTable(r.Path("predictions."+t.Format), t); err != nil {
			return err
		}
	}
	shape := []int{len(r.values)}
	if r.grid != nil {
		shape = r.grid.shape
	}
	for _, name := range []string{"solution.npy", earlierName} {
		if err := imageio.WriteNpy(r.Path(name), shape, r.values); err != nil {
			return err
		}
	}
	if r.spread != nil {
		if err := imageio.WriteNpy(r.Path("variance.npy"), shape, r.spread); err != nil {
			return err
		}
	}
	if r.grid != nil {
		if err := r.writeGrid(); err != nil {
			return err
		}
	}
	if r.grid == nil || len(shape) != 2 {
		return nil
	}
	return r.draw(observed)
}

// extension of the table of coefficients: as the observations came.
func (r *run) extension() string {
	switch e := filepath.Ext(r.c.Observations.Path); e {
	case ".csv", ".fits":
		return e
	}
	return ".npy"
}

// coefficients gathers place, y, sigma and coefficient of all observations, in
// their order, on rank 0.
func (r *run) coefficients() (*imageio.Table, error) {
	p, d := r.fit.Points, r.obs.data.Dim
	width := d + 4
	mine := make([]float64, 0, p.Len()*width)
	for i, id := range p.ID {
		mine = append(mine, float64(id))
		mine = append(mine, p.X[i*d:(i+1)*d]...)
		mine = append(mine, p.Attr[2*i], p.Attr[2*i+1], r.fit.Coefficients[i]*r.obs.door.amplitude)
	}
	whole, err := ranks.Counts(r.Comm, len(mine))
	if err != nil {
		return nil, err
	}
	total := 0
	for _, n := range whole {
		total += n
	}
	var all []float64
	if r.Comm.Rank() == 0 {
		all = make([]float64, total)
	}
	if err := r.Comm.Gatherv(all, whole, mine, 0); err != nil || r.Comm.Rank() != 0 {
		return nil, err
	}
	t := &imageio.Table{Rows: total / width, Cols: width - 1, Data: make([]float64, total/width*(width-1))}
	for at := 0; at < total; at += width {
		copy(t.Data[int(all[at])*(width-1):], all[at+1:at+width])
	}
	if r.obs.survey != nil {
		t.Names = append(coordinateNames(d), "value", "sigma", "coefficient")
		return t, nil
	}
	// Places, values and sigma as they were read.
	raw := &r.obs.raw
	out := &imageio.Table{Rows: t.Rows, Cols: raw.Dim + 3, Names: append(r.obs.coordinateNames(), "value", "sigma", "coefficient")}
	for i := range t.Rows {
		sigma := 1.0
		if raw.Sigma != nil {
			sigma = raw.Sigma[i]
		}
		out.Data = append(append(out.Data, raw.X[i*raw.Dim:(i+1)*raw.Dim]...), raw.Y[i], sigma, t.Data[(i+1)*t.Cols-1])
	}
	return out, nil
}
