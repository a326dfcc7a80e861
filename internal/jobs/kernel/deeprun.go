package kernel

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// deepRun is the state of one rank of a deep-kernel job.
type deepRun struct {
	*lifecycle.Run
	c      *deepConfig
	m      *deepMetrics
	obs    *scattered
	model  *deep.Model
	single *kernel.Fit
}

// deepMetrics is metrics.json of a deep-kernel job.
type deepMetrics struct {
	lifecycle.Record

	Source       string           `json:"source"`
	Observations int              `json:"observations"`
	Objective    float64          `json:"objective"`
	Misfit       float64          `json:"misfit"`
	InnerNorm    float64          `json:"inner_norm"`
	OuterNorm    float64          `json:"outer_norm"`
	Starts       lifecycle.Series `json:"starts"` // J of each after its g-step
	Start        int              `json:"start"`  // the one that was trained, from 0
	Accepted     int              `json:"accepted_steps"`
	Rejected     int              `json:"rejected_steps"`
	Steps        []deepStep       `json:"steps"`
	Single       singleLayer      `json:"single"`
	RMSE         *deepRMSE        `json:"test_rmse,omitempty"`
	Seconds      struct {
		Train  float64 `json:"train"`
		Single float64 `json:"single"`
		Total  float64 `json:"total"`
	} `json:"seconds"`
	PeakMemoryMB float64 `json:"peak_memory_mb"`
}

// deepStep is one step: E is the balance of feature space before and after DyDD.
type deepStep struct {
	Accepted  bool    `json:"accepted"`
	Objective float64 `json:"objective"`
	Damping   float64 `json:"damping"`
	EBefore   float64 `json:"e_before,omitempty"`
	E         float64 `json:"e,omitempty"`
}

// singleLayer is the Gaussian fit that cross-validation chose.
type singleLayer struct {
	Width  float64          `json:"width"`
	Lambda float64          `json:"lambda"`
	Score  lifecycle.Number `json:"score"`
}

// deepRMSE is against the truth at points that were not fitted.
type deepRMSE struct {
	Deep   float64 `json:"deep"`
	Single float64 `json:"single"`
	Points int     `json:"points"`
}

func (r *deepRun) run(ctx context.Context) error {
	var err error
	r.Progress.Phase("observations")
	if r.obs, err = r.c.observe(r.Comm); err != nil {
		return err
	}
	r.m.Source = r.obs.source
	start := r.Comm.Wtime()
	o := r.c.options()
	if r.Comm.Rank() == 0 {
		o.Progress = func(p deep.Progress) {
			r.Progress.Phase(fmt.Sprintf("%s %d of %d, objective %.5g", p.Phase, p.Iteration, p.Of, p.Objective))
			r.Log.Info("step", "phase", fmt.Sprintf("%s %d of %d", p.Phase, p.Iteration, p.Of), "objective", lifecycle.Number(p.Objective))
		}
	}
	if o.Inner.Family == "" && r.c.Deep.Inner != string(kernel.Gaussian) {
		side := 0.0
		for k := range r.obs.lo {
			side = max(side, r.obs.hi[k]-r.obs.lo[k])
		}
		o.Inner = kernel.Kernel{Family: kernel.Family(r.c.Deep.Inner), Width: side / 2}
	}
	if r.model, err = deep.Train(ctx, r.Comm, &r.obs.data, o); err != nil {
		return err
	}
	r.m.Seconds.Train = r.Comm.Wtime() - start
	start = r.Comm.Wtime()
	r.Progress.Phase("a single layer, to compare")
	if err := r.singleLayer(ctx); err != nil {
		return err
	}
	r.m.Seconds.Single = r.Comm.Wtime() - start
	r.keep()
	if r.c.Observations.Path == "" {
		if err := r.test(); err != nil {
			return err
		}
	}
	return r.write(ctx)
}

// singleLayer fits the best Gaussian that cross-validation finds.
func (r *deepRun) singleLayer(ctx context.Context) error {
	o := kernel.Options{Kernel: kernel.Kernel{Family: kernel.Gaussian, Width: r.c.Single.Widths[0]}, Lambda: r.c.Single.Lambdas[0], Mean: r.c.Deep.Mean}
	chosen, err := kernel.Select(ctx, r.Comm, &r.obs.data, o, kernel.Search{Widths: r.c.Single.Widths, Lambdas: r.c.Single.Lambdas, Seed: r.c.Seed})
	if err != nil {
		return err
	}
	o.Kernel.Width, o.Lambda, o.Tolerance = chosen.Width, chosen.Lambda, 1e-6
	r.m.Single = singleLayer{chosen.Width, chosen.Lambda, lifecycle.Number(chosen.Score)}
	r.single, err = kernel.Solve(ctx, r.Comm, &r.obs.data, o)
	return err
}

func (r *deepRun) keep() {
	m, t := r.m, r.model
	m.Observations, m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm = t.Observations, t.Objective, t.Misfit, t.InnerNorm, t.OuterNorm
	m.Starts, m.Start, m.Accepted, m.Rejected = t.Starts, t.Start, t.Accepted, t.Rejected
	for _, s := range t.Steps {
		step := deepStep{Accepted: s.Accepted, Objective: s.Objective, Damping: s.Damping}
		if s.Balance != nil {
			step.EBefore, step.E = s.Balance.EBefore, s.Balance.E
		}
		m.Steps = append(m.Steps, step)
	}
}

// test compares both fits with the truth at points numbered after the observations.
func (r *deepRun) test() error {
	n := r.c.Simulate.Test
	lo, hi := halo.Split(n, r.Comm.Size(), r.Comm.Rank())
	x := make([]float64, 2*(hi-lo))
	for i := range hi - lo {
		simulate.Uniform(r.c.Seed, r.c.Simulate.Count+lo+i, x[2*i:2*i+2])
	}
	a, err := r.model.Predict(x)
	if err != nil {
		return err
	}
	b, err := r.single.Predict(x)
	if err != nil {
		return err
	}
	sums := make([]float64, 2)
	for i := range a {
		t := simulate.Crease(x[2*i:])
		sums[0] += (a[i] - t) * (a[i] - t)
		sums[1] += (b[i] - t) * (b[i] - t)
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.m.RMSE = &deepRMSE{math.Sqrt(sums[0] / float64(n)), math.Sqrt(sums[1] / float64(n)), n}
	return nil
}

// write evaluates on the grid and leaves the result, metrics.json last.
func (r *deepRun) write(ctx context.Context) error {
	shape, _ := r.c.Evaluate.Shape.Ints(1)
	d := r.obs.data.Dim
	if len(shape) == 0 {
		shape = defaultGrid(r.obs.lo, r.obs.hi)
	}
	if len(shape) != d {
		return fmt.Errorf("evaluate.shape has %d axes, the observations have %d coordinates", len(shape), d)
	}
	g := &run{Run: r.Run, obs: r.obs, shape: shape}
	total := 1
	for _, n := range shape {
		total *= n
	}
	lo, hi := halo.Split(total, r.Comm.Size(), r.Comm.Rank())
	var x []float64
	for i := lo; i < hi; i++ {
		x = g.place(x, i)
	}
	f, err := r.model.Features(x)
	if err != nil {
		return err
	}
	first := make([]float64, hi-lo) // of the features
	for i := range first {
		first[i] = f[i*len(f)/len(first)]
	}
	var fits [3][]float64
	for k, of := range []func([]float64) ([]float64, error){r.single.Predict, r.model.Predict, func([]float64) ([]float64, error) { return first, nil }} {
		v, err := of(x)
		if err != nil {
			return err
		}
		if fits[k], err = g.collect(v, total); err != nil {
			return err
		}
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Files: []string{"fit.npy", "single.npy", "features.npy", "panel.png"},
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(g, fits)
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB, r.m.Seconds.Total = memory, total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// writeFiles leaves single layer, deep kernel and its first feature on the grid.
func (r *deepRun) writeFiles(g *run, fits [3][]float64) error {
	for k, name := range []string{"single.npy", "fit.npy", "features.npy"} {
		if err := imageio.WriteNpy(r.Path(name), g.shape, fits[k]); err != nil {
			return err
		}
	}
	if len(g.shape) != 2 {
		return nil
	}
	return r.draw(g, fits)
}

// draw shows truth, single layer, deep kernel and its first feature.
func (r *deepRun) draw(g *run, fits [3][]float64) error {
	frame := func(a []float64) *imageio.Frame {
		return &imageio.Frame{Channels: 1, Rows: g.shape[0], Cols: g.shape[1], Data: a}
	}
	reference := fits[1]
	var panels []imageio.Panel
	if r.c.Observations.Path == "" {
		reference = make([]float64, len(fits[1]))
		for i := range reference {
			reference[i] = simulate.Crease(g.place(nil, i))
		}
	}
	stretch := imageio.Linear(slices.Min(reference), slices.Max(reference))
	if r.c.Observations.Path == "" {
		panels = append(panels, imageio.Panel{Frame: frames.Middle(frame(reference)), Stretch: stretch})
	}
	for _, a := range fits[:2] {
		panels = append(panels, imageio.Panel{Frame: frames.Middle(frame(a)), Stretch: stretch})
	}
	panels = append(panels, imageio.Panel{Frame: frames.Middle(frame(fits[2])), Stretch: imageio.Linear(slices.Min(fits[2]), slices.Max(fits[2]))})
	return imageio.WritePanels(filepath.Join(r.c.Output.Dir, "panel.png"), panels...)
}

func (m *deepMetrics) summary(w io.Writer, dir string) error {
	fmt.Fprintf(w, "step  objective  damping   cells of feature space, E\n")
	for i, s := range m.Steps {
		switch {
		case !s.Accepted:
			fmt.Fprintf(w, "%4d  %9.5g  %7.1e   rejected\n", i+1, s.Objective, s.Damping)
		default:
			fmt.Fprintf(w, "%4d  %9.5g  %7.1e   %.3f -> %.3f\n", i+1, s.Objective, s.Damping, s.EBefore, s.E)
		}
	}
	t := lifecycle.NewTable(w)
	row := t.Row
	row("observations", "%d, %s", m.Observations, m.Source)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("starts", "%.4g: number %d trained", []float64(m.Starts), m.Start+1)
	row("objective", "%.5g, of which misfit %.4g; squared norms: f %.4g, g %.4g", m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm)
	row("steps", "%d that counted, %d rejected", m.Accepted, m.Rejected)
	row("single layer", "gaussian, width %.3g, lambda %.3g by cross-validation", m.Single.Width, m.Single.Lambda)
	if e := m.RMSE; e != nil {
		row("test rms error", "%.4f deep, %.4f single layer, at %d points", e.Deep, e.Single, e.Points)
	}
	row("seconds", "%.2f training, %.2f single layer, %.2f in all", m.Seconds.Train, m.Seconds.Single, m.Seconds.Total)
	row("written to", "%s", dir)
	return t.Flush()
}
