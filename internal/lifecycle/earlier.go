package lifecycle

// Earlier are keys of metrics.json in format 1 that scripts read, with the values of the keys that took
// their place: the qualities, which every job now has under quality.
type Earlier struct {
	PSNR     map[string]*Number `json:"psnr_db,omitempty"`           // tikhonov, two-layer, kernel
	RMSE     *Number            `json:"rmse,omitempty"`              // kernel
	TestRMSE map[string]*Number `json:"test_rmse,omitempty"`         // deep-kernel
	Learned  *Quality           `json:"learned,omitempty"`           // scdl
	RawAtoms *Quality           `json:"raw_atoms,omitempty"`         // scdl
	Linear   *Quality           `json:"linear_regression,omitempty"` // scdl
	Observed *EarlierStamps     `json:"observed,omitempty"`          // psf
	Restored *EarlierStamps     `json:"restored,omitempty"`          // psf
}

// EarlierStamps are quartiles over the stamps.
type EarlierStamps struct {
	Pixel       *Quartiles `json:"pixel_error,omitempty"`
	Ellipticity *Quartiles `json:"ellipticity_error,omitempty"`
	PSNR        *Quartiles `json:"psnr_db,omitempty"`
}

// earlierNames are the names in format 1 of what is compared with the truth, by job.
var earlierNames = map[string]map[string]string{
	"tikhonov":    {ObservedColumn: "observed", AnswerColumn: "restored"},
	"two-layer":   {ObservedColumn: "observed", "layer1": "layer1", AnswerColumn: "layer2"},
	"kernel":      {AnswerColumn: "kernel", "nearest": "nearest", "tikhonov": "tikhonov"},
	"deep-kernel": {AnswerColumn: "deep", "single": "single"},
}

// earlier fills in the keys of format 1.
func (r *Record) earlier() {
	pick := func(of func(*Quality) *Number) map[string]*Number {
		all := map[string]*Number{}
		for column, name := range earlierNames[r.Job] {
			if q := r.Quality[column]; q != nil && of(q) != nil {
				all[name] = of(q)
			}
		}
		return all
	}
	switch r.Job {
	case "tikhonov", "two-layer", "kernel":
		r.PSNR = pick(func(q *Quality) *Number { return q.PSNR })
		if q := r.Quality[AnswerColumn]; q != nil && r.Job == "kernel" {
			r.RMSE = q.RMSE
		}
	case "deep-kernel":
		r.TestRMSE = pick(func(q *Quality) *Number { return q.RMSE })
	case "scdl-train", "scdl-spectra", "scdl-upscale":
		r.Learned, r.RawAtoms, r.Linear = r.Quality[AnswerColumn], r.Quality["raw_atoms"], r.Quality["linear_regression"]
	case "psf":
		of := func(q *Quality) *EarlierStamps {
			if q == nil {
				return nil
			}
			return &EarlierStamps{q.Pixel, q.Ellipticity, q.StampPSNR}
		}
		r.Observed, r.Restored = of(r.Quality[ObservedColumn]), of(r.Quality[AnswerColumn])
	}
}
