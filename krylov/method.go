package krylov

// Method names a way to solve the normal equations on overlapping subdomains. The
// options of a solver say which of them it has.
type Method string

const (
	Auto     Method = "auto"      // chosen by the solver for the problem; another one where it stagnates
	RASGMRES Method = "ras-gmres" // GMRES, preconditioned by restricted additive Schwarz
	ASCG     Method = "as-cg"     // ConjugateGradients, preconditioned by additive Schwarz
	TwoLevel Method = "two-level" // ConjugateGradients, preconditioned by additive Schwarz and a coarse space: Deflated
	RAS      Method = "ras"       // Stationary sweeps of restricted additive Schwarz
	Mult     Method = "mult"      // Multiplicative sweeps, one colour of subdomains after the other
	CG       Method = "cg"        // ConjugateGradients without subdomains
	Spectral Method = "spectral"  // RestrictedCG: conjugate gradients, preconditioned by the spectrum of the whole frame
)
