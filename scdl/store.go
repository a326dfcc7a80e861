package scdl

import "tessera/internal/linalg"

// store holds the state of a rank's tiles between iterations. The first state is 0.
type store[T linalg.Float] interface {
	// sweep calls visit with the state of each tile in order, and with readWrite stores
	// the state that visit leaves.
	sweep(only reading, visit func(i int, state []T)) error
	// traffic is the number of bytes read from and written to files.
	traffic() (read, written int64)
	close() error
}

type reading bool

const (
	readOnly  reading = true
	readWrite reading = false
)

// memory is a store in memory.
type memory[T linalg.Float] struct {
	state [][]T // of each tile
}

func newMemory[T linalg.Float](count, length int) *memory[T] {
	m, all := &memory[T]{}, make([]T, count*length)
	// Memory that is read before it is written costs two page faults a page. Writing it
	// here halves the time of the page faults in the first iteration.
	clear(all)
	for i := range count {
		m.state = append(m.state, all[i*length:(i+1)*length])
	}
	return m
}

func (m *memory[T]) sweep(_ reading, visit func(int, []T)) error {
	for i, state := range m.state {
		visit(i, state)
	}
	return nil
}

func (m *memory[T]) traffic() (read, written int64) { return 0, 0 }
func (m *memory[T]) close() error                   { return nil }
