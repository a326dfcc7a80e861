package ranks

// Comm is what one rank may say to the others. Every rank of the communicator
// calls the collective methods in the same order; a buffer passed to a blocking
// call belongs to the caller again when the call returns. Counts are in elements.
//
// Once a rank has failed no call hangs: in-process every blocked or later call
// returns an error that wraps ErrAborted, under MPI all processes end. A rank that
// returned nil while others still wait for it is found in-process only (ErrDeadlock).
type Comm interface {
	Rank() int
	Size() int

	// Send may return before the receiver has the data, or may wait for it:
	// portable programs rely on neither (MPI standard mode).
	Send(buf []float64, dst, tag int) error
	// Recv waits for a message from src (or AnySource) with the tag (or AnyTag).
	// A longer message than buf is an error that wraps ErrTruncated.
	Recv(buf []float64, src, tag int) (Status, error)
	Sendrecv(send []float64, dst, sendTag int, recv []float64, src, recvTag int) (Status, error)
	SendBytes(buf []byte, dst, tag int) error
	RecvBytes(buf []byte, src, tag int) (Status, error)

	// Exchange sends and receives one message with every neighbour in one round:
	// send holds the outgoing messages one after the other in the order of n.Ranks,
	// recv receives the incoming ones likewise. It is not collective: only the
	// ranks named take part, and both sides of a pair name each other.
	Exchange(n Neighbours, send, recv []float64) error

	Bcast(buf []float64, root int) error
	BcastBytes(buf []byte, root int) error
	// Reduce and Allreduce fold element by element in an order fixed by Size
	// alone, so the result is bit-identical from run to run and on every
	// transport. dst may be src. dst is only touched on root for Reduce.
	Reduce(dst, src []float64, op Op, root int) error
	Allreduce(dst, src []float64, op Op) error
	// Gatherv collects counts[r] elements from each rank r into dst, rank by rank.
	// counts must be the same on every rank; dst is only touched on root.
	Gatherv(dst []float64, counts []int, src []float64, root int) error
	Allgatherv(dst []float64, counts []int, src []float64) error
	// Alltoallv sends sendCounts[r] elements to each rank r and receives recvCounts[r].
	Alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error
	Barrier() error

	// Split makes one communicator per colour, ranks ordered by (key, rank).
	// colour < 0 takes no part and gets nil.
	Split(colour, key int) (Comm, error)
	// Abort ends every rank: each blocked or later call returns an error that
	// wraps ErrAborted and names this rank and why. Under MPI it does not return.
	Abort(code int, why error)
	// Wtime is a monotonic clock in seconds.
	Wtime() float64
	// Stats is this rank's account, counted on the fly; see Stats.
	Stats() *Stats
}

// Neighbours lists the peers of an Exchange: SendCounts[i] elements go to
// Ranks[i], RecvCounts[i] come from it. No rank is listed twice.
type Neighbours struct {
	Ranks      []int
	SendCounts []int
	RecvCounts []int
}

// Op is an element-wise reduction.
type Op int

const (
	Sum Op = iota
	Max    // NaN if any element is NaN
	Min    // NaN if any element is NaN
)

const (
	AnySource = -1
	AnyTag    = -1
	// ProcNull as a source or destination makes the call do nothing.
	ProcNull = -2
)

// Status tells what a receive got. For ProcNull: Source ProcNull, Count 0.
type Status struct {
	Source, Tag, Count int
}
