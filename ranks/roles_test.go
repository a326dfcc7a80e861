package ranks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tessera/ranks"
	"tessera/ranks/rankstest"
)

// A role is a program that the tests start as processes, under mpirun or alone:
// this test binary with roleVar set.
const (
	roleVar  = "RANKS_TEST_ROLE"
	ranksVar = "RANKS_TEST_RANKS" // Options.Ranks
	graceVar = "RANKS_TEST_GRACE" // Options.Grace, as time.ParseDuration reads it
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		code := play(roles[role])
		if role == "ending" {
			fmt.Printf("after: %t\n", ranks.Ending())
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// play is what a main function around Launch should look like.
func play(body func(context.Context, ranks.Comm) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n, _ := strconv.Atoi(os.Getenv(ranksVar))
	grace, _ := time.ParseDuration(os.Getenv(graceVar))
	err := ranks.Launch(ctx, ranks.Options{Ranks: n, Grace: grace}, body)
	if err == nil {
		return 0
	}
	if !ranks.Quiet(err) {
		fmt.Fprintln(os.Stderr, err)
	}
	var re *ranks.RankError
	switch {
	case errors.Is(err, context.Canceled):
		return 3
	case errors.As(err, &re):
		return re.Code
	}
	return 1
}

// now prints the time of an event; start logs how long after it the job ended.
func now(what string) { fmt.Printf("%s %d\n", what, time.Now().UnixNano()) }

// victim tells whether c's rank is the one that fails or is sent a signal.
func victim(c ranks.Comm) bool { return c.Rank() == min(1, c.Size()-1) }

func afterABarrier(c ranks.Comm, f func() error) error {
	if err := c.Barrier(); err != nil {
		return err
	}
	if victim(c) {
		time.Sleep(100 * time.Millisecond)
		now("event")
		return f()
	}
	return c.Barrier()
}

var roles = map[string]func(context.Context, ranks.Comm) error{
	"suite": func(_ context.Context, c ranks.Comm) error { return suite(c, nil) },
	"error": func(_ context.Context, c ranks.Comm) error {
		return afterABarrier(c, func() error { return errors.New("reading x.npy: no such file") })
	},
	"panic": func(_ context.Context, c ranks.Comm) error {
		return afterABarrier(c, func() error { var p *int; *p = 1; return nil })
	},
	"abort": func(_ context.Context, c ranks.Comm) error {
		return afterABarrier(c, func() error { c.Abort(71, errors.New("enough")); return nil })
	},
	"kill": func(_ context.Context, c ranks.Comm) error {
		return afterABarrier(c, func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	},
	"exit": func(_ context.Context, c ranks.Comm) error {
		return afterABarrier(c, func() error { os.Exit(0); return nil })
	},
	"agreed error": func(_ context.Context, c ranks.Comm) error {
		var mine error
		if victim(c) {
			mine = errors.New("reading x.npy: no such file")
			now("event")
		}
		return ranks.AgreeError(c, mine)
	},
	"all panic": func(_ context.Context, c ranks.Comm) error {
		if err := c.Barrier(); err != nil {
			return err
		}
		now("event")
		panic("all of us")
	},
	"late": func(_ context.Context, c ranks.Comm) error {
		// The others are done long before the victim fails.
		if victim(c) {
			time.Sleep(300 * time.Millisecond)
			now("event")
			return errors.New("too late")
		}
		return nil
	},
	"agree to stop": func(ctx context.Context, c ranks.Comm) error {
		for i := 0; ; i++ {
			stop := []float64{0}
			if ctx.Err() != nil {
				stop[0] = 1
			}
			if err := c.Allreduce(stop, stop, ranks.Max); err != nil {
				return err
			}
			if stop[0] > 0 {
				if c.Rank() == 0 {
					time.Sleep(500 * time.Millisecond) // writes a checkpoint
					fmt.Println("checkpoint written")
				}
				return context.Canceled
			}
			if i == 10 && victim(c) {
				fmt.Println("pid", os.Getpid())
			}
		}
	},
	"ignore the signal": func(ctx context.Context, c ranks.Comm) error {
		for i := 0; ; i++ {
			if err := c.Barrier(); err != nil {
				return err
			}
			if i == 10 && victim(c) {
				fmt.Println("pid", os.Getpid())
			}
		}
	},
	"ending": func(_ context.Context, c ranks.Comm) error {
		fmt.Printf("during: %t\n", ranks.Ending())
		return c.Barrier()
	},
	"report": func(_ context.Context, c ranks.Comm) error {
		if c.Rank() == 0 {
			fmt.Printf("%d ranks, %s, %+v, GOMAXPROCS %d of %d\n", c.Size(), ranks.Transport(c), ranks.MPI(), runtime.GOMAXPROCS(0), runtime.NumCPU())
		}
		return nil
	},
}

// suite runs the cases that are asked for, all if only is nil, and stops at the
// first that fails on any rank.
func suite(c ranks.Comm, only func(name string) bool) error {
	for _, k := range rankstest.Cases() {
		if only != nil && !only(k.Name) {
			continue
		}
		if err := k.Run(c); err != nil {
			return fmt.Errorf("%s: %w", k.Name, err)
		}
		if c.Rank() == 0 {
			fmt.Println("ok", k.Name)
		}
	}
	return nil
}
