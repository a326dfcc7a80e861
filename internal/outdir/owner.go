package outdir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Owner is the process that holds a lock, as the lock's file names it.
type Owner struct {
	Host    string    `json:"host"`
	Machine string    `json:"machine"` // one start of one system, and its table of processes
	Process int       `json:"process"`
	Started string    `json:"started"` // tells a process from a later one with the same number; empty = not known
	Since   time.Time `json:"since"`
	Command string    `json:"command"`
}

// lockMark begins the text of a lock file. After it come the number that the owner
// increases, ten digits, and the owner as JSON on the next line.
const lockMark = "tessera lock "

func (o Owner) text(beat int) []byte {
	record, _ := json.Marshal(o) // strings, a number and a time
	return fmt.Appendf(nil, "%s%010d\n%s\n", lockMark, beat, record)
}

func parseOwner(text []byte) (o Owner, ok bool) {
	head, record, found := bytes.Cut(text, []byte("\n"))
	if !found || !bytes.HasPrefix(head, []byte(lockMark)) {
		return o, false
	}
	return o, json.Unmarshal(record, &o) == nil
}

func (o Owner) same(other Owner) bool {
	return o.Machine == other.Machine && o.Process == other.Process && o.Started == other.Started && o.Since.Equal(other.Since)
}

// host is what a lock has to know of the machine, and how long it waits.
type host struct {
	name, id                     string
	flock                        func(*os.File) error
	local                        func(dir string) bool // a disk of this machine alone
	alive                        func(Owner) bool      // a process of this machine runs
	beat, look, patience, settle time.Duration
}

func machine() *host {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	id := name
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		processes, _ := os.Readlink("/proc/self/ns/pid")
		id = strings.TrimSpace(string(boot)) + " " + processes
	}
	return &host{
		name: name, id: id, flock: flock, local: localDisk, alive: alive,
		beat: 10 * time.Second, look: time.Second, patience: 35 * time.Second, settle: 2 * time.Second,
	}
}

// self is this process as the owner of a lock.
func (m *host) self(command string) Owner {
	pid := os.Getpid()
	return Owner{Host: m.name, Machine: m.id, Process: pid, Started: started(pid), Since: time.Now().Round(0), Command: command}
}

// alive tells whether a process of this machine runs.
func alive(o Owner) bool {
	if err := unix.Kill(o.Process, 0); err != nil && err != unix.EPERM {
		return false
	}
	return o.Started == "" || started(o.Process) == o.Started
}

// started is when a process began, in clock ticks since the start of the system; empty
// where the system does not say.
func started(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	const field = 19 // after the name, which is in parentheses and may contain anything
	if list := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])); len(list) > field {
		return list[field]
	}
	return ""
}
