package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"tessera/internal/cli"
	"tessera/ranks"
)

// asProgram is the variable of the environment with which this command is tessera.
const asProgram = "TESSERA_CAMPAIGN_PROGRAM"

func main() {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(campaignMain())
}

func campaignMain() int {
	short := flag.Bool("short", false, "fewer trials: about 3 minutes")
	seed := flag.Uint64("seed", 1, "of the random choices")
	only := flag.String("only", "", "run the trials whose name begins so: PHASE/JOB/NAME")
	program := flag.String("program", "", "the program to try; empty = this build")
	keep := flag.Bool("keep", false, "keep the folders of wrong trials")
	workers := flag.Int("workers", runtime.NumCPU(), "trials at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	size := full
	if *short {
		size = brief
	}
	c, err := newCampaign(size, *seed, *workers, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		return 1
	}
	defer c.close()
	c.only, c.keep = *only, *keep
	if *program != "" {
		c.program = *program
	}
	_, err = exec.LookPath("mpirun")
	c.mpi = err == nil && (*program != "" || ranks.MPI().Compiled)
	if c.mpi {
		if c.launcher, err = inRepository("scripts", "mpirun"); err != nil {
			fmt.Fprintln(os.Stderr, "campaign:", err)
			return 1
		}
	} else {
		c.say("no trials under mpirun: it is not installed, or this build has no MPI (-tags native,mpi)")
	}
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		return 1
	}
	fmt.Print(c.tally.table())
	if n := c.tally.wrong(); n > 0 {
		fmt.Printf("%d wrong: repeat one with -seed %d -only %s\n", n, *seed, strings.Join(c.tally.names(1), " "))
		return 1
	}
	return 0
}
