package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// What a run would refuse is refused by check, with the key and what is wanted; what
// check accepts runs.
func TestCheckIsRun(t *testing.T) {
	kinds := map[string]func(*config.File) *lifecycle.Job{"kernel": Load, "deep-kernel": LoadDeep}
	small := map[string][]string{
		"kernel":      {"simulate.count=60", "kernel.width=0.3"},
		"deep-kernel": {"simulate.count=40", "simulate.test=10", "deep.steps=1", "deep.starts=1", "single.widths=[0.1]", "single.lambdas=[0.01]"},
	}
	five := "x,y,value\n0.1,0.2,1\n0.5,0.3,2\n0.9,0.8,3\n0.4,0.7,1\n0.6,0.1,2\n"
	for _, c := range []struct {
		kind, observations, places string
		sets                       []string
		want                       string // of check's error; "" = it runs
	}{
		{kind: "kernel"},
		{kind: "kernel", sets: []string{"evaluate.shape=[5, 6]"}},
		{kind: "kernel", sets: []string{"evaluate.shape=[5]"}, want: "evaluate.shape"},
		{kind: "kernel", sets: []string{"kernel.choose=gcv", "search.widths=[]", "search.lambdas=[]", "kernel.width=0.1"}},
		{kind: "kernel", sets: []string{"kernel.choose=cross-validation", "simulate.count=4"}, want: "of 5 folds empty"},
		{kind: "kernel", sets: []string{"kernel.choose=leave-one-out", "simulate.count=3"}, want: "leave-one-out wants 4 or more"},
		{kind: "kernel", sets: []string{"kernel.choose=leave-one-out", "search.widths=[1]"}, want: "begins at kernel.width"},
		{kind: "kernel", sets: []string{"kernel.choose=leave-one-out", "search.lambdas=[1]"}, want: "begins at kernel.lambda"},
		{kind: "kernel", sets: []string{"kernel.choose=leave-one-out", "search.sample=3"}, want: "4 to 5000"},
		{kind: "kernel", sets: []string{"kernel.family=gaussian", "kernel.truncate=1e-3"}, want: "positive definite"},
		{kind: "kernel", sets: []string{"frame.pixels=true", "frame.rows=20", "frame.cols=18"}},
		{kind: "kernel", sets: []string{"frame.pixels=true", "frame.rows=2", "frame.cols=3"}, want: "leaves no pixel of 6"},
		{kind: "kernel", sets: []string{"frame.pixels=true", "frame.truth=none.png"}, want: "frame.truth"},
		{kind: "kernel", observations: five},
		{kind: "kernel", observations: five, sets: []string{"evaluate.shape=[4, 4, 4]"}, want: "has 3 numbers, want 2"},
		{kind: "kernel", observations: five, sets: []string{"frame.pixels=true"}},
		{kind: "kernel", observations: "x,value\n1,2\n2,3\n", sets: []string{"frame.pixels=true"}, want: "want columns row and col"},
		{kind: "kernel", observations: "-1,2,3\n", sets: []string{"frame.pixels=true"}, want: "outside of any frame"},
		{kind: "kernel", observations: "x,y,value\n1,nan,3\n", want: "line 2, column 2 (y): missing"},
		{kind: "kernel", observations: five, sets: []string{`observations.columns=["x", "flux"]`}, want: `no column "flux"`},
		{kind: "kernel", observations: five, places: "x,y\n0.5,0.5\n"},
		{kind: "kernel", observations: five, places: "0.5\n", want: "want the 2 coordinates"},
		{kind: "kernel", observations: five, places: "0.5,nan\n", want: "line 1, column 2: missing"},
		{kind: "deep-kernel"},
		{kind: "deep-kernel", sets: []string{"evaluate.shape=[4, 4, 4]"}, want: "evaluate.shape"},
		{kind: "deep-kernel", sets: []string{"single.widths=[]", "single.lambdas=[]"}},
		{kind: "deep-kernel", sets: []string{"simulate.count=4"}, want: "of 5 folds empty"},
		{kind: "deep-kernel", sets: []string{"deep.inner_lambda=1e-12"}, want: "positive definite"},
		{kind: "deep-kernel", observations: five, want: "of 5 folds empty"},
		{kind: "deep-kernel", observations: five + strings.Repeat(five[len("x,y,value\n"):], 9)},
		{kind: "deep-kernel", observations: five, sets: []string{"evaluate.shape=[9]"}, want: "has 1 numbers, want 2"},
		{kind: "deep-kernel", observations: strings.Repeat("1,1,2\n", 30), sets: []string{"deep.inner=matern-3/2"}},
	} {
		sets := append(small[c.kind][:len(small[c.kind]):len(small[c.kind])], c.sets...)
		folder := t.TempDir()
		for key, text := range map[string]string{"observations": c.observations, "evaluate": c.places} {
			if text == "" {
				continue
			}
			path := filepath.Join(folder, key+".csv")
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			sets = append(sets, fmt.Sprintf("%s.path=%q", key, path))
		}
		text := fmt.Sprintf("job = %q", c.kind)
		j, err := jobtest.Parse(kinds[c.kind], text, sets...)
		if err == nil {
			err = j.CheckFiles()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %q: check says %v, want %q", c.kind, sets, err, c.want)
		}
		if err != nil {
			continue
		}
		dir, err := jobtest.Run(t, kinds[c.kind], 2, text, sets...)
		if err != nil {
			t.Errorf("%s %q passed check and did not run: %v", c.kind, sets, err)
			continue
		}
		if fit := jobtest.ReadNpy(t, dir, j.Answer); len(fit) == 0 {
			t.Errorf("%s %q: nothing in %s", c.kind, sets, j.Answer)
		}
	}
}

// A shape of the wrong length is found without the table where the config says how many
// coordinates it has.
func TestShapeWithoutTheTable(t *testing.T) {
	for name, load := range map[string]func(*config.File) *lifecycle.Job{"kernel": Load, "deep-kernel": LoadDeep} {
		for _, c := range []struct {
			sets string
			bad  bool
		}{
			{`observations.dim=2 evaluate.shape=[9]`, true},
			{`observations.dim=1 evaluate.shape=[9,9]`, true},
			{`observations.columns=["a","b","c"] evaluate.shape=[9]`, false}, // the last one may be an error
			{`observations.dim=2 observations.columns=["a","b","c","s"] evaluate.shape=[9,9,9]`, true},
			{`observations.dim=2 observations.columns=["a","b","c","s"] evaluate.shape=[9,9]`, false},
			{`observations.columns=["a","b","c"] evaluate.shape=[9,9]`, false},
			{`observations.dim=3 evaluate.shape=[9,9,9]`, false},
			{`observations.dim=3 evaluate.shape=[]`, false},
			{`evaluate.shape=[9]`, false}, // only the table tells
		} {
			_, err := jobtest.Parse(load, fmt.Sprintf("job = %q", name), append(strings.Fields(c.sets), "observations.path=none.csv")...)
			if bad := err != nil && strings.Contains(err.Error(), "evaluate.shape = "); bad != c.bad || err != nil && !c.bad {
				t.Errorf("%s, %s: %v", name, c.sets, err)
			}
		}
	}
}
