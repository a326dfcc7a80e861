package psf

import (
	"fmt"
	"math"
	"strconv"

	"tessera/internal/lifecycle"
	"tessera/psf"
)

// metrics is metrics.json of a psf job.
type metrics struct {
	lifecycle.Record

	Stamps     int              `json:"stamps"`
	Side       int              `json:"side"`
	Missing    int              `json:"missing_pixels"`
	Pixels     int              `json:"pixels"`
	Normalised int              `json:"psfs_normalised"` // PSFs that did not sum to 1
	Mode       string           `json:"method"`
	Border     string           `json:"border"`
	Precision  string           `json:"precision"`
	Tau        lifecycle.Number `json:"tau"`
	SigmaDual  lifecycle.Number `json:"sigma_dual"`
	Rho        lifecycle.Number `json:"rho"`
	Beta       lifecycle.Number `json:"beta"` // largest |H|^2 max W
	Low        *lowRankMetrics  `json:"low_rank,omitempty"`
	Settled    int              `json:"stamps_converged"`

	FluxChange *lifecycle.Quartiles `json:"flux_change"` // over the stamps: flux of the answer by that of the data at the observed pixels, minus 1
	// With psf.debias: the same, and the error of the flux where the truth is known, of the last iterate.
	FluxBefore      *lifecycle.Quartiles `json:"flux_change_before_debias,omitempty"`
	FluxErrorBefore *lifecycle.Quartiles `json:"flux_error_before_debias,omitempty"`

	Checks []checkMetrics `json:"checks"`
	Moved  int            `json:"stamps_moved"` // to another rank, to balance those that still iterated

	PerIteration float64 `json:"us_per_stamp_iteration"` // on one core, of the iterations since the start or the resume; 0 = there were none
	Transforms   float64 `json:"us_of_its_transforms"`   // the Fourier transforms of one iteration of one stamp, timed alone

	Bounded bool                `json:"-"` // psf.positivity
	quality map[int]psf.Quality // by the number of the stamp, on rank 0
}

// notableFlux is the change of the flux in the median beyond which the table at the end says what
// removes it.
const notableFlux = 0.01

type lowRankMetrics struct {
	Lambda    lifecycle.Number `json:"lambda"`
	Threshold string           `json:"threshold"`
	Singular  lifecycle.Series `json:"singular_values"`
	Products  int              `json:"products"` // of the block of singular vectors with the stack, in all iterations
	Accuracy  lifecycle.Number `json:"accuracy"` // largest error of a singular vector that was used
}

type checkMetrics struct {
	Iteration int              `json:"iteration"`
	Objective lifecycle.Number `json:"objective"`
	Misfit    lifecycle.Number `json:"misfit"`
	Penalty   lifecycle.Number `json:"penalty"`
	Rank      int              `json:"rank,omitempty"`
	Active    int              `json:"active"`
	Change    lifecycle.Number `json:"change"`
}

func quartilesOf(v []float64) *lifecycle.Quartiles {
	q := psf.Quartiles(v)
	return &lifecycle.Quartiles{Lower: lifecycle.Number(q[0]), Median: lifecycle.Number(q[1]), Upper: lifecycle.Number(q[2])}
}

func newQuality(columns [][]float64) *lifecycle.Quality {
	return &lifecycle.Quality{Pixel: quartilesOf(columns[0]), Ellipticity: quartilesOf(columns[1]), StampPSNR: quartilesOf(columns[2]), Flux: quartilesOf(columns[3])}
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *metrics) Report(t *lifecycle.Table) {
	row := t.Row
	row("stack", "%s", m.Source)
	row("", "%d stamps of %d x %d, %d of %d pixels missing (%.3g %%)", m.Stamps, m.Side, m.Side, m.Missing, m.Pixels, 100*float64(m.Missing)/float64(max(1, m.Pixels)))
	m.Outliers.Row(t)
	if m.Normalised > 0 {
		row("PSFs", "%d did not sum to 1 and were normalised", m.Normalised)
	}
	row("method", "%s, %s border, %s precision", m.Mode, m.Border, m.Precision)
	last := m.Checks[len(m.Checks)-1]
	row("objective", "%.6g = misfit %.6g + penalty %.6g", last.Objective, last.Misfit, last.Penalty)
	if m.Low != nil {
		row("rank", "%d, lambda %.4g, %s threshold", last.Rank, m.Low.Lambda, m.Low.Threshold)
	}
	row("stamps", "%d of %d have converged", m.Settled, m.Stamps)
	if f := m.FluxChange; f != nil {
		row("flux of stamps", "changed by %+.2f %% in the median (%+.2f to %+.2f %%)", 100*f.Median, 100*f.Lower, 100*f.Upper)
		if m.lost() == "" && m.FluxBefore == nil && m.Bounded && math.Abs(float64(f.Median)) > notableFlux {
			row("", "the bound x >= 0 and the penalty change the flux: psf.debias = true removes the bias")
		}
	}
	if f := m.FluxBefore; f != nil {
		row("", "before the step that removes their bias: %+.2f %% (%+.2f to %+.2f %%)", 100*f.Median, 100*f.Lower, 100*f.Upper)
	}
	if f := m.FluxErrorBefore; f != nil {
		row("", "error of the flux before that step: %+.4f (%+.4f to %+.4f)", f.Median, f.Lower, f.Upper)
	}
	if m.Moved > 0 {
		row("balance", "%d stamps moved to ranks that had fewer left", m.Moved)
	}
	if m.PerIteration == 0 {
		row("iterations", "none was left to make after the checkpoint")
		return
	}
	row("a stamp's iteration", "%.1f us on one core, %.1f us of them for its Fourier transforms", m.PerIteration, m.Transforms)
}

// lostFlux is the change of the flux of which a run that has not converged warns.
const lostFlux = 0.5

// lost says that the restored stamps are far from a solution; "" if they are not.
func (m *metrics) lost() string {
	f := m.FluxChange
	if f == nil || m.Status != lifecycle.NotConverged || math.Abs(float64(f.Median)) <= lostFlux {
		return ""
	}
	return fmt.Sprintf("the iteration has not converged, and it has changed the flux of stamps by %+.0f %% in the median: these stamps are no restoration; look for weights far above all others, or write a larger psf.iterations", 100*f.Median)
}

// short writes a number with at most six digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
