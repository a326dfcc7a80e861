package ranks

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestReadJob(t *testing.T) {
	for name, k := range map[string]struct {
		env  string
		want job
	}{
		"by hand":              {"HOME=/root", job{}},
		"Open MPI":             {"OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_SIZE=2 PMIX_RANK=2", job{"Open MPI's mpirun", 2, 4, 2}},
		"Open MPI, one":        {"OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_SIZE=1", job{"Open MPI's mpirun", 0, 1, 1}},
		"MPICH":                {"PMI_RANK=0 PMI_SIZE=3 MPI_LOCALNRANKS=3", job{"MPICH's mpirun", 0, 3, 3}},
		"srun, pmix":           {"SLURM_PROCID=5 SLURM_STEP_NUM_TASKS=8 SLURM_NTASKS=8 PMIX_RANK=5", job{"srun", 5, 8, 0}},
		"srun, pmi2":           {"SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=8 PMI_RANK=1 PMI_SIZE=8", job{"MPICH's mpirun", 1, 8, 0}},
		"sbatch script":        {"SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_JOB_ID=17", job{}},
		"shell of srun --pty":  {"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1 PMIX_RANK=0", job{}},
		"mpirun inside a step": {"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", job{"Open MPI's mpirun", 1, 4, 0}},
		"some PMIx":            {"PMIX_RANK=3", job{"a PMIx launcher", 3, 0, 0}},
		"nonsense":             {"OMPI_COMM_WORLD_RANK=x OMPI_COMM_WORLD_SIZE=-1", job{}},
	} {
		env := map[string]string{}
		for _, kv := range strings.Fields(k.env) {
			key, value, _ := strings.Cut(kv, "=")
			env[key] = value
		}
		if got := readJob(func(key string) string { return env[key] }); got != k.want {
			t.Errorf("%s: %+v, want %+v", name, got, k.want)
		}
	}
}

// mpirun kills what it has told to stop after a second, unless it is told otherwise, or gets
// SIGUSR1 from the script Launcher.
func TestKillDelay(t *testing.T) {
	if script, err := os.ReadFile("../" + Launcher); err != nil || !strings.Contains(string(script), "export "+stoppedBy+"=") {
		t.Errorf("%s does not set %s: %v", Launcher, stoppedBy, err)
	}
	const ompi = "OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 "
	for env, want := range map[string]time.Duration{
		"":   0,
		ompi: time.Second,
		ompi + "OMPI_MCA_odls_base_sigkill_timeout=60": time.Minute,
		ompi + "PRTE_MCA_odls_base_sigkill_timeout=5":  5 * time.Second,
		"OMPI_MCA_odls_base_sigkill_timeout=60":        0,
		ompi + stoppedBy + "=USR1":                     0, // started by Launcher
		"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2":        0,
	} {
		values := map[string]string{}
		for _, kv := range strings.Fields(env) {
			key, value, _ := strings.Cut(kv, "=")
			values[key] = value
		}
		got, known := killDelay(func(key string) string { return values[key] })
		if got != want || known != (want > 0) {
			t.Errorf("%q: %v, %v; want %v", env, got, known, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[2J\n\tb\u009b"); got != "a\\x1b[2J\n\tb\\x9b" {
		t.Error(got)
	}
}

func TestOneVoice(t *testing.T) {
	err := errors.New("no")
	if got := (job{rank: 0}).oneVoice(err); got != err || Quiet(got) {
		t.Errorf("rank 0 is to say %v", got)
	}
	if got := (job{rank: 1}).oneVoice(err); !Quiet(got) || !errors.Is(got, err) || got.Error() != "no" {
		t.Errorf("rank 1 is to be quiet about %v", got)
	}
	if (job{rank: 1}).oneVoice(nil) != nil {
		t.Error("success became an error")
	}
}
