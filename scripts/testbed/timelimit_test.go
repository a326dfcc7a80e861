//go:build testbed

package testbed

import (
	"strings"
	"testing"
)

// A checkpoint that takes longer than mpirun leaves after SIGTERM survives the time limit of a
// job, with the ranks started by srun and by scripts/mpirun. A rank that is halted for three
// seconds after it was told to stop makes it take that long; without SIGUSR1 there is none.
func TestTimeLimit(t *testing.T) {
	b := newBench(t)
	b.write("limit.toml", strings.Replace(endless, "every = 0.5", "every = 0", 1))
	b.write("rank.sh", `#!/usr/bin/env bash
		echo $$ >rank-$METHOD-${OMPI_COMM_WORLD_RANK:-$SLURM_PROCID}
		exec $tessera "$@"
	`)
	b.write("batch", `#!/usr/bin/env bash
		exec $root/scripts/mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 $TESSERA run limit.toml -quiet -out mpirun
	`)
	b.write("submit", `
		chmod +x rank.sh
		export TESSERA=$PWD/rank.sh
		srun=$(METHOD=srun sbatch --parsable -t 1 --signal=USR1@50 -n 2 -o srun.log $root/scripts/slurm/long.sbatch srun limit.toml -quiet)
		mpirun=$(METHOD=mpirun sbatch --parsable -t 1 --signal=B:TERM@50 -n 2 -o mpirun.log batch)
		running() { [[ $(scontrol show job $1) == *JobState=@(RUNNING|PENDING|CONFIGURING)* ]]; }
		held() {
			until grep -qs iteration $1/.run-*.log || ! running $2; do sleep 0.1; done
			rank=$(cat rank-$1-1)
			kill -STOP $rank
			until [ $((0x$(awk '/^ShdPnd/ {print $2}' /proc/$rank/status) & 0x200)) -ne 0 ] || ! running $2; do sleep 0.1; done
			sleep 3
			kill -CONT $rank
		}
		held srun $srun &
		held mpirun $mpirun &
		wait
		until scontrol show job $srun | grep 'Restarts=1\|JobState=\(FAILED\|TIMEOUT\|CANCELLED\)'; do sleep 0.1; done
		until scontrol show job $mpirun | grep 'ExitCode=3:0\|JobState=\(TIMEOUT\|CANCELLED\|COMPLETED\)'; do sleep 0.1; done
		cat srun.log mpirun.log
	`)
	out := b.must(`slurm -cpus 4 bash submit`)
	for _, name := range []string{"srun", "mpirun"} {
		if !strings.Contains(out, name+"/checkpoint holds a checkpoint") {
			t.Errorf("%s: no checkpoint is announced:\n%s", name, out)
		}
		b.read(name + "/checkpoint/checkpoint.json")
	}
	for _, want := range []string{"Restarts=1", "ExitCode=3:0", "scripts/mpirun: the ranks are told to stop"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
