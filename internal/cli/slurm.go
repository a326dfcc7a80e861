package cli

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"tessera/internal/shown"
	"tessera/ranks"
)

// allocation is what `tessera slurm` is told about the nodes to ask for.
type allocation struct {
	nodes, perNode           int
	notice                   int    // seconds before the time limit
	time, partition, account string // as sbatch takes them; empty = the site's defaults
}

// notice is how long before the time limit Slurm tells a run to stop, in seconds, unless
// -notice says otherwise: time for a checkpoint of some gigabytes.
const notice = 120

// shortest is the least time limit, in seconds, of a run that keeps checkpoints.
// Slurm looks at the clock once a minute: what is shorter might be told to stop as
// soon as it has started, again and again.
func (a allocation) shortest() int { return a.notice + 3*60 }

func slurmFlags(fs *flag.FlagSet, o *options) {
	a := &o.allocation
	fs.IntVar(&a.nodes, "nodes", 1, "ask for `N` nodes")
	fs.IntVar(&a.perNode, "ntasks-per-node", 0, "use `M` ranks on each node, one for each core; 0 = as many as this machine has cores")
	fs.StringVar(&a.time, "time", "", "the time `LIMIT`: minutes, hours:minutes:seconds or days-hours; empty = the partition's")
	fs.IntVar(&a.notice, "notice", notice, "tell the run to stop `SECONDS` before the time limit: more where a checkpoint takes longer (run.log says how long)")
	fs.StringVar(&a.partition, "partition", "", "the queue's `NAME`; empty = the site's default")
	fs.StringVar(&a.account, "account", "", "the `NAME` of the account to charge; empty = your default")
	fs.StringVar(&o.out, "out", "", "write the result into `DIR` instead of output.dir")
	setFlag(fs, o)
}

// slurm prints an sbatch script for a config, which it checks as run would.
func slurm(ctx context.Context, c *call) error {
	path, err := c.one("slurm")
	if err != nil {
		return err
	}
	if c.allocation.perNode == 0 {
		c.allocation.perNode = ranks.Cores()
	}
	if err := c.allocation.check(append([]string{path, c.out}, c.sets...)); err != nil {
		return err
	}
	return onRankZero(ctx, c.stderr, func() error {
		text, err := readConfig(path)
		if err != nil {
			return err
		}
		j, err := c.load(path, text)
		if err != nil {
			return err
		}
		program, err := os.Executable()
		if err != nil {
			return err
		}
		if c.allocation.nodes*c.allocation.perNode > 1 && !ranks.MPI().Compiled {
			fmt.Fprintln(c.stderr, "tessera slurm: this binary has no MPI: name one built with -tags native,mpi in the script")
		}
		if limit, ok := seconds(c.allocation.time); ok && j.Resumable && limit < c.allocation.shortest() {
			return usageError{fmt.Sprintf("tessera slurm: -time %s: want %d minutes or more: the run is told to stop up to %d minutes before",
				c.allocation.time, (c.allocation.shortest()+59)/60, (c.allocation.notice+59)/60+1)}
		}
		return writeBatch(c.stdout, batch{
			allocation: c.allocation, config: path, out: c.out, sets: c.sets,
			program: program, checkpoint: j.Checkpoint(),
		})
	})
}

// check returns a usageError for what sbatch would not take. words are what else
// goes into the script.
func (a allocation) check(words []string) error {
	wrong := func(format string, args ...any) error {
		return usageError{"tessera slurm: " + fmt.Sprintf(format, args...)}
	}
	if a.nodes < 1 {
		return wrong("-nodes %d: want 1 or more", a.nodes)
	}
	if a.perNode < 1 {
		return wrong("-ntasks-per-node %d: want 1 or more, one a core", a.perNode)
	}
	if a.notice < 60 || a.notice > 65535 { // as sbatch takes it, which is exact to a minute
		return wrong("-notice %d: want 60 to 65535 seconds", a.notice)
	}
	if _, ok := seconds(a.time); a.time != "" && !ok {
		return wrong("-time %q: want minutes, hours:minutes:seconds or days-hours:minutes:seconds", a.time)
	}
	for _, name := range []string{a.partition, a.account} {
		if !plain.MatchString(name) && name != "" {
			return wrong("%q: want a name as sbatch takes it", name)
		}
	}
	for _, w := range words {
		if shown.Line(w) != w {
			return wrong("%q: want a text without control characters", w)
		}
	}
	return nil
}

// limits are the forms of a time limit: days-hours, minutes, and so on.
var limits = regexp.MustCompile(`^(?:(\d{1,4})-(\d{1,4})(?::(\d{1,4})(?::(\d{1,4}))?)?|(?:(?:(\d{1,4}):)?(\d{1,4}):(\d{1,4})|(\d{1,7})))$`)

// seconds reads a time limit as sbatch does; false = it would not.
func seconds(limit string) (int, bool) {
	m := limits.FindStringSubmatch(limit)
	if m == nil {
		return 0, false
	}
	total := 0
	for i, unit := range []int{86400, 3600, 60, 1, 3600, 60, 1, 60} {
		n, _ := strconv.Atoi(cmp.Or(m[i+1], "0"))
		total += n * unit
	}
	return total, true
}

// batch is what a script says.
type batch struct {
	allocation
	config, out string
	sets        []string
	program     string // this binary
	checkpoint  string // the file that says a run can be continued; empty = the job keeps none
}

// writeBatch writes the script.
func writeBatch(w io.Writer, b batch) error {
	plan := []string{quote(operand(b.config))}
	for _, s := range b.sets {
		plan = append(plan, "-set", quote(s))
	}
	what := plan
	if b.out != "" {
		what = append(plan[:len(plan):len(plan)], "-out", quote(b.out))
	}
	asked := []string{"-nodes", strconv.Itoa(b.nodes), "-ntasks-per-node", strconv.Itoa(b.perNode)}
	for _, f := range [][2]string{{"-time", b.time}, {"-partition", b.partition}, {"-account", b.account}} {
		if f[1] != "" {
			asked = append(asked, f[0], f[1])
		}
	}
	name := strings.TrimSuffix(filepath.Base(b.config), filepath.Ext(b.config))
	return script.Execute(w, map[string]any{
		"What": strings.Join(what, " "), "Plan": strings.Join(plan, " "), "Asked": strings.Join(asked, " "),
		"Name":  odd.ReplaceAllString(name, "_"),
		"Nodes": b.nodes, "PerNode": b.perNode, "Ranks": b.nodes * b.perNode,
		"Time": b.time, "Partition": b.partition, "Account": b.account,
		"Program": quote(b.program), "Checkpoint": b.checkpoint, "Manifest": quote(b.checkpoint), "Notice": b.notice,
	})
}

var (
	plain = regexp.MustCompile(`^[A-Za-z0-9_./=:,@%+-]+$`)
	odd   = regexp.MustCompile(`[^A-Za-z0-9_.-]`)
)

// operand is a path that is not taken for a flag.
func operand(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

// quote makes one word of the shell of s.
func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

var script = template.Must(template.New("sbatch").Parse(`#!/usr/bin/env bash
# Written by
#     tessera slurm {{.What}} {{.Asked}}
# Submit it where that was typed: sbatch THIS-FILE. Then squeue --me shows how it
# stands in the queue, and scancel NUMBER takes it out. A line that begins with
# ##SBATCH is off: take one # away to use it.

#SBATCH --job-name={{.Name}}
# What the run prints: the job's name and number.
#SBATCH --output=%x-%j.log

# {{.Ranks}} ranks, one a core.
#SBATCH --nodes={{.Nodes}}
#SBATCH --ntasks-per-node={{.PerNode}}
#SBATCH --cpus-per-task=1

# After this time Slurm ends the job; short jobs wait less. Predicted, as is the
# memory of a rank, by: tessera plan {{.Plan}} -ranks {{.Ranks}}
{{if .Time}}#SBATCH --time={{.Time}}{{else}}##SBATCH --time=HOURS:MINUTES:SECONDS{{end}}

# Off, memory is what the site gives with a core. More, where a rank needs it:
##SBATCH --mem-per-cpu=MEGABYTES

# The queue (sinfo -s lists them) and who pays (your site's pages say).
{{if .Partition}}#SBATCH --partition={{.Partition}}{{else}}##SBATCH --partition=NAME{{end}}
{{if .Account}}#SBATCH --account={{.Account}}{{else}}##SBATCH --account=NAME{{end}}
{{- if .Checkpoint}}

# {{.Notice}} seconds before the end, or up to a minute earlier, every rank is told so (USR1);
# the run keeps a checkpoint and leaves, and the job goes back into the queue, with
# the same number and the same log.
#SBATCH --signal=USR1@{{.Notice}}
#SBATCH --requeue
#SBATCH --open-mode=append
{{- end}}

# What the program was built with, by the names of your site; module avail lists them.
#module load openmpi openblas fftw

# On a file system that all nodes see, as all files of the run.
tessera={{.Program}}
{{- if .Checkpoint}}

# Where a checkpoint is, this run goes on from it; remove it to begin anew.
resume=()
[ -e {{.Manifest}} ] && resume=(-resume)
{{- end}}

# pmix starts Open MPI's ranks (srun --mpi=list shows what else there is). Every rank
# stays on its core, and if one fails, all end.
srun --mpi=pmix --cpu-bind=cores --kill-on-bad-exit=1 \
	"$tessera" run {{.What}}{{if .Checkpoint}} "${resume[@]}"
status=$?

# 0 is done, 3 is stopped with a checkpoint, everything else has failed. A job that
# someone has cancelled does not come back.
state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)
if [ "$status" -eq 3 ] && [ "$state" = RUNNING ]; then
	echo "run $((${SLURM_RESTART_COUNT:-0} + 1)) of this job was stopped: back into the queue"
	scontrol requeue "$SLURM_JOB_ID" && sleep 60 # until Slurm ends this script
fi
exit "$status"{{end}}
`))
