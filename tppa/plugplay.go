package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// PlugIterations is the default number of iterations of PlugAndPlay.
const PlugIterations = 10

// PlugOptions of PlugAndPlay. The zero value of every field but Noise is the documented default.
type PlugOptions struct {
	Iterations int     // of FISTA; 0 = PlugIterations
	Noise      float64 // standard deviation of a pixel of weight 1, more than 0
}

// Plugged is what PlugAndPlay leaves.
type Plugged struct {
	Solution  []float64 // on the owned box
	Levels    int       // of the wavelets
	Threshold float64   // of the denoiser, in the unit of the image
	Misfit    float64   // ||W^(1/2) (A x - y)||^2 by that of the noise
	Trials    int       // thresholds that were tried
	Unmet     string    // why no threshold gives the misfit of the noise; the closest tried one is used; "" = one does
}

// PlugAndPlay restores data y of the run's operator by accelerated gradient steps, each of which is
// followed by a denoiser in place of a proximal map: a cycle-spun wavelet denoiser. Its threshold is
// that at which the misfit is the one of the noise, to 2 %, and the noise chooses the number of levels: two
// at 30 dB, the root mean square of the data by the noise of a typical pixel, and one more for each 6 dB
// less, 1 to 5. For frames of 2 axes. Collective.
//
// Source: Venkatakrishnan, Bouman and Wohlberg, "Plug-and-play priors for model based
// reconstruction", GlobalSIP 2013.
func (r *Run) PlugAndPlay(ctx context.Context, frame *halo.Decomposition, border halo.Border, y []float64, o PlugOptions) (*Plugged, error) {
	if o.Iterations == 0 {
		o.Iterations = PlugIterations
	}
	var err error
	switch {
	case r.net.Axes != 2:
		err = fmt.Errorf("tppa: plug-and-play of frames of %d axes, want 2", r.net.Axes)
	case len(y) != r.m:
		err = fmt.Errorf("tppa: %d data values, want %d", len(y), r.m)
	case !(o.Noise > 0) || math.IsInf(o.Noise, 0):
		err = fmt.Errorf("tppa: plug-and-play with a noise of %g, want more than 0", o.Noise)
	}
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return nil, err
	}
	typical, err := r.w.Typical(r.comm, r.m)
	if err != nil {
		return nil, err
	}
	sums := []float64{0, 0} // squares and number of the observed values
	for i, v := range y {
		if !r.w.Missing(i) {
			sums[0] += v * v
			sums[1]++
		}
	}
	if err := r.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	noise := o.Noise / math.Sqrt(typical)
	snr := 10 * math.Log10(sums[0]/(sums[1]*noise*noise))
	p := &plugged{Run: r, y: y, o: o, energy: o.Noise * o.Noise * sums[1], best: &Plugged{Levels: int(min(max(2+math.Round((30-snr)/6), 1), 5))}}
	shape := frame.Domain().Shape()
	for p.best.Levels > 1 && 1<<p.best.Levels > min(shape[0], shape[1]) {
		p.best.Levels--
	}
	if p.denoiser, err = newSpun(r.comm, frame, r.channels, p.best.Levels, border); ranks.AgreeError(r.comm, err) != nil {
		return nil, ranks.AgreeError(r.comm, err)
	}
	if p.start, err = r.start(y); err != nil {
		return nil, err
	}
	return p.best, p.search(ctx, noise)
}

// plugged is the search for the threshold.
type plugged struct {
	*Run
	y, start []float64
	o        PlugOptions
	energy   float64 // of the noise
	denoiser *spun
	best     *Plugged
}

// search finds the threshold by steps of a fixed factor, then by secants of the logarithms. Collective.
func (p *plugged) search(ctx context.Context, threshold float64) error {
	const stride, tries, near = 2.5, 8, 0.02
	var below, above, misfit float64 // thresholds with a misfit below and above that of the noise
	var at [2]float64                // logarithms of these misfits
	for range tries {
		var err error
		if misfit, err = p.try(ctx, threshold); err != nil {
			return err
		}
		if misfit < 1 {
			below, at[0] = threshold, math.Log(misfit)
		} else {
			above, at[1] = threshold, math.Log(misfit)
		}
		switch {
		case math.Abs(misfit-1) < near:
			return nil
		case below == 0:
			threshold /= stride
		case above == 0:
			threshold *= stride
		default:
			share := min(max(-at[0]/(at[1]-at[0]), 0.1), 0.9)
			threshold = below * math.Pow(above/below, share)
		}
	}
	if math.Abs(p.best.Misfit-1) > 5*near {
		p.best.Unmet = fmt.Sprintf("the misfit is %.3g of that of the noise at the threshold %.3g: is the noise %.4g right?", p.best.Misfit, p.best.Threshold, p.o.Noise)
	}
	return nil
}

// try restores with one threshold, keeps the result if its misfit is closer to that of the noise than
// those before, and returns the misfit by that of the noise. Collective.
func (p *plugged) try(ctx context.Context, threshold float64) (float64, error) {
	x, s, g := append([]float64(nil), p.start...), append([]float64(nil), p.start...), make([]float64, p.n)
	q := 1.0
	for range p.o.Iterations {
		if err := p.gradient(g, s, p.y); err != nil {
			return 0, err
		}
		for i, d := range g {
			g[i] = s[i] - d/p.bound
		}
		if err := p.denoiser.apply(g, threshold); err != nil {
			return 0, err
		}
		next := (1 + math.Sqrt(1+4*q*q)) / 2
		for i, v := range g {
			x[i], s[i] = v, v+(q-1)/next*(v-x[i])
		}
		q = next
	}
	if err := p.a.Apply(p.data, x); err != nil {
		return 0, err
	}
	sums := []float64{0, 0}
	for i, v := range p.data {
		if w := p.w.At(i); w > 0 {
			sums[0] += w * (v - p.y[i]) * (v - p.y[i])
		}
	}
	if ctx.Err() != nil {
		sums[1] = 1
	}
	if err := p.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, err
	}
	if sums[1] > 0 {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		return 0, context.Canceled
	}
	misfit := max(sums[0]/p.energy, math.SmallestNonzeroFloat64)
	if b := p.best; b.Trials == 0 || math.Abs(math.Log(misfit)) < math.Abs(math.Log(b.Misfit)) {
		b.Solution, b.Threshold, b.Misfit = x, threshold, misfit
	}
	p.best.Trials++
	return misfit, nil
}
