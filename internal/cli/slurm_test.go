package cli

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The scripts that are printed, and that bash can read them.
func TestBatchScripts(t *testing.T) {
	for name, b := range map[string]batch{
		"deblur": {
			allocation: allocation{nodes: 4, perNode: 16, notice: notice},
			config:     "configs/deblur.toml", program: "/home/ada/tessera/bin/tessera",
		},
		"psf": {
			allocation: allocation{nodes: 1, perNode: 32, notice: notice, time: "2:00:00", partition: "cpu", account: "sky-17"},
			config:     "my configs/it's.toml", out: "out/a b", sets: []string{"psf.iterations=9", `stack.path="x"`},
			program: "/opt/my tessera", checkpoint: "out/a b/checkpoint/checkpoint.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := writeBatch(&got, b); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "slurm", name+".sbatch")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s is no longer what is printed; go test -run %s -update writes it anew:\n%s", golden, t.Name(), got.Bytes())
			}
			if bash, err := exec.LookPath("bash"); err == nil {
				if out, err := exec.Command(bash, "-n", golden).CombinedOutput(); err != nil {
					t.Errorf("bash -n: %v\n%s", err, out)
				}
			}
		})
	}
}

func TestTimeLimits(t *testing.T) {
	for limit, want := range map[string]int{
		"90": 5400, "5:30": 330, "1:00:00": 3600, "2-0": 172800, "1-2:30": 95400, "1-02:30:15": 95415,
		"": -1, "soon": -1, "1:2:3:4": -1, "-5": -1, "1-": -1, "1.5": -1,
	} {
		got, ok := seconds(limit)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("seconds(%q) = %d, %v, want %d", limit, got, ok, want)
		}
	}
}
