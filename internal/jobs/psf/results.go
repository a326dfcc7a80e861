package psf

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/psf"
	"tessera/ranks"
)

// write leaves the result. Collective.
func (r *run) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			if err := r.writeStack(); err != nil {
				return err
			}
			if err := ranks.OnRoot(r.Comm, func() error { return imageio.WriteTable(r.Path(tableName), r.table) }); err != nil {
				return err
			}
			if err := r.writeMosaic(); err != nil {
				return err
			}
			return ranks.OnRoot(r.Comm, r.writeConvergence)
		},
		Metrics: r.m,
		Remove:  r.kept.Remove,
	})
}

// resultFiles are all files that a run may leave.
func resultFiles() []string {
	return append([]string{solutionName, solutionFITS, tableName}, report.Names("mosaic", "convergence")...)
}

// batch is how many stamps go to rank 0 at once.
const batch = 64

// writeStack writes the solution on rank 0, to which the other ranks send it a batch at a
// time. Collective; the error is the same on all ranks.
func (r *run) writeStack() error {
	const tag = 71
	counts, err := ranks.Counts(r.Comm, r.s.Count())
	if err != nil {
		return err
	}
	most := []float64{0}
	for _, v := range r.result.Data {
		most[0] = max(most[0], math.Abs(v))
	}
	if err := r.Comm.Allreduce(most, most, ranks.Max); err != nil {
		return err
	}
	n := r.s.Side * r.s.Side
	if r.Comm.Rank() != 0 {
		for at := 0; at < r.s.Count(); at += batch {
			end := min(at+batch, r.s.Count())
			if err := r.Comm.Send(r.result.Data[at*n:end*n], 0, tag); err != nil {
				return err
			}
		}
		return ranks.OnRoot(r.Comm, nil) // the error of rank 0
	}
	files, failure := r.createFiles(most[0])
	for _, w := range files {
		defer w.Abort()
	}
	// Rank 0 receives all that the others send, also after a failure: they are sending it.
	buf := make([]float64, batch*n)
	for q, count := range counts {
		for at := 0; at < count; at += batch {
			k := min(batch, count-at) * n
			part := r.result.Data
			if q == 0 {
				part = part[at*n : at*n+k]
			} else {
				if _, err := r.Comm.Recv(buf[:k], q, tag); err != nil {
					return err
				}
				part = buf[:k]
			}
			for _, w := range files {
				if failure == nil {
					failure = w.Write(part)
				}
			}
		}
	}
	return ranks.OnRoot(r.Comm, func() error {
		for _, w := range files {
			if failure == nil {
				failure = w.Close()
			}
		}
		return failure
	})
}

// createFiles begins the files of the solution: solution.npy always, so that every program
// and every scaling study finds it, and solution.fits with the header of the stack where
// that is a FITS file.
func (r *run) createFiles(most float64) (files []*imageio.StackWriter, err error) {
	names := []string{solutionName}
	if r.s.format == "fits" {
		names = append(names, solutionFITS)
	}
	m := r.m
	single := r.c.PSF.Precision == string(psf.Single) && (most == 0 || most > 1e-30 && most < 1e37)
	for _, name := range names {
		w, err := imageio.CreateStack(r.Path(name), r.s.Total, r.s.Side, r.s.Side, single, r.s.header,
			fmt.Sprintf("tessera %s: deconvolution of %s", m.Tessera, filepath.Base(r.s.source)),
			fmt.Sprintf("%s, %s border, noise %.4g, %d iterations", m.Mode, m.Border, r.result.Noise, m.Iterations))
		if err != nil {
			return files, err
		}
		files = append(files, w)
	}
	return files, nil
}

// writeMosaic draws some stamps, evenly spread over the stack: observed, restored, the
// residual, and the truth where it is known. Collective.
func (r *run) writeMosaic() error {
	shown := min(r.c.Output.Mosaic, r.s.Total)
	if shown == 0 {
		return nil
	}
	n := r.s.Side * r.s.Side
	parts := 3
	if r.s.truth != nil {
		parts = 4
	}
	// Each stamp comes from the one rank that has it: the others add zeros.
	all := make([]float64, shown*parts*n)
	ids := make([]int, shown)
	for k := range ids {
		ids[k] = (2*k + 1) * r.s.Total / (2 * shown)
		i := ids[k] - r.s.First
		if i < 0 || i >= r.s.Count() {
			continue
		}
		to := func(p int) []float64 { return all[(k*parts+p)*n : (k*parts+p+1)*n] }
		copy(to(0), r.s.Data[i*n:(i+1)*n])
		copy(to(1), r.result.Data[i*n:(i+1)*n])
		r.s.Residual(psf.Border(r.c.PSF.Border), i, r.result.Data[i*n:(i+1)*n], to(2))
		if r.s.truth != nil {
			copy(to(3), r.s.truth[i*n:(i+1)*n])
		}
	}
	if err := r.Comm.Reduce(all, all, ranks.Sum, 0); err != nil {
		return err
	}
	return ranks.OnRoot(r.Comm, func() error { return r.drawMosaic(ids, all, parts) })
}

// drawMosaic draws parts pictures of each of the stamps ids.
func (r *run) drawMosaic(ids []int, all []float64, parts int) error {
	side := r.s.Side
	n := side * side
	frame := func(k, p int) *imageio.Frame {
		at := (k*parts + p) * n
		return &imageio.Frame{Channels: 1, Rows: side, Cols: side, Data: all[at : at+n]}
	}
	// All stamps are drawn on one scale and all residuals on another, so that they can be
	// compared with each other.
	light := &imageio.Frame{Channels: 1, Rows: 2 * side * len(ids), Cols: side}
	left := &imageio.Frame{Channels: 1, Rows: side * len(ids), Cols: side}
	for k := range ids {
		light.Data = append(append(light.Data, frame(k, 0).Data...), frame(k, 1).Data...)
		left.Data = append(left.Data, frame(k, 2).Data...)
	}
	lower := r.c.Output.Origin.Lower(r.s.format == "fits")
	m := report.Mosaic{
		Title:   fmt.Sprintf("%d of %d stamps: %s deconvolution", len(ids), r.m.Stamps, r.m.Mode),
		Notes:   []string{"Spread evenly over the stack.", frames.RowNote(lower)},
		Columns: []report.MosaicColumn{{Title: "observed"}, {Title: "restored"}, {Title: "residual", Scale: 1}, {Title: "truth"}}[:parts],
		Blocks:  (len(ids) + 5) / 6,
		Scales: []report.Scale{
			{Label: fmt.Sprintf("intensity (%s)", r.unit()), Stretch: imageio.Asinh(light)},
			{Label: "(observed - blurred solution) x sqrt(weight)", Stretch: imageio.Diverging(left)},
		},
		Lower: lower,
	}
	for k, id := range ids {
		row := report.MosaicRow{Label: []string{"stamp " + strconv.Itoa(id)}}
		if q, known := r.m.quality[id]; known {
			row.Label = append(row.Label, fmt.Sprintf("pixel error %.3f", q.Pixel))
		}
		for p := range parts {
			row.Frames = append(row.Frames, frame(k, p))
		}
		m.Rows = append(m.Rows, row)
	}
	return m.Write(r.Path("mosaic"), r.Figures()...)
}

// unit is that of the stamps, on rank 0.
func (r *run) unit() string {
	if unit, known := r.s.header.Get("BUNIT"); known && unit != "" {
		return unit
	}
	return "unit of the stack"
}

// writeConvergence plots the relative change of the cost, for one iteration, from each
// convergence check to the next. Rank 0 alone.
func (r *run) writeConvergence() error {
	var x, change []float64
	checks := r.m.Checks
	for k := 1; k < len(checks); k++ {
		a, b := checks[k-1], checks[k]
		x = append(x, float64(b.Iteration))
		change = append(change, math.Abs(float64(b.Objective-a.Objective))/(math.Abs(float64(b.Objective))*float64(b.Iteration-a.Iteration)))
	}
	p := report.Plot{
		Title: fmt.Sprintf("Convergence of the %s deconvolution of %d stamps", r.m.Mode, r.m.Stamps),
		X:     "iteration", Y: "relative change of the cost per iteration", LogY: true,
		Series: []report.Series{{X: x, Y: change, Points: true}},
	}
	return p.Write(r.Path("convergence"), r.Figures()...)
}
