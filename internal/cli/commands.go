package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// commands is the whole command line.
func commands() []Command {
	var all []Command
	for _, d := range shortcuts() {
		all = append(all, d.command())
	}
	return append(all, []Command{
		{
			Name: "run", Args: "CONFIG [flags]",
			Short: "run the job of a config file",
			Long: `Runs the job of CONFIG, a TOML file, and writes the result into its
output.dir: the solution, pictures, metrics.json and run.log. A directory that
already holds a result is refused unless -force is given.

Without mpirun the ranks are goroutines of this process; under mpirun or srun
the launcher sets their number. Ctrl-C, SIGTERM and SIGUSR1 stop a run after the
step that it is in, and a second one ends it at once; jobs that keep checkpoints
(psf, scdl-train, tppa-train) write one first, and -resume continues from it.`,
			Flags: func(fs *flag.FlagSet, o *options) {
				rankFlag(fs, o)
				fs.StringVar(&o.out, "out", "", "write the result into `DIR` instead of output.dir")
				setFlag(fs, o)
				fs.BoolVar(&o.force, "force", false, "replace an existing result")
				resumeFlag(fs, o)
				wordFlags(fs, o)
			},
			Run: run,
		},
		{
			Name: "predict", Args: "FIT PLACES [flags]",
			Short: "predict values at the places of a table with the fit of a result",
			Long: `Evaluates the fit in FIT, the directory of a result of "tessera fit" or of a job
"kernel", at the places in the table PLACES (CSV, npy, FITS), whose columns have the names
of the coordinates that were fitted. It prints the table as CSV with all of its columns, texts
too, and behind them: predicted, the distance to the nearest observation (also in widths of
the kernel), and beyond = 1 where no observation is near, so that the prediction is
little else than the mean of the values.

    tessera fit TABLE.csv
    tessera predict out/fit PLACES.csv -out predicted.csv`,
			Flags: predictFlags,
			Run:   predict,
		},
		{
			Name: "check", Args: "CONFIG... [flags]",
			Short: "list every problem of a config file",
			Long:  "Reads each CONFIG, and the headers of the files that it names, as run would, and\ncomputes nothing. Where a named file is one that another config of the folder makes and has not made\nyet, check says on standard error which command makes it, and passes; run would stop.",
			Flags: setFlag,
			Run:   check,
		},
		{
			Name: "plan", Args: "CONFIG -ranks N",
			Short: "predict memory, traffic and time of a run",
			Long: `Prints how the problem is divided among N ranks, the memory of each rank, the
traffic between them and, from a short calibration, the time of a run. The numbers
are good to a factor of about two. Nothing of the problem's size is allocated.`,
			Flags: func(fs *flag.FlagSet, o *options) { rankFlag(fs, o); setFlag(fs, o) },
			Run:   plan,
		},
		{
			Name: "slurm", Args: "CONFIG [flags]",
			Short: "print a batch script for a cluster with Slurm",
			Long: `Prints an sbatch script that runs CONFIG with -ntasks-per-node ranks on each of
-nodes nodes, with comments that say what to fill in. Jobs that keep checkpoints
(psf, scdl-train, tppa-train) write one before the time limit, return to the queue and
continue from it.

    tessera slurm CONFIG -nodes 4 -ntasks-per-node 16 -time 2:00:00 > job.sbatch
    sbatch job.sbatch`,
			Flags: slurmFlags,
			Run:   slurm,
		},
		{
			Name: "simulate", Args: "KIND -out PATH [flags]",
			Short: "simulate data for a job: observations, survey, cells, convergence",
			Long: `simulate observations -out FILE writes a table (FILE.csv, .npy or .fits) of
observations: a clustered survey of a known function, or with -from a sample of a
picture's pixels as row, column and value, with more pixels where it is bright.

simulate survey -out DIR writes galaxy stamps with noise, their truth, and PSFs
that vary over the field, with a table of the PSF of each stamp. The bytes do not
depend on the number of ranks.

simulate cells -out DIR writes pictures of cell nuclei (truth.npy), what a microscope
sees of them (observed.npy) and its PSF (psf.npy).

simulate convergence -out DIR writes a lognormal map of the projected mass (kappa.npy) with
its power spectrum (spectrum.npy), the shear that galaxies show of it (e1.npy, e2.npy)
and the galaxies of each pixel (counts.npy), none in masks, for the job darkmatter.`,
			Words: []string{"observations", "survey", "cells", "convergence"},
			Flags: simulateFlags,
			Run:   simulateData,
		},
		{
			Name: "scale", Args: "strong|weak STUDY -ranks 1,2,4",
			Short: "run a strong or weak scaling study and write a report",
			Long: `Runs a job on different numbers of ranks, in random order, until the median
times are known to 5 %, compares every answer with that of one rank, and writes
report.html, report.md, summary.csv, runs.jsonl and environment.json into -out.
STUDY is a study's file (configs/scale-strong.toml explains the keys) or any job's
own config. Every run is a process of its own: with in-process ranks, or started by
mpirun (-launch mpirun); inside a Slurm allocation srun starts them.

tessera scale report DIR... writes the report of finished studies again; with -out the
report of several studies goes into one directory.`,
			Words: []string{"strong", "weak", "report"},
			Flags: scaleFlags,
			Run:   scale,
		},
		{
			Name: "info", Args: "FILE...",
			Short: "describe an image, an npy or npz file, or a table",
			Long:  "Prints the shape, the type and the range of the values of each FILE, and of a model of the PSF its\nshape at nine places. Of a model that was learned it says which job takes it, and what it was learned from.",
			Run:   info,
		},
		{
			Name: "psf", Args: "FILE [flags]",
			Short: "the PSF of a model at a place, a picture of a model, or PSFs from the stars of a frame",
			Long: `tessera psf MODEL -at ROW,COL describes the PSF of a model (PSFEx, STPSF, STDPSF, a cube
with positions) at a pixel, and writes it with -out FILE. With -draw FILE.png it draws the
model: a whisker plot of the ellipticity with the FWHM, and the PSF at nine places.

tessera psf FRAME -grid 5x5 -out FILE.fits makes PSFs of the stars that it finds in the
frame, one for each cell of the grid, as psf_model.path takes them; with -stars TABLE, of
the stars at the places in TABLE. The frame is read as the jobs of images read it: pixels
that its flags (DQ) or its error map call bad are missing, and so are values such as -9999
that mark missing ones. It says how many stars were used, how many each cell has, and why
the others were not. docs/jobs/README.md has the thresholds.`,
			Flags: psfFlags,
			Run:   starsAndModels,
		},
		{
			Name: "doctor", Args: "",
			Short: "show what this binary and this machine can do",
			Long:  "Prints the transport, the numeric libraries with a short measurement of each, the cores and the limits.",
			Run:   doctor,
		},
		{
			Name: "completion", Args: strings.Join(shells(), "|"),
			Short: "print a script with which a shell completes commands, flags and files",
			Long: `In bash, or in zsh behind compinit:

    source <(tessera completion bash)
    source <(tessera completion zsh)`,
			Words: shells(),
			Run:   completion,
		},
		{
			Name: "man", Args: "",
			Short: "print the manual page",
			Long: `The page is troff with the macros of man(7):

    tessera man | man -l -`,
			Run: man,
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
	}...)
}

func rankFlag(fs *flag.FlagSet, o *options) {
	fs.IntVar(&o.ranks, "ranks", 0, "use `N` in-process ranks; 0 = one for each core; under mpirun the launcher sets the number")
}

func resumeFlag(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.resume, "resume", false, "continue from the checkpoint in the output directory, on any number of ranks")
}

func setFlag(fs *flag.FlagSet, o *options) {
	fs.Var(&o.sets, "set", "use `section.key=value` instead of the value in CONFIG; may be repeated")
}

func scaleFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.scale.counts, "ranks", "1,2", "study these numbers of ranks, `N,N,...`")
	fs.StringVar(&o.out, "out", "", "write everything into `DIR`")
	setFlag(fs, o)
	fs.StringVar(&o.scale.launch, "launch", launchAuto, "start ranks by `HOW`: in-process, mpirun or srun")
	fs.StringVar(&o.scale.title, "title", "", "use the title `TEXT` instead of the one in the study's file")
	fs.DurationVar(&o.scale.wait, "wait", 0, "before each timed run wait up to `TIME`, such as 5m, for other processes to be idle")
	fs.DurationVar(&o.scale.budget, "budget", 0, "start no run after `TIME`, such as 10m, instead of the limit in the study's file")
	fs.Var(&o.scale.require, "require", "fail unless `COLUMN>=VALUE@RANKS` holds, as in efficiency>=0.8@2; may be repeated")
	fs.BoolVar(&o.force, "force", false, "replace an existing study")
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
	b.WriteString("tessera solves imaging inverse problems on many ranks.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "    tessera %-24s %s\n", strings.TrimSpace(c.Name+" "+c.Args), c.Short)
	}
	var ends []string
	for _, s := range statuses() {
		ends = append(ends, fmt.Sprintf("%d %s", s.code, s.text))
	}
	fmt.Fprintf(&b, "\nExit status: %s.\n", strings.Join(ends, ", "))
	return b.String()
}

// exit is an exit status and its meaning.
type exit struct {
	code int
	text string
}

// statuses lists them.
func statuses() []exit {
	return []exit{
		{done, "done"},
		{failed, "failed"},
		{misused, "wrong usage, configuration or input"},
		{stopped, "stopped by the user"},
		{crashed, "a defect of the program"},
	}
}

// explain is what `tessera help NAME` prints.
func explain(c *Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tessera %s\n\n%s.\n", strings.TrimSpace(c.Name+" "+c.Args), strings.ToUpper(c.Short[:1])+c.Short[1:])
	if c.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Long)
	}
	if flags := c.flags(); len(flags) > 0 {
		b.WriteString("\nFlags, anywhere after the command:\n")
		for _, f := range flags {
			arg, text := flag.UnquoteUsage(f)
			fmt.Fprintf(&b, "  -%-22s %s\n", strings.TrimSpace(f.Name+" "+arg), text)
		}
	}
	return b.String()
}
