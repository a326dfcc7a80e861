package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/outdir"
	"tessera/internal/shown"
	"tessera/ranks"
)

// Exit statuses.
const (
	done    = 0
	failed  = 1
	misused = 2
	stopped = 3
	crashed = 4
)

// Command is one word after "tessera".
type Command struct {
	Name  string
	Args  string   // what follows the name in the usage line
	Short string   // its line in the list of commands
	Long  string   // the rest of `tessera help NAME`
	Words []string // what its first argument may be, for the completion of shells; nil = a file
	Flags func(*flag.FlagSet, *options)
	Run   func(context.Context, *call) error
}

// options are the flags of all commands; each command defines those it has.
type options struct {
	ranks  int
	out    string
	sets   sets
	force  bool
	quiet  bool
	json   bool // a line of JSON on standard output instead of the table
	resume bool

	simulation simulation      // of simulate
	scale      scaleOptions    // of scale
	psf        psfOptions      // of psf
	predict    predictOptions  // of predict
	allocation allocation      // of slurm
	shortcut   shortcutOptions // of the commands without a config
}

// sets collects repeated -set flags.
type sets []string

func (s *sets) String() string     { return strings.Join(*s, " ") }
func (s *sets) Set(v string) error { *s = append(*s, v); return nil }

// call is one command as the user gave it.
type call struct {
	options
	args           []string
	written        []byte    // the config of a command that has none
	line           string    // the command as it was typed, for other runs to see
	stdout, stderr io.Writer // without control characters
	terminal       io.Writer // stderr as it is, for the progress line
}

// usageError is a command line that makes no sense: exit status 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// reported is an error that rank 0 has printed: only its status is left, which is
// that of every process of an mpirun.
type reported struct{ status int }

func (e reported) Error() string { return "reported by rank 0" }

// report prints err, if there is one, and returns what is left of it. Rank 0 does
// so before it lets the others know: a launcher kills what still runs when the
// first process exits with an error.
func report(stderr io.Writer, err error) error {
	if err == nil || errors.As(err, new(reported)) || ranks.Quiet(err) {
		return err
	}
	fmt.Fprintln(stderr, lifecycle.Message(message(err)))
	return reported{status(err)}
}

// Main runs the command line and returns the exit status. An interrupt, SIGTERM
// or SIGUSR1, which batch systems send ahead of a job's end, cancels the command, which is said at
// once; a second one kills the process, but for a SIGUSR1 within a second of the first. Call it once in a process: MPI starts
// only once.
//
// A panic, on any rank, is exit status 4. What Go itself ends, such as a process without
// memory, would have the status of bad usage: it ends by SIGABRT instead.
func Main(args []string, stdout, stderr io.Writer) (code int) {
	abortOnCrash()
	terminal := stderr
	stdout, stderr = shown.Writer(stdout), shown.Writer(stderr)
	defer func() {
		if v := recover(); v != nil {
			code = status(report(stderr, &ranks.PanicError{Value: v, Stack: debug.Stack()}))
		}
	}()
	var quiet atomic.Bool
	ctx, stop := untilTold(terminal, func() bool { return ranks.Speaks() && !quiet.Load() })
	defer stop()

	c, found, err := parse(args, stdout, stderr)
	if err == nil {
		c.terminal = terminal
		quiet.Store(c.quiet)
		c.line = shown.Line(strings.Join(append([]string{"tessera"}, args...), " "))
		err = found.Run(ctx, c)
	}
	if usage := new(usageError); errors.As(err, usage) {
		// Found before any rank was started, by every process of an mpirun: one says it.
		err = onRankZero(ctx, stderr, func() error { return *usage })
	}
	if err != nil && ctx.Err() != nil && status(err) == failed && !errors.As(err, new(*lifecycle.LostError)) {
		// A rank that did not stop in time, or the others' complaint that it did not.
		err = fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return status(report(stderr, err))
}

// parse finds the command and its flags, which may stand before, between and
// after its arguments.
func parse(args []string, stdout, stderr io.Writer) (*call, *Command, error) {
	c := &call{stdout: stdout, stderr: stderr}
	if len(args) == 0 {
		return nil, nil, usageError{overview() + "\ntessera: which command?"}
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	cmd := lookup(name)
	if cmd == nil {
		return nil, nil, usageError{fmt.Sprintf("tessera: no command %q%s; `tessera help` lists them", name, didYouMean(name))}
	}
	fs := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if cmd.Flags != nil {
		cmd.Flags(fs, &c.options)
	}
	for rest := args[1:]; len(rest) > 0; {
		if err := fs.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return &call{args: []string{cmd.Name}, stdout: stdout, stderr: stderr}, lookup("help"), nil
		} else if err != nil {
			return nil, nil, usageError{fmt.Sprintf("tessera %s: %v%s; `tessera help %s` lists its flags", cmd.Name, err, meantFlag(fs, err), cmd.Name)}
		}
		taken := len(rest) - fs.NArg()
		if taken > 0 && rest[taken-1] == "--" {
			c.args = append(c.args, fs.Args()...)
			break
		}
		if rest = fs.Args(); len(rest) > 0 {
			c.args, rest = append(c.args, rest[0]), rest[1:]
		}
	}
	return c, cmd, nil
}

// onRankZero runs work on rank 0 of whatever world this process is in, and prints
// its error there. The other processes of an mpirun wait for it and exit as it does.
func onRankZero(ctx context.Context, stderr io.Writer, work func() error) error {
	var v verdict
	err := ranks.Launch(ctx, ranks.Options{}, func(_ context.Context, comm ranks.Comm) error {
		code := []float64{done}
		if comm.Rank() == 0 {
			code[0] = float64(status(report(stderr, work())))
		}
		if err := comm.Bcast(code, 0); err != nil {
			return err
		}
		v.set(int(code[0]))
		return nil
	})
	return v.of(err)
}

// verdict is the exit status that the ranks of this process have agreed on.
type verdict struct{ code atomic.Int32 }

func (v *verdict) set(code int) { v.code.Store(int32(code)) }

// of is how the process ends, in view of what Launch returned.
func (v *verdict) of(err error) error {
	if code := int(v.code.Load()); code != done {
		return reported{code}
	}
	return err
}

// status is the exit status an error stands for.
func status(err error) int {
	var r reported
	switch {
	case err == nil:
		return done
	case errors.As(err, &r):
		return r.status
	case errors.As(err, new(usageError)), errors.As(err, new(*config.Error)), errors.As(err, new(*lifecycle.ExistsError)),
		errors.As(err, new(*lifecycle.NoCheckpointError)), errors.As(err, new(*outdir.HeldError)), errors.As(err, new(inputError)),
		errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG): // a path that cannot be one
		return misused
	case isCrash(err):
		return crashed
	case errors.As(err, new(*lifecycle.LostError)):
		return failed
	case errors.Is(err, context.Canceled):
		return stopped
	}
	return failed
}

// advice begins the second line of a problem, which says how to mend it. Nothing else in a
// problem, whatever the values contain, begins a line.
const advice = "\n  "

// message is what the console shows of an error. Problems of a config carry
// their file's name and usage errors say who speaks.
func message(err error) string {
	if bad := new(config.Error); errors.As(err, &bad) {
		lines := make([]string, len(bad.Problems))
		for i, p := range bad.Problems {
			parts := strings.Split(p.String(), advice)
			for k := range parts {
				parts[k] = shown.Line(parts[k])
			}
			lines[i] = strings.Join(parts, advice)
		}
		return strings.Join(lines, "\n")
	}
	if errors.As(err, new(usageError)) {
		return err.Error()
	}
	if kept := new(lifecycle.StoppedError); errors.As(err, &kept) {
		return "tessera: " + kept.Error()
	}
	if lost := new(lifecycle.LostError); errors.As(err, &lost) {
		return "tessera: " + lost.Error()
	}
	if text, ok := crashMessage(err); ok {
		return "tessera: " + text
	}
	if status(err) == stopped {
		return "tessera: stopped; no result was written"
	}
	text := err.Error()
	if !ranks.Several() { // all ranks are in this process: rank 0 speaks for them
		text = strings.TrimPrefix(text, "rank 0: ")
	}
	return "tessera: " + text
}
