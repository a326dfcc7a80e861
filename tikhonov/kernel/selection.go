package kernel

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/krylov"
	"tessera/ranks"
)

// Rule is how Select scores a width and a lambda.
type Rule string

const (
	// CrossValidation is the mean over all observations of ((f(x_i) - y_i)/sigma_i)^2,
	// f fitted without the fold that holds observation i.
	CrossValidation Rule = "cross-validation"
	// GCV is N ||rho||^2 / tr(I - H)^2 with the residuals rho of the fit to all
	// observations, standardised, and H the matrix from y to f(X), likewise: Golub,
	// Heath and Wahba, Technometrics 21 (1979) 215. With k(0) = 1 and S = diag(sigma^2),
	//
	//	rho = lambda S^(1/2) a,   I - H = lambda S^(1/2) (K + lambda S)^-1 S^(1/2),
	//
	// the trace by Hutchinson's random signs, the same for all candidates.
	GCV Rule = "gcv"
)

// Search says what Select tries. The zero value of a field is its default.
type Search struct {
	Rule    Rule      // "" = CrossValidation
	Folds   int       // 2 or more; 0 = 5
	Widths  []float64 // ascending; nil = the kernel's width times 1/4, 1/2, 1, 2, 4
	Lambdas []float64 // ascending; nil = 1e-6, 1e-5, .. 1
	Seed    uint64    // of the folds and of the probes
	Sample  int       // of LeaveOneOut: observations of the sample; 0 = 800
	Entries float64   // of LeaveOneOut: most entries of the matrix of all observations, twelve bytes each; 0 = MostEntries
	Groups  int       // of ranks, each with all observations, that share the candidates; 0 = chosen: as many as leave no rank more than 4000 observations
}

// Candidate is one pair of the grid.
type Candidate struct {
	Width, Lambda float64
	RMS           float64 // of LeaveOneOut: as Selection.RMS
	Score         float64 // in units of sigma^2; infinite if a system could not be solved: not positive definite to rounding, or not converged
}

// Selection is what Select found; the same on every rank.
type Selection struct {
	Candidates    []Candidate // widths by lambdas, lambda running fastest; of LeaveOneOut in the order of the search
	Width, Lambda float64     // of the smallest score
	Score         float64
	// The minimum may lie beyond the grid: the best width or lambda is its first or
	// last of several.
	EdgeWidth, EdgeLambda bool

	Observations int
	Folds        int // of CrossValidation
	Probes       int // of GCV's trace; all N unit vectors, and the trace exact, where this is N
	Groups       int
	Sample       int     // of LeaveOneOut: observations of the sample
	RMS          float64 // of LeaveOneOut: root mean square of f_i(x_i) - y_i, in the unit of y
	Limited      bool    // of LeaveOneOut: a wider kernel would be better, but has too many entries
}

// Easier is the pair of the smallest score that is solved more accurately than each of those that were refused as
// their equations are lost in rounding: with a narrower kernel or a larger lambda. false = there is none.
func (s *Selection) Easier(refused []Candidate) (best Candidate, found bool) {
	for _, c := range s.Candidates {
		easier := !math.IsInf(c.Score, 0) && !math.IsNaN(c.Score)
		for _, r := range refused {
			easier = easier && (c.Width < r.Width || c.Lambda > r.Lambda)
		}
		if easier && (!found || c.Score < best.Score) {
			best, found = c, true
		}
	}
	return best, found
}

// groupShare is the most observations of a rank for which it is better to share the
// candidates than a candidate.
const groupShare = 4000

// selectResidual is how exactly the systems are solved: so much of y is the error
// of the fitted values.
const selectResidual = 1e-10

// Select scores all pairs of a width and a lambda, o.Kernel.Width and o.Lambda
// replaced by each in turn. Collective. Folds and probes depend on the seed and the
// numbers of the observations, which count through the ranks, so that the scores
// are those of one rank up to rounding.
//
// Where the observations are few, groups of ranks take candidates in turn, the
// widest and most expensive first; a rank that is cancelled then stops its group at
// once and the others when their candidates are done.
func Select(ctx context.Context, comm ranks.Comm, obs *Observations, o Options, search Search) (*Selection, error) {
	search = search.withDefaults(o.Kernel.Width)
	if err := ranks.AgreeError(comm, search.check(o)); err != nil {
		return nil, err
	}
	if err := o.same(comm); err != nil {
		return nil, err
	}
	if err := krylov.Same(comm, "kernel: the searches", search); err != nil {
		return nil, err
	}
	pts, err := obs.Numbered(comm)
	if err != nil {
		return nil, err
	}
	if search.Rule == LeaveOneOut {
		return leaveOneOut(ctx, comm, pts, o, search)
	}
	q := &selector{Search: search, o: o}
	if err := q.divide(comm, pts); err != nil {
		return nil, err
	}
	err = ranks.AgreeError(comm, q.run(ctx))
	if err != nil {
		return nil, err
	}
	return q.collect(comm)
}

func (s Search) withDefaults(width float64) Search {
	if s.Rule == "" {
		s.Rule = CrossValidation
	}
	if s.Folds == 0 {
		s.Folds = 5
	}
	if s.Sample == 0 {
		s.Sample = 800
	}
	if s.Entries == 0 {
		s.Entries = MostEntries
	}
	if s.Widths == nil {
		for _, f := range []float64{.25, .5, 1, 2, 4} {
			s.Widths = append(s.Widths, f*width)
		}
	}
	if s.Lambdas == nil {
		s.Lambdas = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1}
	}
	return s
}

func (s *Search) check(o Options) error {
	for _, g := range []struct {
		name string
		v    []float64
	}{{"widths", s.Widths}, {"lambdas", s.Lambdas}} {
		if len(g.v) == 0 {
			return fmt.Errorf("kernel: no %s to choose from", g.name)
		}
		for i, v := range g.v {
			if !(v > 0) || math.IsInf(v, 0) || i > 0 && v <= g.v[i-1] {
				return fmt.Errorf("kernel: %s %v: want numbers above 0, ascending", g.name, g.v)
			}
		}
	}
	switch {
	case s.Rule != CrossValidation && s.Rule != GCV && s.Rule != LeaveOneOut:
		return fmt.Errorf("kernel: unknown rule %q: want %q, %q or %q", s.Rule, CrossValidation, GCV, LeaveOneOut)
	case s.Sample < fewest:
		return fmt.Errorf("kernel: a sample of %d observations: want %d or more", s.Sample, fewest)
	case s.Folds < 2:
		return fmt.Errorf("kernel: %d folds: want 2 or more", s.Folds)
	case !(s.Entries > 0):
		return fmt.Errorf("kernel: at most %g entries: want more than 0", s.Entries)
	case s.Groups < 0:
		return fmt.Errorf("kernel: %d groups of ranks", s.Groups)
	}
	if s.Rule != LeaveOneOut {
		o.Kernel.Width, o.Lambda = s.Widths[0], s.Lambdas[0]
	}
	return o.check()
}

// choose finds the smallest score; ones that differ by rounding count as equal, and
// the earlier is taken.
func (s *Selection) choose(widths, lambdas []float64) error {
	best := math.Inf(1)
	for _, c := range s.Candidates {
		if c.Score < best && !(c.Score > best*(1-1e-9)) {
			s.Width, s.Lambda, s.Score, best = c.Width, c.Lambda, c.Score, c.Score
		}
	}
	if math.IsInf(best, 1) {
		return fmt.Errorf("kernel: no pair of %d widths and %d lambdas has a system that can be solved: try larger lambdas or smaller widths",
			len(widths), len(lambdas))
	}
	s.EdgeWidth, s.EdgeLambda = onEdge(widths, s.Width), onEdge(lambdas, s.Lambda)
	return nil
}

func onEdge(grid []float64, v float64) bool {
	i := slices.Index(grid, v)
	return len(grid) > 1 && (i == 0 || i == len(grid)-1)
}
