package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs"
)

// mostConfigs is how many configs of a folder are looked at for the one that writes a missing file.
const mostConfigs = 200

// withPlaces adds to the problems of a config whose files are missing where they were looked for, and what to do:
// the command that writes such a file if a config beside this one does, or the line that names the file beside the
// config. Paths in a config are relative to the folder in which the command runs.
func withPlaces(err error, path string) error {
	var bad *config.Error
	if !errors.As(err, &bad) {
		return err
	}
	out := &config.Error{Problems: slices.Clone(bad.Problems)}
	for i := range out.Problems {
		if hint := placeOf(&out.Problems[i], path); hint != "" {
			out.Problems[i].Text += "\n  " + hint
		}
	}
	return out
}

// placeOf is what to do about a missing file; "" for any other problem.
func placeOf(p *config.Problem, path string) string {
	name, err := strconv.Unquote(p.Value)
	if err != nil || name == "" || !strings.Contains(p.Text, fs.ErrNotExist.Error()) && !strings.Contains(p.Text, "no such file") {
		return ""
	}
	file, _ := imageio.FileOf(name)
	if writer, dir := writerOf(file, path); writer != "" {
		return fmt.Sprintf("run %s first: it writes %s", writer, dir)
	}
	if filepath.IsAbs(file) {
		return ""
	}
	beside := filepath.Join(filepath.Dir(path), file)
	if p.Where != "-set" && beside != filepath.Clean(file) && imageio.Exists(beside) {
		return fmt.Sprintf("paths are relative to the folder in which the command runs, and this file lies beside the config: write %s = %q", p.Key, filepath.Join(filepath.Dir(path), name))
	}
	folder, err := os.Getwd()
	if err != nil {
		folder = "."
	}
	return fmt.Sprintf("paths are relative to the folder in which the command runs, %s; -set %s=PATH names another file", folder, p.Key)
}

// writerOf is the config beside the one at path whose output directory a file or a folder is in, and that directory;
// "" if there is none. Of several it is the first by name, one whose name begins with reference last.
func writerOf(file, path string) (writer, dir string) {
	list, err := filepath.Glob(filepath.Join(globbed(filepath.Dir(path)), "*.toml"))
	if err != nil {
		return "", ""
	}
	slices.SortStableFunc(list, func(a, b string) int { return reference(a) - reference(b) })
	for _, other := range list[:min(len(list), mostConfigs)] {
		if filepath.Clean(other) == filepath.Clean(path) {
			continue
		}
		text, err := imageio.ReadText(other, config.MaxSize)
		if err != nil {
			continue
		}
		j, err := jobs.Load(other, text, nil)
		if err != nil || j.Dir == "" {
			continue
		}
		if rest, err := filepath.Rel(j.Dir, file); err == nil && rest != ".." && !strings.HasPrefix(rest, "../") {
			return other, j.Dir
		}
	}
	return "", ""
}

// reference is 1 for the config of all keys of a job, which comes after those that people run.
func reference(path string) int {
	if strings.HasPrefix(filepath.Base(path), "reference") {
		return 1
	}
	return 0
}

// globbed is a folder as a pattern that means itself.
func globbed(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}
