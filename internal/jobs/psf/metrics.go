package psf

import (
	"io"
	"strconv"

	"tessera/internal/lifecycle"
	"tessera/psf"
)

// metrics is metrics.json of a psf job.
type metrics struct {
	lifecycle.Record

	Source     string           `json:"source"`
	Stamps     int              `json:"stamps"`
	Side       int              `json:"side"`
	Normalised int              `json:"psfs_normalised"` // PSFs that did not sum to 1
	Mode       string           `json:"mode"`
	Border     string           `json:"border"`
	Precision  string           `json:"precision"`
	Noise      lifecycle.Number `json:"noise"` // standard deviation, mean over the stamps
	Tau        lifecycle.Number `json:"tau"`
	SigmaDual  lifecycle.Number `json:"sigma_dual"`
	Rho        lifecycle.Number `json:"rho"`
	Beta       lifecycle.Number `json:"beta"` // largest |H|^2 max W
	Iterations int              `json:"iterations"`
	Converged  bool             `json:"converged"`
	Resumed    bool             `json:"resumed"`
	Low        *lowRankMetrics  `json:"low_rank,omitempty"`
	Observed   *qualityMetrics  `json:"observed,omitempty"` // compared with the truth
	Restored   *qualityMetrics  `json:"restored,omitempty"`
	Checks     []checkMetrics   `json:"checks"`
	Moved      int              `json:"stamps_moved"` // to another rank, to balance those that still iterated

	PerIteration float64 `json:"us_per_stamp_iteration"` // on one core
	Transforms   float64 `json:"us_of_its_transforms"`   // the Fourier transforms of one iteration of one stamp, timed alone

	Seconds      seconds `json:"seconds"`
	BytesSent    int64   `json:"bytes_sent"`
	MessagesSent int64   `json:"messages_sent"`
	PeakMemoryMB float64 `json:"peak_memory_mb"`

	quality map[int]psf.Quality // by the number of the stamp, on rank 0
}

type lowRankMetrics struct {
	Lambda    lifecycle.Number `json:"lambda"`
	Threshold string           `json:"threshold"`
	Singular  lifecycle.Series `json:"singular_values"`
	Products  int              `json:"products"` // of the block of singular vectors with the stack, in all iterations
	Accuracy  lifecycle.Number `json:"accuracy"` // largest error of a singular vector that was used
}

type checkMetrics struct {
	Iteration int              `json:"iteration"`
	Cost      lifecycle.Number `json:"cost"`
	Misfit    lifecycle.Number `json:"misfit"`
	Penalty   lifecycle.Number `json:"penalty"`
	Rank      int              `json:"rank,omitempty"`
	Active    int              `json:"active"`
}

type seconds struct {
	Read     float64 `json:"read"`     // or simulate
	Setup    float64 `json:"setup"`    // noise, filters, thresholds
	Solve    float64 `json:"solve"`    // the iterations
	Evaluate float64 `json:"evaluate"` // comparison with the truth
	Write    float64 `json:"write"`
	Total    float64 `json:"total"`
}

// quartiles of an error over the stamps.
type quartiles struct {
	Lower  lifecycle.Number `json:"lower_quartile"`
	Median lifecycle.Number `json:"median"`
	Upper  lifecycle.Number `json:"upper_quartile"`
}

type qualityMetrics struct {
	Pixel       quartiles `json:"pixel_error"`
	Ellipticity quartiles `json:"ellipticity_error"`
	PSNR        quartiles `json:"psnr_db"`
}

func newQuality(columns [][]float64) *qualityMetrics {
	of := func(v []float64) quartiles {
		q := psf.Quartiles(v)
		return quartiles{lifecycle.Number(q[0]), lifecycle.Number(q[1]), lifecycle.Number(q[2])}
	}
	return &qualityMetrics{of(columns[0]), of(columns[1]), of(columns[2])}
}

// summary writes the table at the end of a run.
func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("stack", "%s", m.Source)
	row("", "%d stamps of %d x %d", m.Stamps, m.Side, m.Side)
	if m.Normalised > 0 {
		row("PSFs", "%d did not sum to 1 and were normalised", m.Normalised)
	}
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("method", "%s, %s border, %s precision, noise %.3e", m.Mode, m.Border, m.Precision, m.Noise)
	last := m.Checks[len(m.Checks)-1]
	row("iterations", "%d, cost %.6g = misfit %.6g + penalty %.6g", m.Iterations, last.Cost, last.Misfit, last.Penalty)
	if m.Low != nil {
		row("rank", "%d, lambda %.4g, %s threshold", last.Rank, m.Low.Lambda, m.Low.Threshold)
	}
	if m.Moved > 0 {
		row("balance", "%d stamps moved to ranks that had fewer left", m.Moved)
	}
	if q := m.Restored; q != nil {
		o := m.Observed
		row("pixel error", "median %.4f (quartiles %.4f to %.4f), observed %.4f", q.Pixel.Median, q.Pixel.Lower, q.Pixel.Upper, o.Pixel.Median)
		row("ellipticity error", "%.4f (%.4f to %.4f), observed %.4f", q.Ellipticity.Median, q.Ellipticity.Lower, q.Ellipticity.Upper, o.Ellipticity.Median)
		row("PSNR", "%.2f dB (%.2f to %.2f), observed %.2f dB", q.PSNR.Median, q.PSNR.Lower, q.PSNR.Upper, o.PSNR.Median)
	}
	row("a stamp's iteration", "%.1f us on one core, %.1f us of them for its Fourier transforms", m.PerIteration, m.Transforms)
	s := &m.Seconds
	row("seconds", "%.2f read, %.2f set-up, %.2f solve, %.2f evaluate, %.2f write, %.2f in all", s.Read, s.Setup, s.Solve, s.Evaluate, s.Write, s.Total)
	row("traffic", "%.1f MB in %d messages", float64(m.BytesSent)/1e6, m.MessagesSent)
	row("peak memory", "%.0f MB", m.PeakMemoryMB)
	row("written to", "%s", dir)
	return t.Flush()
}

// short writes a number with at most six digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
