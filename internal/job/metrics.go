package job

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"tessera/internal/imageio"
	"tessera/ranks"
	"tessera/scaling"
)

const metricsName = "metrics.json"

// provenance is what made a result, and where: the start of every metrics.json.
type provenance struct {
	Tessera   string `json:"tessera"` // version
	Go        string `json:"go"`
	Host      string `json:"host"`
	Transport string `json:"transport"`
	Ranks     int    `json:"ranks"`
	Cores     int    `json:"cores"` // of rank 0's host
	Seed      uint64 `json:"seed"`

	// What each rank did in the part of the job that scaling studies time.
	RanksDid []scaling.Account `json:"ranks_did,omitempty"`
}

func newProvenance(comm ranks.Comm, env Env, seed uint64) provenance {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return provenance{
		Tessera: env.Version, Go: runtime.Version(), Host: host,
		Transport: ranks.Transport(comm), Ranks: comm.Size(), Cores: runtime.NumCPU(), Seed: seed,
	}
}

// metrics is what a program reads of a run: every number the console showed, and
// what it takes to do the run again.
type metrics struct {
	provenance

	Source   string `json:"source"` // of the frame
	Channels int    `json:"channels"`
	Rows     int    `json:"rows"`
	Cols     int    `json:"cols"`
	Missing  int    `json:"missing_pixels"`

	Method      string  `json:"method"`
	Regulariser string  `json:"regulariser"`
	Border      string  `json:"border"`
	Overlap     int     `json:"overlap"`
	Lambda      number  `json:"lambda"`
	LambdaRule  string  `json:"lambda_rule"`
	Iterations  int     `json:"iterations"`
	Converged   bool    `json:"converged"`
	Residual    number  `json:"residual"`    // ||b - M w|| / ||b||
	ErrorBound  number  `json:"error_bound"` // relative error of w
	Certified   bool    `json:"certified"`   // the bound is a guarantee, not an estimate
	Objective   number  `json:"objective"`
	Bias        *bias   `json:"bias,omitempty"`
	PSNR        *psnr   `json:"psnr_db,omitempty"`
	Seconds     seconds `json:"seconds"`

	BytesSent    int64   `json:"bytes_sent"`    // by all ranks, in set-up and solve
	MessagesSent int64   `json:"messages_sent"` // likewise
	FactorMB     float64 `json:"factor_mb"`     // of all ranks
	PeakMemoryMB float64 `json:"peak_memory_mb"`
	TilesShared  int     `json:"tiles_shared"` // of all ranks: served by a shared factor
	TilesExact   int     `json:"tiles_exact"`  // by one of their own
	History      series  `json:"history"`      // residual after each iteration
	ConfigFile   string  `json:"config_file"`
	Config       any     `json:"config"` // everything in force, defaults included
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
	Observed number `json:"observed"`
	Restored number `json:"restored"`
}

// bias is how far the literal method ends from the minimiser: relative errors.
type bias struct {
	Owner    number `json:"owner"`
	Averaged number `json:"averaged"`
	PlainSum number `json:"plain_sum"`
	ArgMin   number `json:"arg_min"`
}

// number is a float64 that JSON can carry: what is not finite becomes a string.
type number float64

func (x number) MarshalJSON() ([]byte, error) {
	if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(v, 'g', -1, 64)), nil
	}
	return json.Marshal(float64(x))
}

type series []float64

func (s series) MarshalJSON() ([]byte, error) {
	list := make([]number, len(s))
	for i, x := range s {
		list[i] = number(x)
	}
	return json.Marshal(list)
}

// writeMetrics writes a job's metrics, the last file of a result.
func writeMetrics(dir string, m any) error {
	return imageio.WriteAtomic(filepath.Join(dir, metricsName), func(w io.Writer) error {
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

// peakMemory is the largest resident memory, in MB, of the processes that the
// ranks live in, added up on rank 0; 0 where the system does not tell. Ranks of
// one process are counted once.
func peakMemory(comm ranks.Comm) (float64, error) {
	host, _ := os.Hostname()
	h := fnv.New64a()
	io.WriteString(h, host+"\x00"+strconv.Itoa(os.Getpid()))
	const exact = 1<<53 - 1 // what a float64 carries to the last bit
	mine := []float64{float64(h.Sum64() & exact), highWater()}
	counts := make([]int, comm.Size())
	for r := range counts {
		counts[r] = 2
	}
	all := make([]float64, 2*comm.Size())
	if err := comm.Gatherv(all, counts, mine, 0); err != nil {
		return 0, err
	}
	seen := map[float64]bool{}
	total := 0.0
	for r := range comm.Size() {
		if process := all[2*r]; !seen[process] {
			seen[process] = true
			total += all[2*r+1]
		}
	}
	return total, nil
}

// highWater is the largest resident memory of this process so far, in MB.
func highWater() float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
