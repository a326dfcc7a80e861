package tv

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
)

// Problem is this rank's part of what is to be restored.
type Problem struct {
	Frame    *halo.Decomposition // of an image of 1, 2 or 3 axes; rank r owns Frame.Owned(r)
	Channels int                 // 1 or more; the same on every rank, like Frame and Periodic
	Operator forward.Operator    // A, from x (channels x owned box) to this rank's data; nil on all ranks = identity
	Data     []float64           // y, as many values as A gives; values of weight 0 have no effect
	Weights  forward.Weights     // W, 0 or more, of the data; repeated where they are shorter than Data (one plane for all channels); nil = all ones
	Periodic bool                // pairs of pixels across the border count in TV
}

// Method names an iteration.
type Method string

const (
	FPPA       Method = "fppa"        // the default; anisotropic TV with a certified bias
	PrimalDual Method = "primal-dual" // the minimum itself, for every form of TV
	ADMM       Method = "admm"        // the same for frames of 2 axes, in far fewer iterations where a transform makes A diagonal
)

// Penalty is a form of TV.
type Penalty string

const (
	Anisotropic Penalty = "anisotropic" // sum of |d_k|
	Isotropic   Penalty = "isotropic"   // sum of sqrt(sum over k of d_k^2); not by FPPA
)

// Rule says how lambda is found.
type Rule string

const (
	Fixed       Rule = "fixed"       // Options.Lambda
	Discrepancy Rule = "discrepancy" // ||W^(1/2) (A x - y)||^2 is the expected energy of the noise, noise^2 x values; the criterion is their ratio
	SURE        Rule = "sure"        // the minimum of Stein's unbiased estimate of ||W^(1/2) A (x - truth)||^2 / noise^2, which is the criterion
	Oracle      Rule = "oracle"      // the minimum of the mean squared error against Options.Truth, which is the criterion
)

// Bounds are those of every pixel of x.
type Bounds struct{ Lower, Upper float64 } // infinite = none

// Options of Solve, the same on every rank but for Progress and Truth. The zero value of
// every field but Lambda is the documented default.
type Options struct {
	Method        Method                // "" = FPPA
	Penalty       Penalty               // "" = Anisotropic
	Coupled       bool                  // channels share their edges: d_k(n) is the length of the vector of the channels' differences
	Bounds        *Bounds               // nil = none
	Rule          Rule                  // "" = Fixed
	Lambda        float64               // > 0, in units of W x data; with another rule the first value tried, 0 = the noise x sqrt(typical weight); a rule that has no answer with FPPA is tried again with a fourth of Step
	Noise         float64               // for Discrepancy and SURE: standard deviation of the noise of a pixel of weight 1; 0 = estimated from the data, for an A whose data are a frame of 2 axes
	Truth         []float64             // for Oracle: as x; NaN = not known, and not compared
	Probes        int                   // random vectors of SURE; 0 = 2
	Seed          uint64                // of the probes
	Step          float64               // gamma of FPPA in units of 1/L, up to 1; 0 = 1
	Decreasing    bool                  // gamma of FPPA is divided by 1 + t/10 in iteration t, so that the bias vanishes
	NoMomentum    bool                  // FPPA without momentum and restarts
	Balance       float64               // of PrimalDual with an operator: the dual step is Balance L / (4 axes), the primal one 1/(L (1/2 + Balance)); 0 = 0.1
	Tolerance     float64               // relative accuracy of the cost to reach; 0 = 1e-3
	MaxIterations int                   // 0 = 5000
	Progress      func(krylov.Progress) // called on rank 0 once per iteration; nil = silent
}

// Result is what Solve leaves on each rank. Numbers are global and the same on every rank.
type Result struct {
	Solution    []float64 // x on the owned box, channels x owned box
	Lambda      float64   // that was used
	Search      *Search   // how the rule found it; nil with Fixed
	Status      krylov.Status
	Converged   bool // Status is krylov.Converged
	AtLimit     bool // FPPA: it has come to its limit, whose cost is not within the tolerance of the minimum; Converged all the same
	Iterations  int  // of the last solve
	Restarts    int  // of the momentum
	All         int  // iterations of all solves, those of a search for lambda too
	Gaps        int  // duality gaps that were computed in all solves
	Poisson     int  // equations D'D u = v that were solved for these: at most six a gap; 0 where the gap has a closed form
	Transforms  int  // of the frame by ADMM, there and back, in all solves; else 0
	Applied     int  // how often A or A' was applied, in all solves and in the set-up; 0 without an operator
	Layers      int  // exchanges of one layer of pixels, or adding it back, likewise
	Cost        float64
	Misfit      float64 // ||W^(1/2) (A x - y)||^2: twice the first term of the cost
	TV          float64
	Gap         float64   // C(x) - min C is at most this
	RelativeGap float64   // Gap / Cost
	Certificate float64   // FPPA: gamma G^2 / 2 at the last step; else 0
	Excess      float64   // FPPA: lambda TV(x) minus the proximal average, as the differences of x bound it; at most Certificate; else 0
	Step        float64   // gamma at the end, the primal step, or rho of ADMM
	Norm        float64   // L = ||W^(1/2) A||^2, or an upper bound
	History     []float64 // relative gap, each time it was computed
	Checked     []int     // the iterations at which it was
	Setup       float64   // seconds
	Solve       float64   // seconds
}

// NotConvergedError says that an iteration stopped before its accuracy was reached. The
// iterate is in the Result. Every rank returns the same numbers.
type NotConvergedError struct {
	Status      krylov.Status
	Iterations  int
	RelativeGap float64
	Tolerance   float64
}

func (e *NotConvergedError) Error() string {
	return fmt.Sprintf("tv: not converged after %d iterations: the relative duality gap is %.2g, want %.2g (allow more iterations, or a larger tolerance)",
		e.Iterations, e.RelativeGap, e.Tolerance)
}

func (o Options) withDefaults() Options {
	set := func(s *float64, v float64) {
		if *s == 0 {
			*s = v
		}
	}
	if o.Method == "" {
		o.Method = FPPA
	}
	if o.Penalty == "" {
		o.Penalty = Anisotropic
	}
	if o.Rule == "" {
		o.Rule = Fixed
	}
	if o.Probes == 0 {
		o.Probes = 2
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 5000
	}
	set(&o.Step, 1)
	set(&o.Balance, 0.1)
	set(&o.Tolerance, 1e-3)
	return o
}

// check returns every problem of the options at once.
func (o Options) check() error {
	var bad []error
	want := func(ok bool, format string, a ...any) {
		if !ok {
			bad = append(bad, fmt.Errorf("tv: "+format, a...))
		}
	}
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	want(slices.Contains([]Method{FPPA, PrimalDual, ADMM}, o.Method), "unknown method %q", o.Method)
	want(o.Penalty == Anisotropic || o.Penalty == Isotropic, "unknown penalty %q", o.Penalty)
	want(o.Penalty == Anisotropic || o.Method != FPPA, "the isotropic penalty needs the method %q or %q", ADMM, PrimalDual)
	want(slices.Contains([]Rule{Fixed, Discrepancy, SURE, Oracle}, o.Rule), "unknown rule for lambda %q", o.Rule)
	want(finite(o.Lambda) && (o.Lambda > 0 || o.Rule != Fixed), "lambda = %g, want a number above 0", o.Lambda)
	want(finite(o.Noise), "noise = %g, want 0 or more", o.Noise)
	want(o.Probes >= 1, "probes = %d, want 1 or more", o.Probes)
	want(o.Step > 0 && o.Step <= 1, "step = %g, want more than 0 and at most 1, in units of 1/L", o.Step)
	want(o.Balance > 0 && !math.IsInf(o.Balance, 0), "balance = %g, want more than 0", o.Balance)
	want(o.Tolerance > 0 && o.Tolerance < 1, "tolerance = %g, want a number between 0 and 1", o.Tolerance)
	want(o.MaxIterations > 0, "max_iterations = %d, want 1 or more", o.MaxIterations)
	if b := o.Bounds; b != nil {
		want(b.Lower < b.Upper && !math.IsInf(b.Lower, 1) && !math.IsInf(b.Upper, -1), "bounds %g to %g, want the lower one first", b.Lower, b.Upper)
	}
	return errors.Join(bad...)
}
