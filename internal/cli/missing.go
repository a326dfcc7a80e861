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
	"tessera/internal/lifecycle"
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
		p := &out.Problems[i]
		file, missing := missingFile(p)
		if !missing {
			continue
		}
		if writer, dir := writerOf(file, path, p.Text); writer != "" {
			p.Text += fmt.Sprintf("\n  run %s first: it writes %s", writer, dir)
			if !imageio.Exists(filepath.Join(dir, lifecycle.MetricsName)) { // a result that is there does not have the file
				p.Maker = "tessera run " + writer
			}
		} else if hint := placeOf(p, file, path); hint != "" {
			p.Text += "\n  " + hint
		}
	}
	return out
}

// missingFile is the file or the folder of a problem that says that it is not there.
func missingFile(p *config.Problem) (file string, missing bool) {
	name, err := strconv.Unquote(p.Value)
	if err != nil || name == "" || !strings.Contains(p.Text, fs.ErrNotExist.Error()) && !strings.Contains(p.Text, "no such file") {
		return "", false
	}
	file, _ = imageio.FileOf(name)
	return file, true
}

// awaited is the line of check about a missing file that another command makes.
func awaited(p config.Problem) string {
	return fmt.Sprintf("%s: %s = %s is not there yet, and run would stop now: make it with %s. All else that can be checked without it is fine", p.Where, p.Key, p.Value, p.Maker)
}

// placeOf is what to do about a missing file of the config at path that no other config writes.
func placeOf(p *config.Problem, file, path string) string {
	name, _ := strconv.Unquote(p.Value)
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

// writerOf is the config beside the one at path that writes a file, and its output directory; "" if there is none. For
// such a directory it is the config that writes the file of it that the text of the problem names. Of several it is the first by name, one whose name begins with reference last.
func writerOf(file, path, problem string) (writer, dir string) {
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
		if rest, err := filepath.Rel(j.Dir, file); err == nil && (rest == "." && namesOne(problem, j) || slices.Contains(j.Files, rest)) {
			return other, j.Dir
		}
	}
	return "", ""
}

// namesOne says whether a text names one of the files that a job writes.
func namesOne(text string, j *lifecycle.Job) bool {
	return slices.ContainsFunc(j.Files, func(name string) bool { return strings.Contains(text, filepath.Join(j.Dir, name)) })
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
