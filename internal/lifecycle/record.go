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

// Record is what made a result, and where: the start of every metrics.json.
type Record struct {
	Tessera   string `json:"tessera"` // version
	Go        string `json:"go"`
	Host      string `json:"host"`
	Transport string `json:"transport"`
	Ranks     int    `json:"ranks"`
	Cores     int    `json:"cores"` // of rank 0's host
	Seed      uint64 `json:"seed"`

	// What each rank did in the part of the job that scaling studies time.
	RanksDid []scaling.Account `json:"ranks_did,omitempty"`

	Inputs *Inputs `json:"inputs,omitempty"` // what was taken from each file; filled until the run finishes

	ConfigFile string `json:"config_file"`
	Config     any    `json:"config"` // everything in force, defaults included
}

func newRecord(comm ranks.Comm, env Env, seed uint64, f *config.File) Record {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return Record{
		Tessera: env.Version, Go: runtime.Version(), Host: host,
		Transport: ranks.Transport(comm), Ranks: comm.Size(), Cores: ranks.Cores(), Seed: seed,
		ConfigFile: f.Name(), Config: sections(f.Values()),
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
