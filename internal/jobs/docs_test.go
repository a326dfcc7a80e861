package jobs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tessera/internal/config"
)

// Every kind of job has a page under docs/jobs that names, in backquotes, every key of its
// config; keys that all kinds have are on docs/jobs/README.md. Those of metrics.json are on
// docs/outputs.md, see TestOutputsKeys.
func TestPages(t *testing.T) {
	common, err := os.ReadFile("../../docs/jobs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/jobs/" + k.Name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			page := string(text) + string(common)
			named := func(key string) bool {
				for {
					if strings.Contains(page, "`"+key+"`") {
						return true
					}
					_, rest, found := strings.Cut(key, ".") // in a table of its section
					if !found {
						return false
					}
					key = rest
				}
			}
			f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
			if err != nil {
				t.Fatal(err)
			}
			k.Load(f)
			for key := range f.Values() {
				if !named(key) {
					t.Errorf("the key %s of the config is not on the page", key)
				}
			}
		})
	}
}
