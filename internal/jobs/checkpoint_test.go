package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tessera/internal/checkpoint"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// checkpointed are the ways in which jobs keep checkpoints: by kind of job the sets of a run
// with some of them, for each way.
var checkpointed = map[string][][]string{
	"psf": {{"simulate.count=20", "simulate.side=15", "simulate.psfs=4", "psf.iterations=30", "psf.check_every=5"}},
	"tppa-train": {
		{"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "tppa.steps=20", "tppa.layers=3"},
		{"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "tppa.steps=20", "tppa.layers=3", "tppa.method=nesterov", "tppa.batch=3"},
	},
	"mlpatch-train": {
		{"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=5", "mlpatch.batch=3", "mlpatch.block=10", "mlpatch.blocks=3", "mlpatch.every=1"},
		{"simulate.count=6", "data.validation=0", "simulate.rows=16", "simulate.cols=20", "mlpatch.steps=20", "mlpatch.hidden=[6]", "mlpatch.geometry=round", "mlpatch.radii=2", "mlpatch.angles=4", "mlpatch.learned=true", "mlpatch.batch=3", "mlpatch.block=10"},
	},
	"darkmatter": {
		{"simulate.rows=24", "simulate.cols=20", "noise.realisations=2", "learned.skies=4", "learned.validation=1", "network.geometry=square", "network.side=3", "network.hidden=[8]", "network.steps=20", "network.block=6", "network.batch=3", "network.blocks=3", "network.every=1", "output.pictures=false"},
	},
	"mlpatch-superres": {
		{"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "superres.scale=1.5", "superres.tests=[2]", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.batch=3", "mlpatch.block=8", "mlpatch.blocks=3", "mlpatch.every=1"},
		{"simulate.count=6", "data.validation=0", "simulate.rows=16", "simulate.cols=20", "superres.scale=1.5", "superres.tests=[2]", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.batch=3", "mlpatch.block=8", "mlpatch.blocks=3", "mlpatch.geometry=round", "mlpatch.radii=2", "mlpatch.angles=4", "mlpatch.learned=true"},
	},
	"scdl-train": {
		{"simulate.count=200", "scdl.atoms=16", "scdl.iterations=6", "scdl.precision=double"},
		{"simulate.count=200", "scdl.atoms=16", "scdl.iterations=6", "scdl.precision=double", "scdl.state=disk"},
		{"simulate.count=200", "scdl.atoms=16", "scdl.iterations=3", "scdl.method=online", "scdl.batch=64"},
	},
}

// forResumable calls test for every kind of job that keeps checkpoints and every way, with the
// number of the call.
func forResumable(t *testing.T, test func(t *testing.T, turn int, kind string, sets []string)) {
	turn := 0
	for _, k := range Kinds() {
		sets := slices.Clone(required[k.Name])
		if ways := checkpointed[k.Name]; ways != nil { // some jobs keep checkpoints in some ways alone
			sets = append(sets, ways[0]...)
		}
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
		if err != nil {
			t.Fatal(err)
		}
		if !j.Resumable {
			if checkpointed[k.Name] != nil {
				t.Errorf("a job %q is no longer resumable in the ways of this test", k.Name)
			}
			continue
		}
		if checkpointed[k.Name] == nil {
			t.Errorf("no way in which a job %q keeps checkpoints", k.Name)
		}
		for i, sets := range checkpointed[k.Name] {
			if i > 0 && testing.Short() && !slices.Contains(sets, "scdl.state=disk") {
				continue // one way of each kind, and both places of the state
			}
			sets := append(slices.Clone(sets), unpictured(t, k.Name)...)
			t.Run(fmt.Sprintf("%s-%d", k.Name, i), func(t *testing.T) { test(t, turn, k.Name, sets) })
			turn++
		}
	}
}

// How often a run keeps a checkpoint: whenever it can, or only when it is stopped.
const (
	always = "checkpoint.every=1e-9"
	never  = "checkpoint.every=0"
)

// watchedRun runs a job on n ranks until it ends, or until a file is there. It returns the
// error of rank 0 and the warnings.
func watchedRun(t *testing.T, n int, kind string, sets []string, env lifecycle.Env, until string, warned func()) (error, []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var warnings []string // of rank 0
	var first error
	ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err != nil {
			return err
		}
		env := env
		env.Version = "test"
		if comm.Rank() == 0 {
			env.Warn = func(text string) {
				warnings = append(warnings, text)
				if warned != nil {
					warned()
				}
			}
		}
		if comm.Rank() != 0 {
			return j.Run(ctx, comm, env)
		}
		first = j.Run(ctx, &countingComm{Comm: comm, at: func(int) {
			if _, err := os.Stat(until); err == nil {
				cancel()
			}
		}}, env)
		return first
	})
	return first, warnings
}

// lengths are the keys that say how many steps a job with checkpoints makes.
var lengths = map[string]string{
	"psf": "psf.iterations", "tppa-train": "tppa.steps", "mlpatch-train": "mlpatch.steps", "mlpatch-superres": "mlpatch.steps",
	"darkmatter": "network.steps", "scdl-train": "scdl.iterations",
}

// A checkpoint with more steps than the config of the run that continues it is refused with both numbers, as the config of
// its result would not lead to it. One that was made within the first step, as online training makes them, is continued, and the
// result is that of the config.
func TestCheckpointPastEnd(t *testing.T) {
	forResumable(t, func(t *testing.T, _ int, kind string, sets []string) {
		key := lengths[kind]
		if key == "" {
			t.Fatalf("no key of the number of steps of a job %q", kind)
		}
		dir := t.TempDir()
		sets = append(slices.Clone(sets), always, fmt.Sprintf("output.dir=%q", dir))
		previous := filepath.Join(dir, "checkpoint", checkpoint.PreviousName) // of the second or a later step
		if err, _ := watchedRun(t, 1, kind, sets, lifecycle.Env{}, previous, nil); !errors.As(err, new(*lifecycle.StoppedError)) {
			t.Fatalf("was not stopped: %v", err)
		}
		err, _ := watchedRun(t, 1, kind, append(sets, key+"=1"), lifecycle.Env{Resume: true}, filepath.Join(dir, "none"), nil)
		if err == nil {
			whole := t.TempDir()
			if err, _ := watchedRun(t, 1, kind, append(sets, key+"=1", never, fmt.Sprintf("output.dir=%q", whole)), lifecycle.Env{}, "", nil); err != nil {
				t.Fatal(err)
			}
			j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(filepath.Join(dir, j.Answer))
			if want, err := os.ReadFile(filepath.Join(whole, j.Answer)); err != nil || string(got) != string(want) {
				t.Errorf("%s=1 after more steps is continued to another result than that of the config (%v)", key, err)
			}
			return
		}
		if !strings.Contains(err.Error(), "the checkpoint has made ") || !strings.Contains(err.Error(), ", the options allow 1: continue with ") {
			t.Errorf("%s=1 after more steps: %v", key, err)
		}
	})
}

// A checkpoint of which any file is damaged is not continued: the one before is, with a
// warning that names the file; and if that is damaged too, the run is refused.
func TestDamagedCheckpoint(t *testing.T) {
	forResumable(t, func(t *testing.T, turn int, kind string, sets []string) {
		root := t.TempDir()
		to := func(dir, every string) []string {
			return append(slices.Clone(sets), every, fmt.Sprintf("output.dir=%q", filepath.Join(root, dir)))
		}
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), to("whole", never))
		if err != nil {
			t.Fatal(err)
		}
		if err, _ := watchedRun(t, 2, kind, to("whole", never), lifecycle.Env{}, "", nil); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(root, "whole", j.Answer))
		if err != nil {
			t.Fatal(err)
		}
		previous := filepath.Join(root, "stopped", "checkpoint", checkpoint.PreviousName)
		if err, _ := watchedRun(t, 2, kind, to("stopped", always), lifecycle.Env{}, previous, nil); !errors.As(err, new(*lifecycle.StoppedError)) {
			t.Fatalf("was not stopped: %v", err)
		}
		generations, damage, err := checkpoint.Read(filepath.Dir(previous))
		if err != nil || damage != nil || len(generations) != 2 {
			t.Fatal(generations, damage, err)
		}
		if !strings.Contains(generations[0].Config, fmt.Sprintf("job = %q", kind)) {
			t.Errorf("the config in the checkpoint is %q", generations[0].Config)
		}
		files := []string{"checkpoint/" + checkpoint.ManifestName, fmt.Sprintf("checkpoint/part-%d-0", generations[0].Generation)}
		for _, damaged := range append(files, "", "state") {
			dir := fmt.Sprintf("damaged %d", slices.Index(files, damaged))
			if damaged == "state" {
				dir = damaged
			}
			if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join(root, "stopped"))); err != nil {
				t.Fatal(err)
			}
			if damaged == "state" {
				if damaged = newestState(t, filepath.Join(root, dir, "state")); damaged == "" {
					continue
				}
			}
			if damaged != "" {
				flip(t, filepath.Join(root, dir, damaged))
			}
			err, warnings := watchedRun(t, 2, kind, to(dir, never), lifecycle.Env{Resume: true}, "", nil)
			if err != nil {
				t.Errorf("%q damaged: %v", damaged, err)
				continue
			}
			said := strings.Join(warnings, "\n")
			if damaged == "" && said != "" || damaged != "" && (len(warnings) != 1 || !strings.Contains(said, damaged+": ") || !strings.Contains(said, "damaged") || !strings.Contains(said, "goes on from")) {
				t.Errorf("%q damaged: warnings %q", damaged, said)
			}
			if got, _ := os.ReadFile(filepath.Join(root, dir, j.Answer)); string(got) != string(want) {
				t.Errorf("%q damaged: the answer is not that of a run that was not stopped", damaged)
			}
		}
		resumeBesideUnknown(t, turn, kind, filepath.Join(root, "stopped"), to, j.Answer, want)
		for _, g := range generations {
			flip(t, filepath.Join(root, "stopped", "checkpoint", fmt.Sprintf("part-%d-0", g.Generation)))
		}
		if err, _ := watchedRun(t, 2, kind, to("stopped", never), lifecycle.Env{Resume: true}, "", nil); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("part-%d-0", generations[0].Generation)) {
			t.Errorf("both damaged: %v", err)
		}
	})
}

// resumeBesideUnknown continues a stopped run beside a file that is not to be told from one of
// others, with each of the names that a checkpoint has: the result is whole or the run is
// refused, and the file stays. It keeps checkpoints itself or none, in turn for the names and the ways, so that each
// name, and each way, is tried with both.
func resumeBesideUnknown(t *testing.T, turn int, kind, stopped string, to func(dir, every string) []string, answer string, want []byte) {
	t.Helper()
	newest, _, err := checkpoint.Read(filepath.Join(stopped, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	kept := func(name string) string { return name }
	aside := func(name string) string { return name + ".unknown" }
	onDisk := slices.Contains(to("", never), "scdl.state=disk")
	cases := []struct {
		name, refused string
		now           func(string) string
		warnings      []string
	}{
		{"checkpoint/" + checkpoint.PreviousName, "", aside, []string{"goes on from the other checkpoint", "it is kept as checkpoint-previous.json.unknown"}},
		{"checkpoint/" + checkpoint.ManifestName, "", aside, []string{"goes on from the other checkpoint", "it is kept as checkpoint.json.unknown"}},
		{fmt.Sprintf("checkpoint/part-%d-0", newest[0].Generation+1), "", kept, []string{"is not a part of a checkpoint, but has the name of one: move it away"}},
	}
	if onDisk {
		cases = append(cases, struct {
			name, refused string
			now           func(string) string
			warnings      []string
		}{"state/" + unusedState(t, filepath.Join(stopped, "state")), "is not the state of a training, but has its name", kept, nil})
	}
	for i, c := range cases {
		for _, every := range []string{[]string{never, always}[(turn+i)%2]} {
			name := fmt.Sprintf("unknown %d %s", i, every)
			dir := filepath.Join(filepath.Dir(stopped), name)
			if err := os.CopyFS(dir, os.DirFS(stopped)); err != nil {
				t.Fatal(err)
			}
			mine := strings.Repeat("mine\n", 20)
			if err := os.WriteFile(filepath.Join(dir, c.name), []byte(mine), 0o666); err != nil {
				t.Fatal(err)
			}
			err, warnings := watchedRun(t, 2, kind, to(name, every), lifecycle.Env{Resume: true}, "", nil)
			if got, _ := os.ReadFile(filepath.Join(dir, c.now(c.name))); string(got) != mine {
				t.Errorf("%s is gone: %q", c.name, got)
			}
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if got, _ := os.ReadFile(filepath.Join(dir, answer)); string(got) != string(want) {
				t.Errorf("%s: the answer is not that of a run that was not stopped", c.name)
			}
			wanted := c.warnings
			if every == never && !onDisk && c.now(c.name) == c.name {
				wanted = nil // no part is written
			}
			said := strings.Join(warnings, "\n")
			if len(warnings) != len(wanted) || slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(said, w) }) {
				t.Errorf("%s: warnings %q, want %q", c.name, warnings, wanted)
			}
			if left, _ := os.ReadDir(filepath.Join(dir, "checkpoint")); len(left) != 1 {
				t.Errorf("%s: left %v", c.name, left)
			}
		}
	}
	// A new run is refused.
	dir := filepath.Join(filepath.Dir(stopped), "new")
	if err := os.CopyFS(dir, os.DirFS(stopped)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "checkpoint", checkpoint.PreviousName), make([]byte, 100), 0o666); err != nil {
		t.Fatal(err)
	}
	if err, _ := watchedRun(t, 2, kind, to("new", never), lifecycle.Env{Replace: true}, "", nil); err == nil || !strings.Contains(err.Error(), "is not the manifest of a checkpoint") {
		t.Errorf("a new run beside an unknown manifest: %v", err)
	}
}

// A run that was told to replace a result, and then stopped, replaces it when it is
// continued; one that was not is refused, and names the file that is in its way.
func TestContinueReplaces(t *testing.T) {
	forResumable(t, func(t *testing.T, _ int, kind string, sets []string) {
		for _, replace := range []bool{false, true} {
			out := filepath.Join(t.TempDir(), "out")
			sets := append(slices.Clone(sets), always, fmt.Sprintf("output.dir=%q", out))
			kept := filepath.Join(out, "checkpoint", checkpoint.ManifestName)
			if err, _ := watchedRun(t, 1, kind, sets, lifecycle.Env{Replace: replace}, kept, nil); !errors.As(err, new(*lifecycle.StoppedError)) {
				t.Fatalf("was not stopped: %v", err)
			}
			j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
			if err != nil {
				t.Fatal(err)
			}
			inTheWay := filepath.Join(out, j.Answer)
			if err := os.WriteFile(inTheWay, []byte("an earlier result"), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err = claimed(t, kind, sets, lifecycle.Continue, lifecycle.Env{Resume: true})
			text, _ := os.ReadFile(inTheWay)
			if replace != (err == nil) || replace == (string(text) == "an earlier result") {
				t.Errorf("replace %v: %v, the answer has %d bytes", replace, err, len(text))
			}
			if !replace && (!errors.As(err, new(*lifecycle.NoCheckpointError)) || !strings.Contains(err.Error(), inTheWay)) {
				t.Errorf("refused with %v", err)
			}
		}
	})
}

// A checkpoint that takes longer than mpirun waits is a warning, once.
func TestSlowCheckpoint(t *testing.T) {
	if ranks.MPI().Compiled {
		t.Skip("would start MPI")
	}
	for name, value := range map[string]string{"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1", "OMPI_MCA_odls_base_sigkill_timeout": "0"} {
		t.Setenv(name, value)
	}
	err, warnings := watchedRun(t, 2, "psf", append(slices.Clone(checkpointed["psf"][0]), always, fmt.Sprintf("output.dir=%q", t.TempDir())), lifecycle.Env{}, "", nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "start it with "+ranks.Launcher) {
		t.Errorf("%v, warnings %q", err, warnings)
	}
}

// unusedState is the file of a training's state that the newest checkpoint does not name.
func unusedState(t *testing.T, folder string) string {
	t.Helper()
	newest := newestState(t, folder)
	for _, file := range []string{"tiles-0", "tiles-1", "tiles-2"} {
		if filepath.Join("state", file) != newest {
			return file
		}
	}
	return ""
}

// newestState is the file of a training's state that was written last; empty if its state is
// not in files.
func newestState(t *testing.T, folder string) string {
	t.Helper()
	name, most := "", byte(0)
	for _, file := range []string{"tiles-0", "tiles-1", "tiles-2"} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if iteration := text[16]; iteration > most { // fewer than 256
			name, most = filepath.Join("state", file), iteration
		}
	}
	return name
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// noRoom is the variable with which this binary, started again, runs a job whose checkpoints
// cannot be written: "later" or "never", the kind and the sets, a line each.
const noRoom = "TESSERA_TEST_NO_ROOM"

// A checkpoint that cannot be written is a warning, and the run goes on. If the run is then
// told to stop, it says that its work is lost.
func TestNoRoomForCheckpoint(t *testing.T) {
	forResumable(t, func(t *testing.T, _ int, kind string, sets []string) {
		if slices.Contains(sets, "scdl.state=disk") {
			return // the state itself has no room
		}
		for when, want := range map[string]string{"later": "the run ended with: <nil>", "never": "the run ended with: stopped, and no checkpoint could be written: "} {
			out := filepath.Join(t.TempDir(), "out")
			lines := append(append([]string{when, kind}, sets...), always, fmt.Sprintf("output.dir=%q", out))
			cmd := exec.Command(os.Args[0], "-test.run=^TestNoRoom$", "-test.v")
			cmd.Env = append(os.Environ(), noRoom+"="+strings.Join(lines, "\n"))
			said, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			if !strings.Contains(string(said), want) || !strings.Contains(string(said), "warning: no checkpoint: ") || !strings.Contains(string(said), "file too large") {
				t.Errorf("%s: %s", when, said)
			}
			if n := strings.Count(string(said), "warning: no checkpoint: "); n > 1 { // once, and again only after a minute
				t.Errorf("%s: said %d times: %s", when, n, said)
			}
			if left, _ := os.ReadDir(filepath.Join(out, "checkpoint")); len(left) > 0 {
				t.Errorf("%s: left in the checkpoint's directory: %v", when, left)
			}
		}
	})
}

// TestNoRoom is the other process of TestNoRoomForCheckpoint.
func TestNoRoom(t *testing.T) {
	lines := strings.Split(os.Getenv(noRoom), "\n")
	if len(lines) < 3 {
		t.Skip("only for TestNoRoomForCheckpoint")
	}
	signal.Ignore(syscall.SIGXFSZ)
	room := func(bytes uint64) {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		limit.Cur = min(bytes, limit.Max)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	room(256)
	stop := ""
	if lines[0] == "never" {
		stop = filepath.Join(t.TempDir(), "stop")
	}
	err, warnings := watchedRun(t, 2, lines[1], lines[2:], lifecycle.Env{}, stop, func() {
		if stop == "" {
			room(1 << 40)
			return
		}
		if err := os.WriteFile(stop, nil, 0o666); err != nil {
			t.Error(err)
		}
	})
	for _, w := range warnings {
		fmt.Println("warning:", w)
	}
	fmt.Println("the run ended with:", err)
}
