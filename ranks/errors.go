package ranks

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"runtime"
	"strings"
	"unicode"
)

var (
	// ErrAborted is wrapped by the error of every call that ended because a rank failed.
	ErrAborted = errors.New("ranks: aborted")
	// ErrTruncated is wrapped by the error of a receive whose buffer was too short.
	ErrTruncated = errors.New("ranks: message longer than the buffer")
	// ErrMismatch is wrapped by the error of a call that does not match the calls of
	// other ranks: another method, count, root, operation or, in AgreeSame, argument.
	ErrMismatch = errors.New("ranks: calls do not match")
	// ErrDeadlock is wrapped by what Launch returns when every in-process rank waits for
	// another.
	ErrDeadlock = errors.New("ranks: deadlock: every rank waits for another")
)

// RankError is the error of a rank, as Launch and AgreeError return it on all ranks.
type RankError struct {
	Rank int   // that failed; of several the one that failed first (Launch) or the lowest (AgreeError)
	Code int   // exit status: that given to Abort, PanicCode, or 1
	Err  error // of that rank
}

func (e *RankError) Error() string {
	text := e.Err.Error()
	if from := rankPrefix.FindString(text); from != "" { // agreed on before: it comes from the rank that it names
		return text
	}
	return fmt.Sprintf("rank %d: %s", e.Rank, text)
}

var rankPrefix = regexp.MustCompile(`^rank [0-9]+: `)

func (e *RankError) Unwrap() error { return e.Err }

// PanicError is the error of a rank whose body panicked.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the rank's goroutine, as text
}

func (e *PanicError) Error() string {
	if e.NoMemory() {
		return fmt.Sprintf("not enough memory for an array: %v\n\n%s", e.Value, e.Stack)
	}
	return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack)
}

// NoMemory tells whether the panic is that of an array that is larger than the memory which
// the machine can address.
func (e *PanicError) NoMemory() bool {
	err, ok := e.Value.(runtime.Error)
	return ok && strings.Contains(err.Error(), "makeslice: ")
}

func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// PanicCode is the Code of a rank whose body panicked, unless it lacked memory.
const PanicCode = 4

// asRankError returns err with the rank's number, unless it has a number already.
func asRankError(rank int, err error) *RankError {
	if e, ok := err.(*RankError); ok {
		return e
	}
	code := 1
	if p := new(PanicError); errors.As(err, &p) && !p.NoMemory() {
		code = PanicCode
	}
	return &RankError{Rank: rank, Code: code, Err: err}
}

// printable is a text without the control characters on which a terminal acts.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// remoteError is an error of another rank: its text, and the first of errorKinds that it
// wraps.
type remoteError struct {
	text string
	kind error // nil or one of errorKinds
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// errorKinds are the errors that errors.Is finds also in an error of another rank.
var errorKinds = []error{context.Canceled, context.DeadlineExceeded, ErrAborted, ErrTruncated, ErrMismatch, ErrDeadlock}

// AgreeError gives all ranks one error: nil if err is nil on every rank, otherwise the
// error of the lowest rank that has one, as a *RankError. On the other ranks that error
// has the same text, and errors.Is finds in it context.Canceled, context.DeadlineExceeded
// and the errors of this package, but no other error that err wraps. Collective. It costs
// one Allreduce of one number if no rank has an error.
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
	var head [4]float64 // length of the text, index in errorKinds or -1, rank, exit status
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

// SameText is a text that must be equal on all ranks; any value is one, by fmt.Sprint. The
// chance that two different texts pass as equal is 2^-53.
func SameText(name string, text any) Same {
	h := fnv.New64a()
	fmt.Fprint(h, text)
	return Same{Name: name, Value: float64(h.Sum64() >> 11), Hash: true}
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
