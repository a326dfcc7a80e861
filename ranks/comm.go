package ranks

// Comm is a communicator: one rank's access to a group of ranks. All ranks of the group
// call the collective methods (Bcast and those after it, up to Split) in the same order.
// When a call returns, its buffers belong to the caller again. Counts are in elements:
// float64, or bytes for the methods with Bytes in their name.
//
// A wrong argument is an error on this rank before anything is sent. Once a rank has
// failed, no call waits for it: in-process every blocked or later call returns an error
// that wraps ErrAborted; under MPI all processes end. If a rank returns nil while others
// still wait for it, they get ErrDeadlock in-process; under MPI they wait on.
type Comm interface {
	Rank() int // of this rank, 0 to Size-1
	Size() int // number of ranks

	// Send sends buf to rank dst. It may return before the receiver has the data, or
	// wait for it: portable programs depend on neither (MPI standard mode). The tag is
	// 0 to MaxTag.
	Send(buf []float64, dst, tag int) error
	// Recv waits for a message from src (or AnySource) with the tag (or AnyTag). The
	// message may be shorter than buf; a longer one is lost, and the error wraps
	// ErrTruncated.
	Recv(buf []float64, src, tag int) (Status, error)
	// Sendrecv is a Send and a Recv at the same time, so that neither waits for the other.
	Sendrecv(send []float64, dst, sendTag int, recv []float64, src, recvTag int) (Status, error)
	SendBytes(buf []byte, dst, tag int) error
	RecvBytes(buf []byte, src, tag int) (Status, error)

	// Exchange sends one message to every neighbour and receives one from each. send
	// holds the outgoing messages one after the other in the order of n.Ranks, recv the
	// incoming ones. It is not collective: the ranks named take part, and both ranks of
	// a pair must name each other. If a message has another length than its receiver
	// expects, the receiver gets an error that wraps ErrMismatch.
	Exchange(n Neighbours, send, recv []float64) error

	// Bcast copies buf from rank root to all ranks, which pass buffers of one length.
	Bcast(buf []float64, root int) error
	BcastBytes(buf []byte, root int) error
	// Reduce and Allreduce combine the ranks' src element by element, in an order that
	// depends on Size alone: the result has the same bits in every run and on every
	// transport. Allreduce gives it to all ranks, Reduce to root alone; other ranks may
	// pass nil as dst there. dst may be src.
	Reduce(dst, src []float64, op Op, root int) error
	Allreduce(dst, src []float64, op Op) error
	// Gatherv collects counts[r] elements of each rank r in dst on root, rank by rank;
	// other ranks may pass nil as dst. counts must be the same on all ranks. Allgatherv
	// gives the result to all ranks.
	Gatherv(dst []float64, counts []int, src []float64, root int) error
	Allgatherv(dst []float64, counts []int, src []float64) error
	// Alltoallv sends sendCounts[r] elements to each rank r and receives recvCounts[r]
	// from it, both in the order of the ranks.
	Alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error
	// Barrier returns when all ranks have called it.
	Barrier() error

	// Split makes one communicator for each colour, 0 or more; its ranks are ordered by
	// (key, rank). A rank with colour < 0 joins none and gets nil.
	Split(colour, key int) (Comm, error)
	// Abort makes this rank fail with error why and exit status code (0 becomes 1): each
	// blocked or later call of any rank returns an error that wraps ErrAborted and why.
	// Under MPI it ends all processes and does not return. Not collective.
	Abort(code int, why error)
	// Wtime is a monotonic clock in seconds.
	Wtime() float64
	// Stats counts what this rank has sent and how long its calls took.
	Stats() *Stats
}

// Neighbours lists the peers of an Exchange: SendCounts[i] elements go to rank
// Ranks[i], RecvCounts[i] elements come from it. No rank is listed twice. An entry may be
// ProcNull: its part of the buffers is skipped.
type Neighbours struct {
	Ranks      []int
	SendCounts []int
	RecvCounts []int
}

// Op is the operation of a reduction.
type Op int

const (
	Sum Op = iota // the zero value
	Max           // NaN if any element is NaN
	Min           // NaN if any element is NaN
)

const (
	AnySource = -1 // as source: any rank
	AnyTag    = -1 // as tag of a receive: any tag
	ProcNull  = -2 // as source or destination: the call sends or receives nothing
)

// Status describes a received message. For a receive from ProcNull, Source is ProcNull
// and Count 0.
type Status struct {
	Source, Tag int
	Count       int // elements
}
