package deep

import (
	"fmt"
	"math"

	"tessera/loadbalance"
	"tessera/tikhonov/kernel"
)

// Options of Train, the same on every rank but for Progress. The zero value of every field is the documented default.
type Options struct {
	Inner       kernel.Kernel  // K1, width in the unit of the coordinates; zero = Gaussian, half the longest side of the observations' box
	Outer       kernel.Kernel  // K2, width in that of the features, which start about 1 wide; zero = Gaussian, 0.05
	InnerLambda float64        // l1 > 0, in the unit of (y/sigma)^2; 0 = 1e-3
	OuterLambda float64        // l2 > 0, in the same unit; 0 = 1e-2
	Features    int            // d1, 1 to 3; 0 = 1
	Mean        bool           // fit the observations minus their weighted mean
	Starts      int            // number of starts; the one of smallest J is trained; 0 = 8
	Steps       int            // most steps; 0 = 40
	Drop        float64        // stop after a step that lowers J by less than this fraction; 0 = never
	Damping     float64        // the first mu; 0 = 10 InnerLambda
	Progress    func(Progress) // called on rank 0 after each start and step; nil = silent
}

// Progress is how far Train has come.
type Progress struct {
	Phase     string  // "start", "step"
	Iteration int     // number of the start or step, from 1
	Of        int     // starts, or most steps
	Objective float64 // J: of the best start so far, or after the step
}

// Step is what one step did.
type Step struct {
	Accepted  bool    // it lowered J
	Objective float64 // J after the step
	Damping   float64 // mu of the step
	Inner     int     // iterations of the f-step's linear solve
	Outer     int     // of the g-step's; 0 if there was none
	// Balance is the load balance in feature space before the g-step, starting from the
	// cells of the step before; nil if there was no g-step.
	Balance *loadbalance.Report
}

// patience is the number of steps in a row that may fail to lower J: mu has then grown by
// a factor of 4^12, and f no longer moves.
const patience = 12

// check finds what is wrong; the kernels are checked when they are first used.
func (o *Options) check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"inner lambda", o.InnerLambda}, {"outer lambda", o.OuterLambda}, {"damping", o.Damping}, {"drop", o.Drop}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("deep: %s %v: want more than 0, or 0 for the default", v.name, v.value)
		}
	}
	switch {
	case o.Features < 0 || o.Features > 3:
		return fmt.Errorf("deep: %d features: want 1 to 3", o.Features)
	case o.Starts < 0:
		return fmt.Errorf("deep: %d starts", o.Starts)
	case o.Steps < 0:
		return fmt.Errorf("deep: %d steps", o.Steps)
	case o.Drop >= 1:
		return fmt.Errorf("deep: drop %v: want a fraction of J, less than 1", o.Drop)
	}
	return nil
}

// withDefaults fills in what is zero; side is the longest side of the observations' box.
func (o Options) withDefaults(side float64) Options {
	if o.Inner == (kernel.Kernel{}) {
		o.Inner = kernel.Kernel{Family: kernel.Gaussian, Width: side / 2}
	}
	if o.Outer == (kernel.Kernel{}) {
		o.Outer = kernel.Kernel{Family: kernel.Gaussian, Width: 0.05}
	}
	for _, v := range []struct {
		field *float64
		value float64
	}{{&o.InnerLambda, 1e-3}, {&o.OuterLambda, 1e-2}} {
		if *v.field == 0 {
			*v.field = v.value
		}
	}
	if o.Damping == 0 {
		o.Damping = 10 * o.InnerLambda
	}
	for _, v := range []struct{ field, value *int }{{&o.Features, new(1)}, {&o.Starts, new(8)}, {&o.Steps, new(40)}} {
		if *v.field == 0 {
			*v.field = *v.value
		}
	}
	return o
}
