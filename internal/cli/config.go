package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs"
	"tessera/internal/lifecycle"
	"tessera/internal/shown"
)

// one is the single CONFIG of a command.
func (c *call) one(cmd string) (string, error) {
	if len(c.args) != 1 {
		return "", usageError{fmt.Sprintf("tessera %s: %d config files, want one", cmd, len(c.args))}
	}
	if c.ranks < 0 {
		return "", usageError{fmt.Sprintf("tessera %s: -ranks %d: want 1 or more; 0 = one a core", cmd, c.ranks)}
	}
	return c.args[0], nil
}

// overrides are the -set flags, -out among them.
func (c *call) overrides() []string {
	if c.out == "" {
		return c.sets
	}
	return append(c.sets[:len(c.sets):len(c.sets)], fmt.Sprintf("output.dir=%q", c.out))
}

// readConfig reads a config's text. A file that cannot be read is a problem of
// the configuration like any other.
func readConfig(path string) ([]byte, error) {
	text, err := imageio.ReadText(path, config.MaxSize)
	if err != nil {
		var pe *os.PathError
		near := ""
		if errors.As(err, &pe) {
			if err = pe.Err; errors.Is(err, fs.ErrNotExist) {
				near = meant(path)
			}
		}
		return nil, &config.Error{Problems: []config.Problem{{Where: path, Text: err.Error() + near}}}
	}
	return text, nil
}

// load checks a config's text and the files it names. For one rank.
func (c *call) load(path string, text []byte) (*lifecycle.Job, error) {
	j, err := jobs.Load(path, text, c.overrides())
	if err != nil {
		return nil, withPlaces(err, path)
	}
	return j, withPlaces(j.CheckFiles(), path)
}

// check prints every problem of every config. A config of which only files are missing that other configs make passes, with a
// line on standard error for each.
func check(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usageError{"tessera check: which config file?"}
	}
	return onRankZero(ctx, c.stderr, func() error {
		var all config.Error
		for _, path := range c.args {
			text, err := readConfig(path)
			study := false
			if err == nil {
				study, err = jobs.CheckStudy(path, text)
			}
			if err == nil && !study {
				_, err = c.load(path, text)
			}
			var bad *config.Error
			switch {
			case errors.As(err, &bad) && bad.Awaited():
				for _, p := range bad.Problems {
					fmt.Fprintln(c.stderr, shown.Line(awaited(p)))
				}
			case errors.As(err, &bad):
				all.Problems = append(all.Problems, bad.Problems...)
			case err != nil:
				return err
			default:
				fmt.Fprintf(c.stdout, "%s: fine\n", shown.Line(path))
			}
		}
		if len(all.Problems) > 0 {
			return &all
		}
		return nil
	})
}
