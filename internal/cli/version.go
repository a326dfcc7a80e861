package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// release is the version that metrics.json carries.
const release = "0.1.0"

// version is the release and, where the binary was built in a checkout, its
// revision: "0.1.0 (revision 1a2b3c4d5e6f, modified)".
func version() string {
	var revision, modified string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", modified"
			}
		}
	}
	if revision == "" {
		return release
	}
	return fmt.Sprintf("%s (revision %s%s)", release, revision, modified)
}

// buildTags are the -tags the binary was built with.
func buildTags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" && s.Value != "" {
				return strings.ReplaceAll(s.Value, ",", " ")
			}
		}
	}
	return "none"
}

func printVersion(ctx context.Context, c *call) error {
	if err := c.noArguments("version"); err != nil {
		return err
	}
	return onRankZero(ctx, c.stderr, func() error {
		_, err := fmt.Fprintf(c.stdout, "tessera %s, %s %s/%s, build tags: %s\n",
			version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, buildTags())
		return err
	})
}

func help(ctx context.Context, c *call) error {
	text := overview()
	if len(c.args) > 0 {
		cmd := lookup(c.args[0])
		if cmd == nil {
			return usageError{fmt.Sprintf("tessera: no command %q; `tessera help` lists them", c.args[0])}
		}
		text = explain(cmd)
	}
	return onRankZero(ctx, c.stderr, func() error {
		_, err := fmt.Fprint(c.stdout, text)
		return err
	})
}
