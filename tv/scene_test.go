package tv

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// scene is a problem on a whole frame, which every rank takes its part of.
type scene struct {
	shape    []int
	channels int
	periodic bool
	blur     bool // a Gaussian of variance 2 in 5 x 5 pixels; 2 axes only
	masked   bool // weights of 0 and others
	skew     bool // the PSF is not its own mirror image
	box      bool // the PSF is flat, 3 x 3 pixels: a periodic frame whose sides are multiples of 3 has images that it blurs to nothing
	zeros    bool // stand outside of the frame for the blur
	varying  bool // the PSF is twice as wide on the right, and not its own mirror image there
	noise    float64
	options  Options
}

// truth has flat parts with steps between them, in [0, 1].
func (s scene) truth() []float64 {
	n := 1
	for _, m := range s.shape {
		n *= m
	}
	x := make([]float64, s.channels*n)
	for i := range x {
		c, rest, in := i/n, i%n, 0.0
		for k := len(s.shape) - 1; k >= 0; k-- {
			if u := float64(rest%s.shape[k]) / float64(s.shape[k]); u > 0.3 && u < 0.7 {
				in++
			}
			rest /= s.shape[k]
		}
		x[i] = 0.2 + 0.5*in/float64(len(s.shape)) + 0.1*float64(c)
	}
	return x
}

// whole is y and W over the frame.
func (s scene) whole(t testing.TB) (y, w []float64) {
	y = s.truth()
	if s.blur {
		onRanks(t, 1, func(comm ranks.Comm) error {
			frame, err := halo.Decompose(s.shape, 1)
			if err != nil {
				return err
			}
			h := s.operator(comm, frame)
			return h.Apply(y, append([]float64(nil), y...))
		})
	}
	r := random.New(5, 1)
	for i := range y {
		y[i] += s.noise * r.Normal(uint64(i))
	}
	if s.masked {
		w = make([]float64, len(y)/s.channels)
		for i := range w {
			if w[i] = 0.5 + random.New(5, 2).Uniform(uint64(i)); i%7 == 3 {
				w[i] = 0
				for c := range s.channels {
					y[c*len(w)+i] = math.NaN()
				}
			}
		}
	}
	return y, w
}

func (s scene) operator(comm ranks.Comm, frame *halo.Decomposition) forward.Operator {
	if !s.blur {
		return nil
	}
	psf, err := forward.Gaussian(5, math.Sqrt2)
	if err != nil {
		panic(err)
	}
	if s.box {
		psf = forward.PSF{Rows: 3, Cols: 3, Values: make([]float64, 9)}
		for i := range psf.Values {
			psf.Values[i] = 1. / 9
		}
	}
	if s.skew {
		for i := range psf.Values {
			psf.Values[i] *= 1 + 0.2*float64(i%5-2) + 0.1*float64(i/5*(i%5))
		}
	}
	border := halo.Reflect
	if s.periodic {
		border = halo.Periodic
	}
	if s.zeros {
		border = halo.Zero
	}
	if s.varying {
		h, err := forward.NewVaryingBlur(comm, frame, s.channels, s.wider(psf), border)
		if err != nil {
			panic(err)
		}
		return h
	}
	h, err := forward.NewBlur(comm, frame, s.channels, psf, border)
	if err != nil {
		panic(err)
	}
	return h
}

// wider is the PSF on the left and one of twice its width, and skew, on the right, linear between them.
func (s scene) wider(left forward.PSF) *forward.VaryingPSF {
	right, err := forward.Gaussian(9, 2*math.Sqrt2)
	if err != nil {
		panic(err)
	}
	for i := range right.Values {
		right.Values[i] *= 1 + 0.1*float64(i%9-4)
	}
	rows, rises, falls := make([]float64, s.shape[0]), make([]float64, s.shape[1]), make([]float64, s.shape[1])
	for i := range rows {
		rows[i] = 1
	}
	for i := range rises {
		rises[i] = float64(i) / float64(len(rises)-1)
		falls[i] = 1 - rises[i]
	}
	return &forward.VaryingPSF{Terms: []forward.Term{{PSF: left, Rows: rows, Cols: falls}, {PSF: right, Rows: rows, Cols: rises}}, UnitSum: true}
}

// solve restores the scene on n ranks and gathers the solution.
func (s scene) solve(t testing.TB, n int) ([]float64, *Result, error) {
	y, w := s.whole(t)
	var x []float64
	var result *Result
	var failed error
	onRanks(t, n, func(comm ranks.Comm) error {
		p, err := s.problem(comm, y, w)
		if err != nil {
			return err
		}
		o := s.options
		if o.Rule == Oracle {
			o.Truth = cut(p.Frame, comm, s.truth(), s.channels)
		}
		r, err := Solve(context.Background(), comm, p, o)
		if r == nil {
			return err
		}
		whole, e := p.Frame.GatherTo(comm, 0, r.Solution, s.channels)
		if comm.Rank() == 0 {
			x, result, failed = whole, r, err
		}
		return e
	})
	return x, result, failed
}

func (s scene) problem(comm ranks.Comm, y, w []float64) (*Problem, error) {
	frame, err := halo.Decompose(s.shape, comm.Size())
	if err != nil {
		return nil, err
	}
	p := &Problem{Frame: frame, Channels: s.channels, Operator: s.operator(comm, frame), Periodic: s.periodic, Data: cut(frame, comm, y, s.channels)}
	if w != nil {
		p.Weights = cut(frame, comm, w, 1)
	}
	return p, nil
}

// cut is a rank's part of an array over the frame.
func cut(frame *halo.Decomposition, comm ranks.Comm, whole []float64, channels int) []float64 {
	box := frame.Owned(comm.Rank())
	part := make([]float64, channels*box.Size())
	n := len(whole) / channels
	for c := range channels {
		halo.CopyBox(part[c*box.Size():(c+1)*box.Size()], box, whole[c*n:(c+1)*n], frame.Domain(), box)
	}
	return part
}

func onRanks(t testing.TB, n int, body func(comm ranks.Comm) error) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error { return body(comm) })
	if err != nil {
		t.Fatalf("%d ranks: %v", n, err)
	}
}

// scenes are the kinds of problem; tests that hold for every problem walk through them.
func scenes() map[string]scene {
	lower := &Bounds{0.25, math.Inf(1)}
	pd := PrimalDual
	list := map[string]scene{
		"line":                  {shape: []int{41}, channels: 1, noise: 0.05, options: Options{Lambda: 0.1}},
		"denoise":               {shape: []int{17, 21}, channels: 1, noise: 0.05, options: Options{Lambda: 0.05}},
		"volume":                {shape: []int{8, 9, 7}, channels: 1, noise: 0.05, options: Options{Lambda: 0.05}},
		"periodic volume":       {shape: []int{8, 9, 7}, channels: 2, periodic: true, noise: 0.05, options: Options{Lambda: 0.05, Method: pd, Penalty: Isotropic}},
		"denoise masked":        {shape: []int{17, 21}, channels: 1, masked: true, noise: 0.05, options: Options{Lambda: 0.05, Method: pd}},
		"accelerated":           {shape: []int{17, 21}, channels: 2, noise: 0.05, options: Options{Lambda: 0.05, Method: pd, Penalty: Isotropic, Coupled: true}},
		"denoise bounded":       {shape: []int{17, 21}, channels: 1, noise: 0.05, options: Options{Lambda: 0.05, Method: pd, Bounds: &Bounds{0.25, 0.6}}},
		"deblur":                {shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01}},
		"deblur decreasing":     {shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Decreasing: true}},
		"deblur plain":          {shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01, NoMomentum: true}},
		"deblur periodic":       {shape: []int{24, 21}, channels: 1, blur: true, periodic: true, noise: 0.02, options: Options{Lambda: 0.01}},
		"deblur masked":         {shape: []int{24, 20}, channels: 2, blur: true, masked: true, noise: 0.02, options: Options{Lambda: 0.01}},
		"deblur coupled":        {shape: []int{24, 20}, channels: 3, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Coupled: true, Bounds: &Bounds{0, 0.8}}},
		"deblur positive":       {shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Bounds: lower}},
		"deblur pd":             {shape: []int{24, 20}, channels: 1, blur: true, masked: true, noise: 0.02, options: Options{Lambda: 0.01, Method: pd}},
		"deblur pd isotropic":   {shape: []int{24, 20}, channels: 2, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Method: pd, Penalty: Isotropic}},
		"deblur pd bounds":      {shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Method: pd, Bounds: lower}},
		"deblur pd null space":  {shape: []int{24, 21}, channels: 1, blur: true, periodic: true, box: true, noise: 0.02, options: Options{Lambda: 0.01, Method: pd}},
		"deblur pd all coupled": {shape: []int{24, 20}, channels: 3, blur: true, periodic: true, noise: 0.02, options: Options{Lambda: 0.01, Method: pd, Penalty: Isotropic, Coupled: true}},
	}
	// Alternating directions: every kind of operator, weights, penalty and bounds, by itself and together.
	deblur := scene{shape: []int{24, 20}, channels: 1, blur: true, noise: 0.02, options: Options{Lambda: 0.01, Method: ADMM}}
	for name, change := range map[string]func(s *scene){
		"":                 func(*scene) {},
		"denoise":          func(s *scene) { s.blur, s.noise, s.options.Lambda = false, 0.05, 0.05 },
		"denoise masked":   func(s *scene) { s.blur, s.masked, s.noise, s.options.Lambda = false, true, 0.05, 0.05 },
		"periodic":         func(s *scene) { s.shape, s.periodic = []int{24, 21}, true },
		"periodic skew":    func(s *scene) { s.periodic, s.skew = true, true },
		"null space":       func(s *scene) { s.shape, s.periodic, s.box = []int{24, 21}, true, true },
		"null and masked":  func(s *scene) { s.shape, s.periodic, s.box, s.masked = []int{24, 21}, true, true, true },
		"skew":             func(s *scene) { s.skew = true },
		"zeros":            func(s *scene) { s.zeros = true },
		"varying":          func(s *scene) { s.varying = true },
		"varying masked":   func(s *scene) { s.varying, s.masked, s.channels = true, true, 2 },
		"varying periodic": func(s *scene) { s.varying, s.periodic = true, true },
		"varying zeros":    func(s *scene) { s.varying, s.zeros, s.options.Bounds = true, true, lower },
		"masked":           func(s *scene) { s.masked, s.channels = true, 2 },
		"isotropic":        func(s *scene) { s.options.Penalty, s.channels = Isotropic, 2 },
		"coupled":          func(s *scene) { s.options.Coupled, s.channels = true, 3 },
		"positive":         func(s *scene) { s.options.Bounds = lower },
		"at most":          func(s *scene) { s.options.Bounds = &Bounds{math.Inf(-1), 0.5} },
		"bounded":          func(s *scene) { s.options.Bounds = &Bounds{0.25, 0.6} },
		"bounded masked":   func(s *scene) { s.masked, s.options.Bounds = true, lower },
		"isotropic masked": func(s *scene) { s.masked, s.options.Penalty = true, Isotropic },
		"all": func(s *scene) {
			s.masked, s.skew, s.channels, s.options = true, true, 2, Options{Lambda: 0.01, Method: ADMM, Penalty: Isotropic, Coupled: true, Bounds: lower}
		},
	} {
		s := deblur
		change(&s)
		list["admm "+name] = s
	}
	return list
}

func (s scene) String() string { return fmt.Sprintf("%v x %d, %+v", s.shape, s.channels, s.options) }
