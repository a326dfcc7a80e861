package tikhonov

import "tessera/internal/lifecycle"

// metrics is what a program reads of a run: every number the console showed, and
// what it takes to do the run again.
type metrics struct {
	lifecycle.Record

	Source   string `json:"source"` // of the frame
	Channels int    `json:"channels"`
	Rows     int    `json:"rows"`
	Cols     int    `json:"cols"`
	Missing  int    `json:"missing_pixels"`

	Method      string           `json:"method"`
	Regulariser string           `json:"regulariser"`
	Border      string           `json:"border"`
	Overlap     int              `json:"overlap"`
	Lambda      lifecycle.Number `json:"lambda"`
	LambdaRule  string           `json:"lambda_rule"`
	Iterations  int              `json:"iterations"`
	Converged   bool             `json:"converged"`
	Residual    lifecycle.Number `json:"residual"`    // ||b - M w|| / ||b||
	ErrorBound  lifecycle.Number `json:"error_bound"` // relative error of w
	Certified   bool             `json:"certified"`   // the bound is a guarantee, not an estimate
	Objective   lifecycle.Number `json:"objective"`
	Bias        *bias            `json:"bias,omitempty"`
	PSNR        *psnr            `json:"psnr_db,omitempty"`
	Seconds     seconds          `json:"seconds"`

	BytesSent    int64            `json:"bytes_sent"`    // by all ranks, in set-up and solve
	MessagesSent int64            `json:"messages_sent"` // likewise
	FactorMB     float64          `json:"factor_mb"`     // of all ranks
	PeakMemoryMB float64          `json:"peak_memory_mb"`
	TilesShared  int              `json:"tiles_shared"` // of all ranks: served by a shared factor
	TilesExact   int              `json:"tiles_exact"`  // by one of their own
	History      lifecycle.Series `json:"history"`      // residual after each iteration
}

// seconds are wall time. Lambda, set-up, solve, exchange and reduce are the largest
// over the ranks; exchange and reduce are parts of the other three.
type seconds struct {
	Read     float64 `json:"read"`             // or simulate
	Lambda   float64 `json:"lambda,omitempty"` // spent looking for it, before the last solve
	Setup    float64 `json:"setup"`
	Solve    float64 `json:"solve"`
	Exchange float64 `json:"exchange"`
	Reduce   float64 `json:"reduce"`
	Gather   float64 `json:"gather"` // of the solution
	Write    float64 `json:"write"`
	Total    float64 `json:"total"`
}

// psnr is 10 log10(peak^2 / mean squared error) against the truth; observed counts
// the observed pixels only, restored all of them.
type psnr struct {
	Observed lifecycle.Number `json:"observed"`
	Restored lifecycle.Number `json:"restored"`
}

// bias is how far the literal method ends from the minimiser: relative errors.
type bias struct {
	Owner    lifecycle.Number `json:"owner"`
	Averaged lifecycle.Number `json:"averaged"`
	PlainSum lifecycle.Number `json:"plain_sum"`
	ArgMin   lifecycle.Number `json:"arg_min"`
}
