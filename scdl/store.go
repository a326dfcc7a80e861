package scdl

import "tessera/internal/linalg"

// store keeps the state of a rank's tiles between iterations. At first it is 0.
type store[T linalg.Float] interface {
	// sweep calls visit with the state of each tile in order. What visit leaves there
	// is kept, unless the sweep only reads.
	sweep(only reading, visit func(i int, state []T)) error
	// traffic is how many bytes went to and came from files.
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
	// Pages that are read first are mapped twice: writing them now halves the time that
	// the first iteration takes to touch fresh memory.
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
