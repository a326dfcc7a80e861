package tikhonov

import (
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
)

// metrics is metrics.json of a tikhonov job.
type metrics struct {
	frames.Record

	PSF         *frames.PSFReport `json:"psf,omitempty"` // absent without blur
	Method      string            `json:"method"`
	Regulariser string            `json:"regulariser"`
	Border      string            `json:"border"`
	Local       string            `json:"local,omitempty"`    // local solves: box or tile; none where the method has none
	Overlap     int               `json:"overlap"`            // pixels, of the local solves
	Fallback    string            `json:"fallback,omitempty"` // methods that were tried before and why they stopped
	Lambda      lifecycle.Number  `json:"lambda"`
	LambdaRule  string            `json:"lambda_rule"` // fixed, discrepancy, gcv, l-curve or marginal-likelihood
	Search      *search           `json:"lambda_search,omitempty"`
	Residual    lifecycle.Number  `json:"residual"`    // ||b - M w|| / ||b||
	ErrorBound  lifecycle.Number  `json:"error_bound"` // relative error of w
	Certified   bool              `json:"certified"`   // the bound is a guarantee, not an estimate
	Objective   lifecycle.Number  `json:"objective"`   // J(w)
	Bias        *bias             `json:"bias,omitempty"`
	Target      *homogenised      `json:"target,omitempty"` // absent without a target PSF
	Errors      *errorsMetrics    `json:"errors,omitempty"`
	TilesShared int               `json:"tiles_shared"` // tiles of all ranks that share a factor
	TilesExact  int               `json:"tiles_exact"`  // tiles of all ranks with a factor of their own
	History     lifecycle.Series  `json:"history"`      // residual after each iteration
}

// bias is the distance of the literal method's results from the minimiser of J: relative
// errors for four ways to join the tiles.
type bias struct {
	Owner    lifecycle.Number `json:"owner"`
	Averaged lifecycle.Number `json:"averaged"`
	PlainSum lifecycle.Number `json:"plain_sum"`
	ArgMin   lifecycle.Number `json:"arg_min"`
}

// layersMetrics is metrics.json of a two-layer job.
type layersMetrics struct {
	frames.Record

	First      *frames.PSFReport `json:"first_psf,omitempty"`  // of H1; absent without blur
	Second     *frames.PSFReport `json:"second_psf,omitempty"` // of H2; absent without blur
	Method     string            `json:"method"`
	Residual   lifecycle.Number  `json:"residual"`    // ||b - M u|| / ||b||
	ErrorBound lifecycle.Number  `json:"error_bound"` // estimated relative error of both layers together
	Objective  lifecycle.Number  `json:"objective"`   // J(u1, u2)
	Misfit     lifecycle.Number  `json:"misfit"`      // its first term
	Tiles      int               `json:"tiles"`       // of all ranks
	Factors    int               `json:"factors"`     // of all ranks; several tiles share one
	History    lifecycle.Series  `json:"history"`     // residual after each iteration
}
