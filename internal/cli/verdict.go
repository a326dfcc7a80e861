package cli

import (
	"errors"
	"sync"
)

// verdict is how the ranks of this process end. Ranks in one process share it.
type verdict struct {
	mu      sync.Mutex
	entered bool
	root    bool  // rank 0 is one of them
	err     error // what all ranks know of; nil if there is nothing wrong
}

func (v *verdict) enter(rank int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.entered = true
	v.root = v.root || rank == 0
}

// take keeps an error that all ranks share: rank 0's is the error itself, the
// others' its exit status.
func (v *verdict) take(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil || errors.As(v.err, new(reported)) {
		v.err = err
	}
}

// of is the error to print in view of what Launch returned. An error of a run
// that had begun is on every rank; the process of rank 0 prints it.
func (v *verdict) of(err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		return v.err
	}
	if v.entered && !v.root {
		return reported{status(err)}
	}
	return err
}
