package lifecycle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// ConfigName is the config that a run leaves beside its result.
const ConfigName = "config.toml"

// spareConfigName takes its place where somebody's own config lies in the directory.
const spareConfigName = "config-used.toml"

// configMark is how a config that a run left begins.
const configMark = "# Left by a run of tessera: "

// writeConfig leaves the config of the run with every default, and with what the run chose.
// A config.toml that no run left is somebody's own and stays. Rank 0 alone.
func (r *Run) writeConfig(chosen func() map[string]config.Value) error {
	var values map[string]config.Value
	if chosen != nil {
		values = chosen()
	}
	path := r.Path(ConfigName)
	if _, err := os.Lstat(path); !ours(path) && !errors.Is(err, fs.ErrNotExist) {
		path = r.Path(spareConfigName)
	}
	return imageio.WriteAtomic(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%sthe config of this result, with every default and all that the run chose.\n"+
			"# Run again from the same directory, on as many ranks, it gives the same numbers:\n"+
			"#     tessera run %s -ranks %d -out ANOTHER\n"+
			"# It was made by tessera %s with %d ranks (%s).\n\n",
			configMark, path, r.Comm.Size(), r.Version, r.Comm.Size(), ranks.Transport(r.Comm))
		if err != nil {
			return err
		}
		return r.file.Encode(w, values)
	})
}

// ours tells whether the file at a path is a config that a run left.
func ours(path string) bool {
	f, _, err := imageio.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(configMark))
	n, _ := io.ReadFull(f, head)
	return bytes.Equal(head[:n], []byte(configMark))
}
