//go:build mpi

package mpix

/*
#include "mpix.h"
#include <stdlib.h>

#cgo noescape mpix_send
#cgo nocallback mpix_send
#cgo noescape mpix_recv
#cgo nocallback mpix_recv
#cgo noescape mpix_sendrecv
#cgo nocallback mpix_sendrecv
#cgo noescape mpix_exchange
#cgo nocallback mpix_exchange
#cgo noescape mpix_swap
#cgo nocallback mpix_swap
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	mpi "github.com/sbromberger/gompi"
)

// Comm is a communicator.
type Comm struct {
	c    *C.mpix_comm
	Rank int
	Size int
}

// Status describes a received message; Count is in elements.
type Status struct{ Source, Tag, Count int }

// None as a peer means that no message goes that way.
const None = -1

// TruncatedError is a message that was longer than the buffer. The message is lost.
type TruncatedError struct{ Source, Tag, Count int }

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%d elements from rank %d with tag %d", e.Count, e.Source, e.Tag)
}

// MismatchError is a message of another call or length than expected.
type MismatchError struct{ text string }

func (e *MismatchError) Error() string { return e.text }

// callers are the calls that a message between peers may come from.
var callers = [C.MPIX_KINDS]string{"Reduce or Allreduce", "Exchange", "Alltoallv", "Gatherv or Allgatherv"}

func (c *Comm) check(code C.int) error {
	switch code {
	case C.MPI_SUCCESS:
		return nil
	case C.MPIX_MISMATCH:
		return &MismatchError{fmt.Sprintf("rank %d sends %d elements in %s, rank %d expects %d",
			c.c.bad_peer, c.c.bad_count, callers[c.c.bad_kind], c.Rank, c.c.bad_want)}
	case C.MPIX_RAGGED:
		return &MismatchError{fmt.Sprintf("%d bytes from rank %d with tag %d are no whole number of elements",
			c.c.count, c.c.source, c.c.tag)}
	case C.MPIX_TRUNCATED:
		return &TruncatedError{int(c.c.source), int(c.c.tag), int(c.c.count)}
	}
	return codeError(code)
}

func codeError(code C.int) error {
	switch code {
	case C.MPI_SUCCESS:
		return nil
	case C.MPIX_TOO_LONG:
		return errors.New("more elements in one message than MPI can count")
	}
	text := (*C.char)(C.malloc(C.MPI_MAX_ERROR_STRING))
	defer C.free(unsafe.Pointer(text))
	C.mpix_error_string(code, text)
	return errors.New(C.GoString(text))
}

// Start starts MPI, with calls allowed from any thread, and returns a duplicate of its
// world. If more ranks than cores share this machine, ranks of Open MPI yield the core
// while they wait, unless the environment sets this.
func Start(localRanks int) (*Comm, error) {
	const yield = "OMPI_MCA_mpi_yield_when_idle"
	if _, set := os.LookupEnv(yield); !set && localRanks > int(C.mpix_machine_cores()) {
		os.Setenv(yield, "1")
	}
	if err := consistent(C.MPIX_OPEN_MPI != 0, Library()); err != nil {
		return nil, err
	}
	mpi.Start(true)
	return Duplicate()
}

// Duplicate returns a new communicator of all ranks. Collective.
func Duplicate() (*Comm, error) {
	var out *C.mpix_comm
	if err := codeError(C.mpix_world(&out)); err != nil {
		return nil, err
	}
	return wrap(out), nil
}

// consistent returns an error if this binary was compiled with the header of one MPI and
// linked with the library of another: gompi's flags name Debian's Open MPI, whatever the
// compiler adds. It is called before MPI starts, which would crash.
func consistent(header bool, library string) error {
	linked := strings.HasPrefix(library, "Open MPI")
	switch {
	case header && strings.HasPrefix(library, "MPICH"):
		return fmt.Errorf("this binary was compiled for Open MPI, but linked with %s", library)
	case !header && linked:
		return fmt.Errorf("this binary was compiled for another MPI, but linked with %s: build it with CGO_CFLAGS and CGO_LDFLAGS "+
			"set to what pkg-config says of that MPI, which come before gompi's flags", library)
	}
	return nil
}

// Stop stops MPI. It cannot be started again.
func Stop() { mpi.Stop() }

// Started tells whether MPI is running or has been.
func Started() bool { return mpi.IsOn() }

func wrap(c *C.mpix_comm) *Comm { return &Comm{c, int(c.rank), int(c.size)} }

// Split is MPI_Comm_split; nil for a negative colour.
func (c *Comm) Split(colour, key int) (*Comm, error) {
	var out *C.mpix_comm
	if err := c.check(C.mpix_split(c.c, C.int(colour), C.int(key), &out)); err != nil || out == nil {
		return nil, err
	}
	return wrap(out), nil
}

// Send sends the elements of elem bytes that b is made of.
func (c *Comm) Send(b []byte, elem, dst, tag int) error {
	return c.check(C.mpix_send(c.c, chars(b), C.longlong(len(b)/elem), C.int(elem), C.int(dst), C.int(tag)))
}

// Recv receives from src with tag; negative ones are wildcards.
func (c *Comm) Recv(b []byte, elem, src, tag int) (Status, error) {
	err := c.check(C.mpix_recv(c.c, chars(b), C.longlong(len(b)/elem), C.int(elem), C.int(src), C.int(tag)))
	return c.status(), err
}

// Sendrecv does both at the same time.
func (c *Comm) Sendrecv(send []byte, dst, sendTag int, recv []byte, elem, src, recvTag int) (Status, error) {
	err := c.check(C.mpix_sendrecv(c.c, chars(send), C.longlong(len(send)/elem), C.int(dst), C.int(sendTag),
		chars(recv), C.longlong(len(recv)/elem), C.int(elem), C.int(src), C.int(recvTag)))
	return c.status(), err
}

func (c *Comm) status() Status {
	return Status{int(c.c.source), int(c.c.tag), int(c.c.count)}
}

// Swap is a step of a reduction: it sends to dst and fills recv from src, if these are not
// None. It receives no message of other calls.
func (c *Comm) Swap(send []float64, dst int, recv []float64, src int) error {
	return c.check(C.mpix_swap(c.c, doubles(send), C.longlong(len(send)), C.longlong(dst),
		doubles(recv), C.longlong(len(recv)), C.longlong(src)))
}

// Exchange sends to and receives from each peer; a negative peer is skipped.
func (c *Comm) Exchange(peers, sendCounts []int, send []float64, recvCounts []int, recv []float64) error {
	return c.check(C.mpix_exchange(c.c, C.longlong(len(peers)), longs(peers), longs(sendCounts), doubles(send), longs(recvCounts), doubles(recv)))
}

func (c *Comm) Alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error {
	return c.check(C.mpix_alltoallv(c.c, longs(sendCounts), doubles(send), longs(recvCounts), doubles(recv)))
}

func (c *Comm) Bcast(b []byte, elem, root int) error {
	return c.check(C.mpix_bcast(c.c, chars(b), C.longlong(len(b)/elem), C.int(elem), C.int(root)))
}

func (c *Comm) Gatherv(dst []float64, counts []int, src []float64, root int) error {
	return c.check(C.mpix_gatherv(c.c, doubles(dst), longs(counts), doubles(src), C.int(root)))
}

func (c *Comm) Allgatherv(dst []float64, counts []int, src []float64) error {
	return c.check(C.mpix_allgatherv(c.c, doubles(dst), longs(counts), doubles(src)))
}

func (c *Comm) Barrier() error { return c.check(C.mpix_barrier(c.c)) }

// Vote begins to compute the minimum of value over all ranks and does not wait for them.
func (c *Comm) Vote(value int) error { return c.check(C.mpix_vote(c.c, C.int(value))) }

// Voted tells whether all ranks have voted, and the minimum.
func (c *Comm) Voted() (done bool, least int, err error) {
	var flag C.int
	err = c.check(C.mpix_voted(c.c, &flag))
	return flag != 0, int(c.c.voted), err
}

// Cores is this rank's share of the cores of its machine, 0 if unknown. Collective.
func (c *Comm) Cores() int { return int(C.mpix_cores(c.c)) }

// ShareVerdict gives the ranks of each machine a common verdict, if they can share
// memory. Collective, before the verdict is used.
func (c *Comm) ShareVerdict() { C.mpix_share_verdict(c.c) }

// ClaimVerdict declares that this rank will end the job with the exit status code, not 0.
// It returns false if another rank of this machine has declared so before.
func ClaimVerdict(code int) bool { return C.mpix_claim_verdict(C.int(code)) != 0 }

// Verdict is the exit status with which a rank of this machine ends the job, or 0 if none
// does. It must not be called after Stop.
func Verdict() int { return int(C.mpix_verdict()) }

// Abort ends all processes of the job with the exit status code.
func Abort(code int) { C.mpix_abort(C.int(code)) }

// SetLimit makes n the largest number of elements of one MPI call, as if int were shorter:
// for tests.
func SetLimit(n int) { C.mpix_set_limit(C.longlong(n)) }

// Loop is the C loop of loop.c.
func (c *Comm) Loop(how, times, peer int, send, recv []float64) (seconds float64) {
	return float64(C.mpix_loop(c.c, C.int(how), C.int(times), C.longlong(peer), doubles(send), doubles(recv), C.longlong(len(send))))
}

// Library names the MPI library and its version; MPI need not be running.
func Library() string {
	text := (*C.char)(C.malloc(C.MPI_MAX_LIBRARY_VERSION_STRING))
	defer C.free(unsafe.Pointer(text))
	var n C.int
	C.MPI_Get_library_version(text, &n)
	return shorten(C.GoString(text))
}

// shorten turns Open MPI's "Open MPI v4.1.4, package: ..." into "Open MPI 4.1.4" and
// MPICH's table into "MPICH 4.0.2"; of other texts it keeps the first line.
func shorten(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s, _, _ = strings.Cut(s, ",")
	words := strings.Fields(strings.ReplaceAll(s, " Version:", ""))
	for i, w := range words {
		if len(w) > 1 && w[0] == 'v' && w[1] >= '0' && w[1] <= '9' {
			words[i] = w[1:]
		}
	}
	return strings.Join(words, " ")
}

// Standard is the version of the MPI standard that the library follows.
func Standard() string {
	var major, minor C.int
	C.MPI_Get_version(&major, &minor)
	return strconv.Itoa(int(major)) + "." + strconv.Itoa(int(minor))
}

// ThreadLevel is the thread level of the running MPI; empty if MPI is not running.
func ThreadLevel() string {
	var on, off, level C.int
	C.MPI_Initialized(&on)
	C.MPI_Finalized(&off)
	if on == 0 || off != 0 {
		return ""
	}
	C.MPI_Query_thread(&level)
	switch level {
	case C.MPI_THREAD_SINGLE:
		return "single"
	case C.MPI_THREAD_FUNNELED:
		return "funneled"
	case C.MPI_THREAD_SERIALIZED:
		return "serialized"
	case C.MPI_THREAD_MULTIPLE:
		return "multiple"
	}
	return fmt.Sprint(int(level))
}

func chars(b []byte) *C.char        { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }
func doubles(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }
func longs(x []int) *C.longlong     { return (*C.longlong)(unsafe.Pointer(unsafe.SliceData(x))) }
