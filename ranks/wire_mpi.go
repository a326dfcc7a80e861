//go:build mpi

package ranks

import (
	"errors"
	"fmt"

	"tessera/ranks/internal/mpix"
)

// mpiWire is one rank's end of a communicator of MPI.
type mpiWire struct {
	c       *mpix.Comm
	world   int // rank in MPI_COMM_WORLD
	library string
	combiner
}

var _ wire = (*mpiWire)(nil)

func newMPIWire(c *mpix.Comm, world int, library string) *mpiWire {
	return &mpiWire{c: c, world: world, library: library, combiner: combiner{swapper: c, rank: c.Rank, size: c.Size}}
}

// kind makes an error of mpix wrap the error of this package that callers look for.
func kind(err error) error {
	if err == nil {
		return nil
	}
	var truncated *mpix.TruncatedError
	var mismatch *mpix.MismatchError
	switch {
	case errors.As(err, &truncated):
		return fmt.Errorf("%w: %w", ErrTruncated, err)
	case errors.As(err, &mismatch):
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return err
}

func (w *mpiWire) send(b []byte, elem, dst, tag int) error {
	return w.c.Send(b, elem, dst, tag)
}

func (w *mpiWire) recv(b []byte, elem, src, tag int) (Status, error) {
	st, err := w.c.Recv(b, elem, src, tag)
	return Status(st), w.overflow(err, len(b)/elem)
}

func (w *mpiWire) sendrecv(send []byte, dst, sendTag int, recv []byte, src, recvTag int) (Status, error) {
	st, err := w.c.Sendrecv(send, dst, sendTag, recv, 8, src, recvTag)
	return Status(st), w.overflow(err, len(recv)/8)
}

// overflow adds the size of the buffer to the error of a truncated message.
func (w *mpiWire) overflow(err error, room int) error {
	if err = kind(err); errors.Is(err, ErrTruncated) {
		return fmt.Errorf("%w, the buffer holds %d", err, room)
	}
	return err
}

func (w *mpiWire) exchange(n Neighbours, send, recv []float64) error {
	return kind(w.c.Exchange(n.Ranks, n.SendCounts, send, n.RecvCounts, recv))
}

func (w *mpiWire) bcast(b []byte, elem, root int) error { return w.c.Bcast(b, elem, root) }

func (w *mpiWire) reduce(dst, src []float64, op Op, root int) error {
	return kind(w.combiner.reduce(dst, src, op, root))
}

func (w *mpiWire) gatherv(dst []float64, counts []int, src []float64, root int) error {
	return kind(w.c.Gatherv(dst, counts, src, root))
}

func (w *mpiWire) allgatherv(dst []float64, counts []int, src []float64) error {
	return kind(w.c.Allgatherv(dst, counts, src))
}

func (w *mpiWire) alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error {
	return kind(w.c.Alltoallv(recv, recvCounts, send, sendCounts))
}

func (w *mpiWire) barrier() error { return w.c.Barrier() }

func (w *mpiWire) split(colour, key int) (wire, int, int, error) {
	c, err := w.c.Split(colour, key)
	if err != nil || c == nil {
		return nil, 0, 0, err
	}
	return newMPIWire(c, w.world, w.library), c.Rank, c.Size, nil
}

func (w *mpiWire) abort(code int, why error) {
	abortWorld(&RankError{Rank: w.world, Code: code, Err: why})
}

// aborted is always nil: aborting the MPI world ends the process.
func (w *mpiWire) aborted() error { return nil }

func (w *mpiWire) name() string { return w.library }
