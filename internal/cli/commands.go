package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// commands is the whole command line.
func commands() []Command {
	return []Command{
		{
			Name: "run", Args: "CONFIG [flags]",
			Short: "do what a config file says",
			Long: `Runs the job of CONFIG, a TOML file, and writes the result into its
output.dir: the solution, pictures, metrics.json and run.log. A directory that
holds a result already is refused unless -force is given.

Without mpirun the ranks are goroutines of this process; under mpirun or srun
the world decides how many there are. Ctrl-C, SIGTERM and SIGUSR1 stop a run;
jobs that keep checkpoints (psf, scdl-train) write one first, and -resume goes on from it.`,
			Flags: func(fs *flag.FlagSet, o *options) {
				rankFlag(fs, o)
				fs.StringVar(&o.out, "out", "", "write the result into `DIR`, whatever output.dir says")
				setFlag(fs, o)
				fs.BoolVar(&o.force, "force", false, "replace a result that is there already")
				fs.BoolVar(&o.resume, "resume", false, "go on from the checkpoint in the output directory; any number of ranks")
				fs.BoolVar(&o.quiet, "quiet", false, "print errors only")
			},
			Run: run,
		},
		{
			Name: "check", Args: "CONFIG... [flags]",
			Short: "say everything that is wrong with a config file",
			Long:  "Reads each CONFIG as run would and computes nothing.",
			Flags: setFlag,
			Run:   check,
		},
		{
			Name: "plan", Args: "CONFIG -ranks N",
			Short: "say what a run would cost: memory, traffic, time",
			Long: `Prints how the frame is cut among N ranks, the memory each needs, what the
ranks send to each other and, from a short calibration, how long a run takes.
Nothing of the problem's size is allocated.`,
			Flags: func(fs *flag.FlagSet, o *options) { rankFlag(fs, o); setFlag(fs, o) },
			Run:   plan,
		},
		{
			Name: "slurm", Args: "CONFIG [flags]",
			Short: "print a batch script for a cluster with Slurm",
			Long: `Prints an sbatch script that runs CONFIG with -ntasks-per-node ranks on each of
-nodes nodes, with comments that say what to fill in. Jobs that keep checkpoints
(psf, scdl-train) write one ahead of the time limit, go back into the queue and
go on from it.

    tessera slurm CONFIG -nodes 4 -ntasks-per-node 16 -time 2:00:00 > job.sbatch
    sbatch job.sbatch`,
			Flags: slurmFlags,
			Run:   slurm,
		},
		{
			Name: "simulate", Args: "KIND -out PATH [flags]",
			Short: "make data to try a job on: observations, survey",
			Long: `simulate observations -out FILE writes a table (FILE.csv, .npy or .fits) of
observations: a clustered survey of a known function, or with -from a sample of a
picture's pixels, denser where it is bright, as row, column and value.

simulate survey -out DIR writes galaxy stamps with noise, their truth, and PSFs
that vary over the field, with a table that says which is whose. The bytes do not
depend on the number of ranks.`,
			Flags: simulateFlags,
			Run:   simulateData,
		},
		{
			Name: "scale", Args: "strong|weak STUDY -ranks 1,2,4",
			Short: "measure what ranks buy: a scaling study, with a report",
			Long: `Runs a job on different numbers of ranks, in random order and until the median
times are known to 5 %, holds every answer to that of one rank, and writes
report.html, report.md, summary.csv, runs.jsonl and environment.json into -out.
STUDY is a study's file (configs/scale-strong.toml explains the keys) or any job's
own config. Every run is a process of its own: with in-process ranks, or started by
mpirun (-launch mpirun); inside a Slurm allocation srun starts them.

tessera scale report DIR... renders studies again, several into one report (-out).`,
			Flags: scaleFlags,
			Run:   scale,
		},
		{
			Name: "info", Args: "FILE...",
			Short: "say what is in an image, an npy or npz file or a table",
			Long:  "Prints the shape, the type and the range of the values of each FILE.",
			Run:   info,
		},
		{
			Name: "doctor", Args: "",
			Short: "say what this binary and this machine can do",
			Long:  "Prints the transport, the numeric libraries with a short measurement of each, the cores and the limits.",
			Run:   doctor,
		},
		{
			Name: "version", Args: "",
			Short: "print the version",
			Run:   printVersion,
		},
		{
			Name: "help", Args: "[COMMAND]",
			Short: "explain a command",
			Run:   help,
		},
	}
}

func rankFlag(fs *flag.FlagSet, o *options) {
	fs.IntVar(&o.ranks, "ranks", 0, "use `N` in-process ranks; 0 = one a core; under mpirun the launcher decides")
}

func setFlag(fs *flag.FlagSet, o *options) {
	fs.Var(&o.sets, "set", "use `section.key=value` whatever CONFIG says; may be repeated")
}

func scaleFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.scale.counts, "ranks", "1,2", "study these numbers of ranks, `N,N,...`")
	fs.StringVar(&o.out, "out", "", "leave everything in `DIR`")
	setFlag(fs, o)
	fs.StringVar(&o.scale.launch, "launch", launchAuto, "start ranks by `HOW`: in-process, mpirun or srun")
	fs.StringVar(&o.scale.title, "title", "", "call the study `TEXT`, whatever its file says")
	fs.DurationVar(&o.scale.budget, "budget", 0, "begin no run after `TIME`, such as 10m, whatever the study says")
	fs.Var(&o.scale.require, "require", "fail unless `COLUMN>=VALUE@RANKS` holds, as in efficiency>=0.8@2; may be repeated")
	fs.BoolVar(&o.force, "force", false, "replace a study that is there already")
	fs.BoolVar(&o.quiet, "quiet", false, "print errors only")
}

func lookup(name string) *Command {
	all := commands()
	if i := slices.IndexFunc(all, func(c Command) bool { return c.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// overview is what `tessera help` prints.
func overview() string {
	var b strings.Builder
	b.WriteString("tessera restores images and fits scattered observations on many ranks.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "    tessera %-24s %s\n", strings.TrimSpace(c.Name+" "+c.Args), c.Short)
	}
	b.WriteString("\nExit status: 0 done, 1 failed, 2 bad usage or configuration, 3 stopped by the user.\n")
	return b.String()
}

// explain is what `tessera help NAME` prints.
func explain(c *Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tessera %s\n\n%s.\n", strings.TrimSpace(c.Name+" "+c.Args), strings.ToUpper(c.Short[:1])+c.Short[1:])
	if c.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Long)
	}
	if c.Flags != nil {
		fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
		c.Flags(fs, &options{})
		b.WriteString("\nFlags, anywhere after the command:\n")
		fs.VisitAll(func(f *flag.Flag) {
			arg, text := flag.UnquoteUsage(f)
			fmt.Fprintf(&b, "  -%-22s %s\n", strings.TrimSpace(f.Name+" "+arg), text)
		})
	}
	return b.String()
}
