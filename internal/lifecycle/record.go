package lifecycle

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
	"tessera/scaling"
)

const MetricsName = "metrics.json"

// MetricsFormat is the version of the keys of metrics.json. It is raised when a key changes
// its name or its meaning, or goes. docs/metrics.schema.json describes the keys.
const MetricsFormat = 2

// Metrics is what the metrics.json of a job holds: a struct that embeds a Record.
type Metrics interface {
	Common() *Record
	Report(t *Table) // adds what the job alone says to the table at the end of a run, before the rows of Record
}

// Record is what the metrics.json of every job begins with: what made the result and where,
// and how the run went. The same thing has the same key in every job.
type Record struct {
	Format   int    `json:"metrics_format"`
	Job      string `json:"job"`
	Solution string `json:"solution"` // the file of the answer, in the directory of the result
	Status   Status `json:"status"`
	Stopped  string `json:"stopped,omitempty"` // why the iterations ended, in words

	Tessera   string `json:"tessera"` // version
	Go        string `json:"go"`
	Host      string `json:"host"`
	Transport string `json:"transport"`
	Ranks     int    `json:"ranks"`
	Cores     int    `json:"cores"` // of rank 0's host
	Seed      uint64 `json:"seed"`
	Resumed   bool   `json:"resumed"` // the run went on from a checkpoint

	Source     string              `json:"source"`              // of the data, in words
	Iterations int                 `json:"iterations"`          // of the method that made the answer; 0 = it has none
	Converged  *bool               `json:"converged,omitempty"` // the iterations met their tolerance; nil = the method has none
	Noise      *Number             `json:"noise,omitempty"`     // standard deviation of a value of weight 1
	NoiseRule  string              `json:"noise_rule,omitempty"`
	Fit        *Fit                `json:"fit,omitempty"`
	Outliers   *Outliers           `json:"outliers,omitempty"` // nil = none was found, or looked for
	Quality    map[string]*Quality `json:"quality,omitempty"`  // against the truth, by the name of what is compared

	Earlier

	Seconds      Times   `json:"seconds"`
	BytesSent    int64   `json:"bytes_sent"`     // by all ranks, in the part that RanksDid tells of
	MessagesSent int64   `json:"messages_sent"`  // likewise
	PeakMemoryMB float64 `json:"peak_memory_mb"` // resident memory of all processes
	RankMemoryMB float64 `json:"rank_memory_mb"` // that of the largest process

	// What each rank did in the part of the job that scaling studies time.
	RanksDid []scaling.Account `json:"ranks_did"`

	Inputs *Inputs `json:"inputs"` // what was taken from each file; filled until the run finishes

	ConfigFile string `json:"config_file"`
	Config     any    `json:"config"` // everything in force, defaults included
}

// Status says in one word how a run ended that left a result.
type Status string

const (
	Complete     Status = "complete" // the method has no test of convergence
	HasConverged Status = "converged"
	NotConverged Status = "not converged"
)

// Times are wall time, in seconds. Search, setup, solve and errors are the largest over the ranks;
// exchange and reduce too, and they are parts of these four.
type Times struct {
	Read     float64 `json:"read"`               // or simulate
	Search   float64 `json:"search,omitempty"`   // for lambda or the width of a kernel, before the last solve
	Setup    float64 `json:"setup,omitempty"`    // of the solver
	Solve    float64 `json:"solve"`              // the answer: iterations, training or prediction
	Errors   float64 `json:"errors,omitempty"`   // the error map
	Evaluate float64 `json:"evaluate,omitempty"` // the answer where it is wanted, and its comparison with the truth
	Compare  float64 `json:"compare,omitempty"`  // other methods, to compare with
	Exchange float64 `json:"exchange"`           // messages between neighbours
	Reduce   float64 `json:"reduce"`             // sums over all ranks
	Gather   float64 `json:"gather,omitempty"`   // of the answer on rank 0
	Write    float64 `json:"write"`
	Total    float64 `json:"total"`
}

// Fit says how an answer agrees with the data. Shares are of its values.
type Fit struct {
	ResidualRMS Number  `json:"residual_rms"`                // root mean square of sqrt(weight) (data - model), over the observed values
	ByNoise     *Number `json:"residual_by_noise,omitempty"` // that by the noise
	Stated      *Number `json:"noise_by_stated,omitempty"`   // noise of a value of weight 1 by the finest differences of the data, where a plane of the frame states the noise of every pixel: 1 if both agree
	StatedBy    string  `json:"noise_stated_by,omitempty"`   // key of the config that names the plane
	Below       *Number `json:"below_data,omitempty"`        // share of the values of the answer below the least observed value
	Above       *Number `json:"above_data,omitempty"`        // share above the largest observed value
	FluxData    *Number `json:"flux_data,omitempty"`         // sum of the observed values
	FluxAnswer  *Number `json:"flux_solution,omitempty"`     // sum of the answer over the same pixels
}

// Quality compares something with the truth. What is not measured is nil.
type Quality struct {
	PSNR        *Number    `json:"psnr_db,omitempty"`       // 10 log10(peak^2 / mean squared error), peak the largest true value
	PSNRRange   *Number    `json:"psnr_range_db,omitempty"` // with the range of the true values in place of the peak
	PSNRHoles   *Number    `json:"psnr_holes_db,omitempty"` // at the pixels that were not observed; the others do not count them
	SNR         *Number    `json:"snr_db,omitempty"`        // 10 log10(||truth||^2 / ||error||^2)
	SSIM        *Number    `json:"ssim,omitempty"`
	RMSE        *Number    `json:"rmse,omitempty"`
	Correlation *Number    `json:"correlation,omitempty"`
	SAM         *Number    `json:"sam_degree,omitempty"` // mean angle between a sample and its prediction
	ERGAS       *Number    `json:"ergas,omitempty"`
	Pixel       *Quartiles `json:"pixel_error,omitempty"`
	Ellipticity *Quartiles `json:"ellipticity_error,omitempty"`
	StampPSNR   *Quartiles `json:"stamp_psnr_db,omitempty"`
	Flux        *Quartiles `json:"flux_error,omitempty"`
}

// Quartiles of an error over the stamps.
type Quartiles struct {
	Lower  Number `json:"lower_quartile"`
	Median Number `json:"median"`
	Upper  Number `json:"upper_quartile"`
}

// Common is r: a struct that embeds a Record has it.
func (r *Record) Common() *Record { return r }

// Ended notes how the iterations of the method ended that made the answer; why may be empty.
func (r *Record) Ended(iterations int, converged bool, why string) {
	r.Iterations, r.Converged, r.Stopped = iterations, &converged, why
	r.Status = NotConverged
	if converged {
		r.Status = HasConverged
	}
}

// Measured notes the quality of something that is compared with the truth.
func (r *Record) Measured(name string, q *Quality) {
	if r.Quality == nil {
		r.Quality = map[string]*Quality{}
	}
	r.Quality[name] = q
}

// Known notes the noise of a value of weight 1, and the rule by which it is known.
func (r *Record) Known(noise float64, rule string) {
	if noise > 0 {
		r.Noise, r.NoiseRule = Some(noise), rule
	}
}

// Some is a number that is there.
func Some[T ~float64](x T) *Number { n := Number(x); return &n }

func newRecord(comm ranks.Comm, env Env, seed uint64, f *config.File) Record {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return Record{
		Format: MetricsFormat, Job: f.String("job"), Status: Complete,
		Tessera: env.Version, Go: runtime.Version(), Host: host,
		Transport: ranks.Transport(comm), Ranks: comm.Size(), Cores: ranks.Cores(), Seed: seed, Resumed: env.Resume,
		ConfigFile: f.Name(), Config: sections(f.Values()),
	}
}

// took fills in what the accounts of the ranks say of the traffic.
func (r *Record) took() {
	for _, a := range r.RanksDid {
		r.BytesSent += a.BytesSent
		r.MessagesSent += a.Messages
		r.Seconds.Exchange = max(r.Seconds.Exchange, a.Exchange)
		r.Seconds.Reduce = max(r.Seconds.Reduce, a.Reduce)
	}
	if r.Fit != nil && r.Noise != nil {
		r.Fit.ByNoise = Some(r.Fit.ResidualRMS / *r.Noise)
	}
}

// WriteMetrics writes a job's metrics, the last file of a result.
func WriteMetrics(dir string, m any) error {
	return imageio.WriteAtomic(filepath.Join(dir, MetricsName), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	})
}

// sections turns "section.key" values into nested ones, as the config has them.
func sections(flat map[string]any) map[string]any {
	tree := map[string]any{}
	for key, v := range flat {
		table := tree
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			sub, ok := table[p].(map[string]any)
			if !ok {
				sub = map[string]any{}
				table[p] = sub
			}
			table = sub
		}
		table[parts[len(parts)-1]] = v
	}
	return tree
}
