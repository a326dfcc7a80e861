package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// hang is after how long a run of a second is taken never to end. On a busy disk a run syncs
// many checkpoints, each for seconds.
const hang = 10 * time.Minute

// mostMemory is the address space of a run of some megabytes, in KiB: enough for the
// runtime, its stacks and the libraries, far less than a bomb takes.
const mostMemory = 6 << 20

// marker is a variable in the environment of each process of a run.
const marker = "TESSERA_CAMPAIGN_RUN"

// process is a run of the program, with its launcher if there is one.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	stdout bytes.Buffer
	ended  chan struct{}
	end    time.Time
	status int    // exit status, -1 after a signal
	hung   bool   // it was killed because it did not end
	mark   string // value of marker
}

// start starts the program. n > 0 starts it on so many ranks, under a launcher if one is named.
func (t *try) start(n int, launcher string, args ...string) (*process, error) {
	p := &process{ended: make(chan struct{}), mark: fmt.Sprintf("%s-%d", filepath.Base(t.folder), t.rng.Uint64())}
	line := append([]string{t.program}, args...)
	if n > 0 && launcher == "" {
		line = append(line, "-ranks", strconv.Itoa(n))
	}
	if launcher != "" {
		launch := []string{launcher, "--oversubscribe", "--bind-to", "none", "-n", strconv.Itoa(n)}
		if os.Getuid() == 0 {
			launch = append(launch, "--allow-run-as-root")
		}
		line = append(launch, line...)
	} else {
		line = append([]string{"sh", "-c", `ulimit -v ` + strconv.Itoa(mostMemory) + `; exec "$@"`, "sh"}, line...)
	}
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Dir = t.folder
	p.cmd.Env = append(os.Environ(), asProgram+"=1", marker+"="+p.mark)
	p.cmd.Stdout, p.cmd.Stderr = &limited{b: &p.stdout}, &limited{b: &p.stderr}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Minute
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(hang, func() {
		p.hung = true
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	})
	go func() {
		p.cmd.Wait()
		timer.Stop()
		p.end = time.Now()
		p.status = p.cmd.ProcessState.ExitCode()
		close(p.ended)
	}()
	return p, nil
}

// wait waits for the end of a run, which a cancelled context kills.
func (p *process) wait(ctx context.Context) {
	select {
	case <-p.ended:
	case <-ctx.Done():
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// run starts the program and waits for its end.
func (t *try) run(ctx context.Context, n int, args ...string) (*process, error) {
	p, err := t.start(n, "", args...)
	if err != nil {
		return nil, err
	}
	p.wait(ctx)
	return p, nil
}

// limited keeps the beginning of what is written.
type limited struct{ b *bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if room := 1<<20 - l.b.Len(); room > 0 {
		l.b.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// crashed tells what is wrong with the end of a run, whatever its answer; "" is nothing.
func (p *process) crashed() string {
	said := p.stderr.String()
	switch {
	case p.hung:
		return fmt.Sprintf("no end in %v; it said %s", hang, short(said))
	case strings.Contains(said, "goroutine ") || strings.Contains(said, "panic:") || strings.Contains(said, "SIGSEGV") || strings.Contains(said, "fatal error:"):
		return "a crash: " + short(said)
	}
	return ""
}

// complaint tells what is wrong with what a run that failed has said; "" is nothing.
func (p *process) complaint() string {
	said := p.stderr.String()
	switch {
	case strings.TrimSpace(said) == "":
		return fmt.Sprintf("status %d without a word", p.status)
	case len(said) > 20000:
		return fmt.Sprintf("status %d with %d bytes of messages", p.status, len(said))
	case strings.ContainsFunc(said, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
		return fmt.Sprintf("control characters on the terminal: %s", short(said))
	}
	return ""
}

// short is the beginning of a text on one line.
func short(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 400 {
		s = s[:400] + "..."
	}
	return strconv.Quote(s)
}

// alive are the processes of a run, with its launcher; Linux alone can tell.
func (p *process) alive() (pids []int) {
	entries, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	for _, path := range entries {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, []byte(marker+"="+p.mark)) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// programs are the processes of a run that are the program itself, not its launcher.
func (t *try) programs(p *process) (pids []int) {
	self, err := filepath.EvalSymlinks(t.program)
	if err != nil {
		return nil
	}
	for _, pid := range p.alive() {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == self {
			pids = append(pids, pid)
		}
	}
	return pids
}

// gone waits until no process of an ended run is left, and kills those that stay. Under
// mpirun the ranks end a moment after their launcher.
func (p *process) gone(ctx context.Context) error {
	for deadline := time.Now().Add(hang); ; time.Sleep(20 * time.Millisecond) {
		pids := p.alive()
		switch {
		case len(pids) == 0:
			return nil
		case time.Now().After(deadline) || ctx.Err() != nil:
			for _, pid := range pids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			return fmt.Errorf("%d processes are left", len(pids))
		}
	}
}

// send sends a signal to a process that may have ended.
func send(pid int, s syscall.Signal) {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		panic(err)
	}
}
