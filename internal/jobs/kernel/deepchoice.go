package kernel

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// The choice among layers of a deep kernel trains on at most choiceMost observations, of which each fifth is held out, in at
// most choiceSteps steps from choiceStarts starts. With fewer than choiceLeast observations nothing is held out.
const (
	choiceMost   = 400
	choiceLeast  = 25
	choiceFold   = 5
	choiceSteps  = 20
	choiceStarts = 3
)

// layersSection is what a choice decides: keys of [deep], in their units; 0 = not stated.
type layersSection struct {
	Features    int     `json:"features"`
	OuterWidth  float64 `json:"outer_width"`
	InnerLambda float64 `json:"inner_lambda"`
	OuterLambda float64 `json:"outer_lambda"`
}

// firstLayers are those of simulated observations, along whose crease one feature is enough.
var firstLayers = layersSection{1, 0.05, 1e-3, 1e-2}

// candidates are the layers that a choice tries, less the keys that are stated: few features or many, and little noise or much.
func (c *deepConfig) candidates(dim int) []layersSection {
	first := c.stated(firstLayers)
	list := []layersSection{first}
	if c.Observations.Path == "" {
		return list
	}
	for _, l := range []layersSection{{min(2, dim), 0.3, 1e-3, 1e-2}, {min(2, dim), 0.3, 0.1, 0.1}, {min(2, dim), 1, 0.1, 0.1}} {
		if l = c.stated(l); l != list[len(list)-1] {
			list = append(list, l)
		}
	}
	return list
}

// stated puts the keys that the config states in place of those of some layers.
func (c *deepConfig) stated(l layersSection) layersSection {
	d := &c.Deep
	if d.Features > 0 {
		l.Features = d.Features
	}
	for _, v := range []struct {
		to    *float64
		value float64
	}{{&l.OuterWidth, d.OuterWidth}, {&l.InnerLambda, d.InnerLambda}, {&l.OuterLambda, d.OuterLambda}} {
		if v.value > 0 {
			*v.to = v.value
		}
	}
	return l
}

// fill writes the layers into the options of a training.
func (l layersSection) fill(o *deep.Options) {
	o.Features, o.Outer.Width, o.InnerLambda, o.OuterLambda = l.Features, l.OuterWidth, l.InnerLambda, l.OuterLambda
}

// heldOutMetrics says how well the layers predict observations that they were not fitted to.
type heldOutMetrics struct {
	Observations int              `json:"observations"` // held out
	Trained      int              `json:"trained"`      // the others, that the fits of the comparison have seen
	RMS          lifecycle.Number `json:"rms"`          // of the deep kernel's errors at the observations held out, in the unit of the values
	Single       lifecycle.Number `json:"single_rms"`   // of the single layer's
}

// split is a sample of a table, parted; rank 0 has all of it.
type split struct {
	fit, held kernel.Observations
	counts    []int // of fit and of held, on every rank
}

// parted draws the sample by the seed. Collective.
func (r *deepRun) parted() (*split, error) {
	s := &split{counts: make([]int, 2)}
	all := &r.obs.data
	s.fit, s.held = kernel.Observations{Dim: all.Dim}, kernel.Observations{Dim: all.Dim}
	for k, i := range rand.New(rand.NewPCG(r.c.Seed, 0)).Perm(len(all.Y))[:min(len(all.Y), choiceMost)] {
		to := &s.fit
		if k%choiceFold == 0 {
			to = &s.held
		}
		to.X = append(to.X, all.X[i*all.Dim:(i+1)*all.Dim]...)
		to.Y = append(to.Y, all.Y[i])
		if len(all.Sigma) > 0 {
			to.Sigma = append(to.Sigma, all.Sigma[i])
		}
	}
	s.counts[0], s.counts[1] = len(s.fit.Y), len(s.held.Y)
	return s, ranks.Share(r.Comm, &s.counts[0], &s.counts[1])
}

// rms is the root mean square error of a prediction at the observations held out, in the unit of the solver: weighted by 1/sigma^2.
// Collective.
func (s *split) rms(comm ranks.Comm, predict func(x []float64) ([]float64, error)) (float64, error) {
	v, err := predict(s.held.X)
	if err != nil {
		return 0, err
	}
	sums := make([]float64, 2)
	for i, y := range s.held.Y {
		w := 1.0
		if len(s.held.Sigma) > 0 {
			w /= s.held.Sigma[i] * s.held.Sigma[i]
		}
		sums[0] += w * (v[i] - y) * (v[i] - y)
		sums[1] += w
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, err
	}
	return math.Sqrt(sums[0] / sums[1]), nil
}

// choose puts those of the layers into o that predict best what is held out of the table, and notes how well they do. Of simulated
// observations, and of few, it takes the first ones. Collective.
func (r *deepRun) choose(ctx context.Context, o *deep.Options) error {
	list := r.c.candidates(r.obs.data.Dim)
	list[0].fill(o)
	r.m.Layers = list[0]
	if r.c.Observations.Path == "" {
		return nil
	}
	var err error
	if r.split, err = r.parted(); err != nil || r.split.counts[0]+r.split.counts[1] < choiceLeast {
		r.split = nil
		return err
	}
	best := math.Inf(1)
	for i, l := range list {
		few := *o
		l.fill(&few)
		few.Starts, few.Steps, few.Progress = min(o.Starts, choiceStarts), min(o.Steps, choiceSteps), nil
		r.Progress.Count("layers", i+1, len(list), "")
		model, err := deep.Train(ctx, r.Comm, &r.split.fit, few)
		if err != nil {
			if stopped := ranks.AgreeError(r.Comm, ctx.Err()); stopped != nil {
				return err
			}
			r.Log.Info("layers", "features", l.Features, "outer_width", l.OuterWidth, "inner_lambda", l.InnerLambda, "outer_lambda", l.OuterLambda, "error", err.Error())
			continue // rounding keeps these from a solution
		}
		v, err := r.split.rms(r.Comm, model.Predict)
		if err != nil {
			return err
		}
		r.Log.Info("layers", "features", l.Features, "outer_width", l.OuterWidth, "inner_lambda", l.InnerLambda, "outer_lambda", l.OuterLambda, "held_out", lifecycle.Number(v*r.obs.door.amplitude))
		if v < best*(1-1e-6) { // equal ones are told apart by their order, not by rounding
			best = v
			l.fill(o)
			r.m.Layers = l
		}
	}
	if math.IsInf(best, 1) {
		r.split = nil
		return nil
	}
	r.m.HeldOut = &heldOutMetrics{Observations: r.split.counts[1], Trained: r.split.counts[0], RMS: lifecycle.Number(best * r.obs.door.amplitude)}
	return nil
}

// compare fits the single layer to what the layers of the choice were trained on, and notes how well it predicts the rest. Collective.
func (r *deepRun) compare(ctx context.Context, o kernel.Options) error {
	if r.split == nil {
		return nil
	}
	fit, err := kernel.Solve(ctx, r.Comm, &r.split.fit, o)
	if fit == nil {
		return err
	}
	v, err := r.split.rms(r.Comm, fit.Predict)
	if err != nil {
		return err
	}
	r.m.HeldOut.Single = lifecycle.Number(v * r.obs.door.amplitude)
	return nil
}

// worse is by how much a deep kernel may be worse than a single layer without a warning.
const worse = 1.1

// warn says where a single layer is the better fit.
func (r *deepRun) warn() {
	h := r.m.HeldOut
	if h == nil || !(float64(h.RMS) > worse*float64(h.Single)) {
		return
	}
	r.Warning(fmt.Sprintf("a single layer predicts this table better: of %d observations held out the errors of the deep kernel have an rms of %.4g, those of a single layer %.4g; tessera fit %s fits one",
		h.Observations, float64(h.RMS), float64(h.Single), r.c.Observations.Path))
}
