package ranks

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// A world is what the ranks of one in-process Launch share.
type world struct {
	bells    []bell       // by rank
	live     atomic.Int64 // ranks that have not left
	sleeping atomic.Int64 // of these, how many wait for a ring
	wakes    atomic.Int64 // how often a ring found a rank asleep
	looks    int          // how often a waiting rank looks at its bell before it sleeps
	sync     bool         // Options.Sync
	failure  atomic.Pointer[failure]
	failed   chan struct{}             // closed when failure is set
	stopped  atomic.Pointer[RankError] // the first rank that returned the error of its cancelled context
	cancel   context.CancelCauseFunc   // of the context the bodies run under
}

// failure is the error of the first rank that failed, and the one that all calls then return.
type failure struct {
	first *RankError
	err   error
}

// A rank that waits looks at its bell before it sleeps, if every rank has a core: so often for about ten
// microseconds, then so often with a call of the Go scheduler each time, which may give the core to another
// program. That call takes 10 to 20 us, because a rank is bound to its thread, which has to be woken again: after each
// 64 looks, as it was before, it was most of the time of a short message on a busy machine.
const (
	spinning = 20000
	yielding = 100
)

func newWorld(n int, sync bool, cancel context.CancelCauseFunc) *world {
	w := &world{bells: make([]bell, n), sync: sync, failed: make(chan struct{}), cancel: cancel}
	for r := range w.bells {
		w.bells[r].ch = make(chan struct{}, 1)
	}
	if n <= runtime.GOMAXPROCS(0) {
		w.looks = spinning + yielding
	}
	w.live.Store(int64(n))
	return w
}

// fail makes e the failure of the world unless there is one already, and wakes everybody.
func (w *world) fail(e *RankError) {
	f := &failure{first: e, err: fmt.Errorf("%w by rank %d: %w", ErrAborted, e.Rank, e.Err)}
	if !w.failure.CompareAndSwap(nil, f) {
		return
	}
	close(w.failed)
	w.cancel(f.err)
	for r := range w.bells {
		w.ring(r)
	}
}

// aborted is what a call returns once a rank has failed.
func (w *world) aborted() error {
	if f := w.failure.Load(); f != nil {
		return f.err
	}
	return nil
}

// leave ends rank r, whose body has returned err. The error of a cancelled context is no
// failure, because other ranks may still be writing. If they wait for this rank instead,
// that is a deadlock.
func (w *world) leave(ctx context.Context, r int, err error) {
	switch {
	case err == nil:
	case ctx.Err() != nil && toldToStop(err):
		w.stopped.CompareAndSwap(nil, asRankError(r, err))
	default:
		w.fail(asRankError(r, err))
	}
	w.bells[r].left.Store(true)
	w.live.Add(-1)
	w.lookForDeadlock()
}

// A group is what the ranks of one in-process communicator share.
type group struct {
	world   *world
	members []int // world rank of each rank
	boxes   []mailbox
	lanes   []atomic.Pointer[lane] // lanes[src*size+dst], made at first use
	meeting meeting
}

func newGroup(w *world, members []int) *group {
	n := len(members)
	g := &group{world: w, members: members, boxes: make([]mailbox, n), lanes: make([]atomic.Pointer[lane], n*n)}
	g.meeting.init(n)
	return g
}

// An endpoint is one rank's end of a group.
type endpoint struct {
	*group
	rank int // in the group
	self int // in the world
	want want
	out  message // the message being lent

	// of Exchange
	outLanes, inLanes []*lane
	pending           []incoming
	lent              []*parcel

	// of the collectives
	meetings uint64 // how many this rank has been through
	rows     [][]float64
	fold     folder
}

var _ wire = (*endpoint)(nil)

func newEndpoint(g *group, rank int) *endpoint {
	return &endpoint{group: g, rank: rank, self: g.members[rank]}
}

func (e *endpoint) aborted() error { return e.world.aborted() }
func (e *endpoint) name() string   { return "in-process" }

func (e *endpoint) abort(code int, why error) {
	e.world.fail(&RankError{Rank: e.self, Code: code, Err: why})
}
