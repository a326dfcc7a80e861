package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/shown"
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
	name := ConfigName
	path := filepath.Join(r.Dir, name)
	if _, err := os.Lstat(path); !ours(path) && !errors.Is(err, fs.ErrNotExist) {
		name = spareConfigName
		path = filepath.Join(r.Dir, name)
	}
	return imageio.WriteAtomic(r.Path(name), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%sthe config of this result, with every default and all that the run chose.\n"+
			"# Run again from the same directory, on as many ranks, it gives the same numbers:\n"+
			"#     tessera run %s -ranks %d -out ANOTHER\n"+
			"# It was made by tessera %s with %d ranks (%s).\n\n",
			configMark, shown.Line(path), r.Comm.Size(), r.Version, r.Comm.Size(), ranks.Transport(r.Comm))
		if err != nil {
			return err
		}
		return r.file.Encode(w, values)
	})
}

// ours tells whether the file at a path is a config that a run left.
func ours(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Size() >= int64(len(configMark)) && beginsWith(path, configMark)
}

// beginsWith tells whether a file begins with a text, as far as it has so many bytes; an
// empty one does.
func beginsWith(path, text string) bool {
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		return false // a link is not ours
	}
	f, _, err := imageio.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(text))
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == text[:n]
}
