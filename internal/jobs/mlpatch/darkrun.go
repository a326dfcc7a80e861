package mlpatch

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/krylov"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
)

// bands is the most bands in which spectra are measured.
const bands = 12

// darkRun is the state of one rank of a darkmatter job.
type darkRun struct {
	frames.Restoration
	c        *darkSettings
	m        *darkMetrics
	maps     *massmap.Maps
	truth    []float64      // this rank's part; nil = not known
	outlined []float64      // this rank's part: 0 at masked pixels, else 1
	empty    int            // rank 0: pixels that are not masked and have no galaxy
	header   imageio.Header // rank 0: of the maps, or of the grid
	sigma    float64        // rank 0: noise of one galaxy of a catalogue
	headed   bool           // there is one; the same on all ranks
	ks, b    []float64      // of Kaiser and Squires
	wiener   []float64
	spread   []float64 // standard deviation of the Wiener map of noise
	ratio    []float64 // wiener / spread

	learn     training.Run
	spectrum  *massmap.Spectrum
	corrector *corrector // the network and its model; nil = none
	learned   []float64  // what it makes of the Wiener map
}

func (r *darkRun) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	if err := r.read(); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	stop := ranks.Measure(r.Comm)
	begin := r.Comm.Wtime()
	err := r.solve(ctx)
	work := stop()
	if err != nil {
		return err
	}
	if r.c.applies() {
		more, err := r.correct(ctx)
		if err != nil {
			return r.learn.Stopped(err)
		}
		work = work.Plus(more)
	}
	if _, err := r.Account(work, 0, r.Comm.Wtime()-begin, 0, 0); err != nil {
		return err
	}
	r.m.Seconds.Search = 0
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.learn.Stopped(err)
	}
	return r.write()
}

// read reads the files on rank 0 and gives every rank its rows, or simulates the field. Collective.
func (r *darkRun) read() error {
	c := r.c
	r.m.Source = "simulated lognormal field"
	switch {
	case c.Catalogue.Path != "":
		r.m.Source = c.Catalogue.Path
	case c.Shear.E1 != "":
		r.m.Source = c.Shear.E1 + ", " + c.Shear.E2
	case c.Simulate.From != "":
		r.m.Source = "simulated from " + c.Simulate.From
	}
	r.Progress.Phase(r.m.Source)
	values := 0
	err := ranks.OnRoot(r.Comm, func() error {
		rows, cols, err := c.shape()
		values = rows * cols
		return err
	})
	if err != nil {
		return err
	}
	if err := ranks.Share(r.Comm, &values); err != nil {
		return err
	}
	bytes := 8 * 30 * float64(values) / float64(r.Comm.Size())
	if r.Comm.Rank() == 0 {
		bytes += 8 * 7 * float64(values)
	}
	if err := lifecycle.CheckRoom(r.Comm, bytes, "the size of the maps, or simulate.rows and simulate.cols"); err != nil {
		return err
	}
	s := &sky{}    // planes on rank 0 alone
	var has [3]int // a truth, a shear, a header
	err = ranks.OnRoot(r.Comm, func() error {
		read, done, err := c.sky()
		if err != nil {
			return err
		}
		s = read
		for _, d := range done {
			missing := 0
			for _, v := range d.frame.Data {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					missing++
				}
			}
			in := frames.DescribeFrame(d.path, d.frame, -1, 0)
			in.Missing = frames.MissingText(missing-d.taken, d.taken, len(d.frame.Data))
			frames.DescribeOutliers(&in, d.outliers)
			r.Took(in)
		}
		if s.galaxies > 0 {
			r.Took(*s.catalogue)
		}
		for _, o := range s.outliers {
			o.report.Warn(r.Run, o.path)
			r.m.Outliers = r.m.Outliers.Plus(o.report)
		}
		for _, text := range s.warnings {
			r.Warning(text)
		}
		r.header, r.sigma = s.header, s.sigma
		if s.header != nil {
			has[2] = 1
		}
		if s.truth != nil {
			has[0] = 1
		}
		if s.shear[0] != nil {
			has[1] = 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	var outlined []float64
	if r.Comm.Rank() == 0 {
		outlined, r.empty = s.outlined()
	}
	if err := ranks.Share(r.Comm, &s.rows, &s.cols, &has[0], &has[1], &has[2], &s.galaxies); err != nil {
		return err
	}
	r.headed = has[2] == 1
	if s.rows < r.Comm.Size() {
		return fmt.Errorf("a field of %d rows on %d ranks: want at most as many ranks as rows", s.rows, r.Comm.Size())
	}
	frame, err := strips(s.rows, s.cols, r.Comm.Size())
	if err != nil {
		return err
	}
	part := func(whole []float64) []float64 {
		if err != nil {
			return nil
		}
		var own []float64
		own, err = frame.ScatterFrom(r.Comm, 0, whole, 1)
		return own
	}
	m := &massmap.Maps{Frame: frame, Pixel: r.c.Shear.Pixel * arcmin}
	r.outlined = part(outlined)
	m.Weights = append(part(s.weights[0]), part(s.weights[1])...)
	if has[0] == 1 {
		r.truth = part(s.truth)
	}
	if has[1] == 1 {
		m.Shear = append(part(s.shear[0]), part(s.shear[1])...)
	}
	s.weights, s.shear, s.truth = [2][]float64{}, [2][]float64{}, nil
	if err != nil {
		return err
	}
	r.maps = m
	if has[1] == 0 {
		if err := r.simulate(); err != nil {
			return err
		}
	}
	n := len(m.Weights) / 2
	r.Obs = &frames.Observation{Channels: 1, Frame: frame, Data: m.Shear[:n], Weights: m.Weights[:n]}
	r.m.Channels, r.m.Gathered = 1, true
	r.m.Rows, r.m.Cols, r.m.Pixel, r.m.Galaxies = s.rows, s.cols, r.c.Shear.Pixel, s.galaxies
	r.m.Signs = r.c.Shear.axes()
	return nil
}

// strips cuts a frame along its rows, as its transform wants it.
func strips(rows, cols, n int) (*halo.Decomposition, error) {
	var boxes []halo.Box
	for r := range n {
		lo, hi := halo.Split(rows, n, r)
		boxes = append(boxes, halo.Box{Lo: []int{lo, 0}, Hi: []int{hi, cols}})
	}
	return halo.FromBoxes([]int{rows, cols}, boxes)
}

// simulate makes the shear of a truth, with noise. Collective.
func (r *darkRun) simulate() (err error) {
	m, s := r.maps, &r.c.Simulate
	if r.truth == nil {
		l := massmap.Lognormal{Seed: r.c.Seed, RMS: s.RMS, Width: s.Width, Turn: s.Turn}
		if r.truth, err = l.Draw(r.Comm, m.Frame, m.Pixel); err != nil {
			return err
		}
	}
	shear, err := forward.NewShear(r.Comm, m.Frame, 1, nil)
	if err != nil {
		return err
	}
	m.Shear = make([]float64, len(m.Weights))
	if err := shear.Apply(m.Shear, r.truth); err != nil {
		return err
	}
	for i, v := range massmap.Noise(r.Comm, m.Frame, m.Weights, r.c.Seed, 0) {
		m.Shear[i] += v
	}
	return nil
}

// solve makes the maps. Collective.
func (r *darkRun) solve(ctx context.Context) error {
	m, comm := r.maps, r.Comm
	r.Progress.Phase("Kaiser and Squires")
	var err error
	if r.ks, r.b, err = m.KaiserSquires(comm); err != nil {
		return err
	}
	plain, err := forward.NewShear(comm, m.Frame, 1, nil)
	if err != nil {
		return err
	}
	b := massmap.NewBands(m.Frame, m.Pixel, bands)
	power := func(x []float64) []float64 {
		var p []float64
		if err == nil {
			p, err = b.Measure(comm, plain, m.Pixel, x)
		}
		return p
	}
	e, curl, noise := power(r.ks), power(r.b), make([]float64, len(b.Ell))
	const few = 2 // realisations of the noise are alike in their power
	for k := range few {
		n := &massmap.Maps{Frame: m.Frame, Pixel: m.Pixel, Weights: m.Weights, Shear: massmap.Noise(comm, m.Frame, m.Weights, r.c.Seed, 1+k)}
		var x []float64
		if err == nil {
			x, _, err = n.KaiserSquires(comm)
		}
		for i, v := range power(x) {
			noise[i] += v / few
		}
		if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	share := []float64{0, float64(len(m.Weights))}
	for _, w := range m.Weights {
		if w > 0 {
			share[0]++
		}
	}
	if err := comm.Allreduce(share, share, ranks.Sum); err != nil {
		return err
	}
	r.m.Observed = lifecycle.Number(share[0] / share[1])
	spectrum := b.Fit(e, noise, share[0]/share[1])
	r.m.Spectrum = "estimated"
	if path := r.c.Spectrum.Path; path != "" {
		r.m.Spectrum = path
		var said lifecycle.Input
		if spectrum, said, err = readSpectrum(path); err != nil { // every rank reads it: it is small
			err = fmt.Errorf("spectrum.path: %w", err)
		} else if comm.Rank() == 0 {
			r.Took(said)
		}
		if err := ranks.AgreeError(comm, err); err != nil {
			return err
		}
	}
	r.spectrum = spectrum
	o := massmap.Options{Tolerance: r.c.Wiener.Tolerance, MaxIterations: r.c.Wiener.MaxIterations}
	if comm.Rank() == 0 {
		o.Progress = func(p krylov.Progress) { r.Progress.Step("Wiener", p.Iteration, p.Residual, p.Target) }
	}
	r.Progress.Phase("Wiener filter")
	filter, err := m.NewFilter(comm, spectrum, o)
	if err != nil {
		return err
	}
	begin := comm.Wtime()
	var report *krylov.Report
	if r.wiener, report, err = filter.Map(ctx, m.Shear); err != nil {
		return err
	}
	r.m.Wiener = wienerMetrics{lifecycle.Number(comm.Wtime() - begin)}
	why := fmt.Sprintf("the residual of the equations is %.1e of the right-hand side", report.Residual)
	if report.Status != krylov.Converged {
		why = "wiener.max_iterations was reached; " + why
	}
	r.m.Ended(report.Iterations, report.Status == krylov.Converged, why)
	r.spread, r.ratio = make([]float64, len(r.wiener)), make([]float64, len(r.wiener))
	draws := r.c.Noise.Realisations
	for k := range draws {
		r.Progress.Count("realisations of the noise", k+1, draws, "")
		x, _, err := filter.Map(ctx, massmap.Noise(comm, m.Frame, m.Weights, r.c.Seed, 1+k))
		if err != nil {
			return err
		}
		for i, v := range x {
			r.spread[i] += v * v / float64(draws)
		}
	}
	for i, v := range r.spread {
		r.spread[i] = math.Sqrt(v)
		r.ratio[i] = r.wiener[i] / max(r.spread[i], math.SmallestNonzeroFloat64)
	}
	return r.measure(b, e, curl, noise, power(r.wiener))
}
