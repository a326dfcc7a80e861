package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
)

// Every kind of job leaves a config.toml that is read back as the values that were in force.
func TestConfigOfTheResult(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			sets := append(append(tinySets(t, k.Name, dir), unpictured(t, k.Name)...), fmt.Sprintf("output.dir=%q", out), fmt.Sprintf("job=%q", k.Name))
			runOn(t, 1, k.Name, sets)
			text, err := os.ReadFile(filepath.Join(out, lifecycle.ConfigName))
			if err != nil {
				t.Fatal(err)
			}
			values := func(text []byte, sets []string) map[string]any {
				f, err := config.Parse("test.toml", text, sets)
				if err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
				k.Load(f)
				if err := f.Err(); err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
				return f.Values()
			}
			got, want := values(text, nil), values(nil, sets)
			for key, v := range want {
				if fmt.Sprint(got[key]) != fmt.Sprint(v) {
					t.Errorf("%s is %v in config.toml, the run had %v", key, got[key], v)
				}
			}
			if len(want) < 5 || len(got) != len(want) {
				t.Errorf("%d keys, want %d", len(got), len(want))
			}
		})
	}
}
