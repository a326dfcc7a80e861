package cli

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/shown"
)

// present tells what is wrong with a path of a file, and the name that may be meant.
func present(path string) error {
	plain, _ := imageio.FileOf(path)
	_, err := os.Stat(plain)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file%s", shown.Line(path), meant(plain))
	}
	return nil
}

// meant is "; did you mean ...?" with a file beside that has nearly the same name, or "".
func meant(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := config.Nearest(filepath.Base(path), names); near != "" {
		return fmt.Sprintf("; did you mean %s?", shown.Line(filepath.Join(filepath.Dir(path), near)))
	}
	return ""
}

// didYouMean is likewise for a command.
func didYouMean(name string) string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.Name)
	}
	if near := config.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if _, err := os.Stat(name); err == nil {
		command := "restore"
		if strings.EqualFold(filepath.Ext(name), ".toml") {
			command = "run"
		}
		return fmt.Sprintf("; did you mean tessera %s %s?", command, shown.Line(name))
	}
	return ""
}

// meantFlag is likewise for a flag that a command does not have.
func meantFlag(flags *flag.FlagSet, err error) string {
	_, name, unknown := strings.Cut(err.Error(), "not defined: -")
	if !unknown {
		return ""
	}
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean -%s?", near)
	}
	if flags.Lookup("set") != nil {
		return "; keys of the config are set with -set section.key=value"
	}
	return ""
}
