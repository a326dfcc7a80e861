package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
)

// leaves lists the dotted names of the values of a metrics.json, list elements as one.
func leaves(prefix string, v any, list []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if prefix == "" && k == "config" {
				continue // the config's own keys
			}
			name := k
			if prefix != "" {
				name = prefix + "." + k
			}
			list = leaves(name, x, list)
		}
		return list
	case []any:
		if len(v) > 0 {
			if _, nested := v[0].(map[string]any); nested {
				return leaves(prefix, v[0], list)
			}
		}
	}
	return append(list, prefix)
}

// Every kind of job has a page under docs/jobs that names, in backquotes, every key of its
// config and every key of the metrics.json that its example leaves; keys that all kinds
// have are on docs/jobs/README.md.
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
			dir := t.TempDir()
			sets := append(tinySets(t, k.Name, dir), fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out")))
			for _, key := range leaves("", runOn(t, 2, k.Name, sets), nil) {
				if !named(key) {
					t.Errorf("the key %s of metrics.json is not on the page", key)
				}
			}
		})
	}
}
