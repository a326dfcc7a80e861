package ranks

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrAborted is in every error of a call that ended because a rank failed.
	ErrAborted = errors.New("ranks: aborted")
	// ErrTruncated is in the error of a receive whose buffer was too short.
	ErrTruncated = errors.New("ranks: message longer than the buffer")
	// ErrMismatch is in the error of a call whose counts, root or kind do not fit
	// those of the other side.
	ErrMismatch = errors.New("ranks: calls do not match")
	// ErrDeadlock is in what Launch returns when every in-process rank waits for another.
	ErrDeadlock = errors.New("ranks: deadlock: every rank waits for another")
)

// RankError is what Launch and AgreeError return: the rank that failed first,
// and why. Code is the exit status that Abort was given, 1 otherwise.
type RankError struct {
	Rank int
	Code int
	Err  error
}

func (e *RankError) Error() string { return fmt.Sprintf("rank %d: %v", e.Rank, e.Err) }
func (e *RankError) Unwrap() error { return e.Err }

// PanicError is the error of a rank whose body panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// asRankError names the rank that err comes from, unless err names one already.
func asRankError(rank int, err error) *RankError {
	if e, ok := err.(*RankError); ok {
		return e
	}
	return &RankError{Rank: rank, Code: 1, Err: err}
}

// remoteError is an error of another rank, of which only the text and the kinds
// that callers decide on have come across.
type remoteError struct {
	text string
	kind error // nil or one of errorKinds
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// errorKinds are the errors that survive the way to another rank for errors.Is.
var errorKinds = []error{context.Canceled, context.DeadlineExceeded, ErrAborted, ErrTruncated, ErrMismatch, ErrDeadlock}

// AgreeError is collective: nil on every rank if err is nil on every rank,
// otherwise on every rank the error of the lowest rank that has one, as a
// *RankError. The text travels whole; of the error's kind what errors.Is finds
// of this package's sentinels, context.Canceled and context.DeadlineExceeded.
// One Allreduce of one number when all is well.
func AgreeError(c Comm, err error) error {
	mine := [1]float64{float64(c.Size())}
	if err != nil {
		mine[0] = float64(c.Rank())
	}
	if e := c.Allreduce(mine[:], mine[:], Min); e != nil {
		return errors.Join(err, e)
	}
	failed := int(mine[0])
	if failed == c.Size() {
		return nil
	}
	var head [4]float64 // length of the text, kind, rank, exit status
	var text []byte
	if c.Rank() == failed {
		e := asRankError(failed, err)
		text = []byte(e.Err.Error())
		head = [4]float64{float64(len(text)), -1, float64(e.Rank), float64(e.Code)}
		for k, kind := range errorKinds {
			if errors.Is(err, kind) {
				head[1] = float64(k)
				break
			}
		}
	}
	if e := c.Bcast(head[:], failed); e != nil {
		return errors.Join(err, e)
	}
	if c.Rank() != failed {
		text = make([]byte, int(head[0]))
	}
	if e := c.BcastBytes(text, failed); e != nil {
		return errors.Join(err, e)
	}
	if c.Rank() == failed {
		return asRankError(failed, err)
	}
	remote := &remoteError{text: string(text)}
	if k := int(head[1]); k >= 0 {
		remote.kind = errorKinds[k]
	}
	return &RankError{Rank: int(head[2]), Code: int(head[3]), Err: remote}
}

// Same is an argument of a collective call that must be equal on all ranks.
type Same struct {
	Name  string  // for the error message: "planes"
	Value float64 // of this rank; not NaN
	Hash  bool    // Value is a hash of the argument: the message leaves it out
}

// AgreeSame checks the arguments of a collective call together on all ranks. err is
// what this rank found wrong with its own arguments, or nil. If a rank has an error,
// every rank gets it, as from AgreeError; otherwise, if a Value of same differs between
// ranks, every rank gets an error that begins with call and wraps ErrMismatch. Every
// rank passes the same names. Collective. One Allreduce of 1 + 2 len(same) numbers when
// all is well.
func AgreeSame(c Comm, call string, err error, same ...Same) error {
	// Over all ranks, min x = -min(-x) only if x is the same on every rank.
	least := make([]float64, 1+2*len(same))
	if err != nil {
		least[0] = -1
	}
	for i, s := range same {
		least[1+2*i], least[2+2*i] = s.Value, -s.Value
	}
	if e := c.Allreduce(least, least, Min); e != nil {
		return errors.Join(err, e)
	}
	if least[0] < 0 {
		return AgreeError(c, err)
	}
	for i, s := range same {
		lo, hi := least[1+2*i], -least[2+2*i]
		switch {
		case lo == hi:
		case s.Hash:
			return fmt.Errorf("%s: %w: %s is not the same on all ranks", call, ErrMismatch, s.Name)
		default:
			return fmt.Errorf("%s: %w: %s is %v on one rank and %v on another", call, ErrMismatch, s.Name, lo, hi)
		}
	}
	return nil
}
