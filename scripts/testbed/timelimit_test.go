//go:build testbed

package testbed

import (
	"strings"
	"testing"
)

// A checkpoint that takes longer than mpirun leaves after SIGTERM survives the time limit of a
// job, with the ranks started by srun and by scripts/mpirun. Ranks that hear of it three seconds
// late make it take that long; without SIGUSR1 there is none. Slurm gives its notice up to a
// minute early: the limit is set when the run is under way. The ranks are no children of what
// the launcher starts, as Slurm sends a signal to these, too, and before it SIGCONT.
func TestTimeLimit(t *testing.T) {
	b := newBench(t)
	b.write("limit.toml", strings.Replace(endless, "every = 0.5", "every = 0", 1))
	b.write("rank.sh", `#!/usr/bin/env bash
		rank=$PWD/rank-$SLURM_JOB_ID-$BASHPID
		trap 'sleep 3; kill -USR1 $(cat $rank) && echo "told three seconds late"' USR1
		((
			trap "" USR1
			setsid bash -c 'echo $$ >$0; exec $tessera "$@"' $rank "$@"
			echo $? >$rank.status
		) &)
		# The step is ended with its first rank.
		trap "" TERM
		until [ -s $rank.status ]; do sleep 0.1; done
		exit $(cat $rank.status)
	`)
	b.write("batch", `#!/usr/bin/env bash
		exec $root/scripts/mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 $TESSERA run limit.toml -quiet -out mpirun
	`)
	b.write("submit", `
		chmod +x rank.sh
		export TESSERA=$PWD/rank.sh
		srun=$(sbatch --parsable -t 60 --signal=USR1@50 -n 2 -o srun.log $root/scripts/slurm/long.sbatch srun limit.toml -quiet)
		mpirun=$(sbatch --parsable -t 60 --signal=B:TERM@50 -n 2 -o mpirun.log batch)
		until grep -qs iteration srun/.run-*.log && grep -qs iteration mpirun/.run-*.log; do sleep 0.1; done
		# Half a minute to a minute and a half from now.
		for job in $srun $mpirun; do scontrol update JobId=$job TimeLimit=$(((SECONDS + 35) / 60 + 1)); done
		until scontrol show job $srun | grep 'Restarts=1\|JobState=\(FAILED\|TIMEOUT\|CANCELLED\)'; do sleep 0.1; done
		until scontrol show job $mpirun | grep 'ExitCode=3:0\|JobState=\(TIMEOUT\|CANCELLED\|COMPLETED\|FAILED\)'; do sleep 0.1; done
		cat srun.log mpirun.log
	`)
	out := b.must(`slurm -cpus 4 bash submit`)
	for _, name := range []string{"srun", "mpirun"} {
		if !strings.Contains(out, name+"/checkpoint holds a checkpoint") {
			t.Errorf("%s: no checkpoint is announced:\n%s", name, out)
		}
		b.read(name + "/checkpoint/checkpoint.json")
	}
	if n := strings.Count(out, "told three seconds late"); n != 4 {
		t.Errorf("%d of 4 ranks were told late:\n%s", n, out)
	}
	for _, want := range []string{"Restarts=1", "ExitCode=3:0", "scripts/mpirun: the ranks are told to stop"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
