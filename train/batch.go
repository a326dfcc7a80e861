package train

import "tessera/internal/random"

// forBatches is the purpose of the random numbers of Batch.
const forBatches = 23

// Batch is the items of a step, counted from 0: all of them in order for size 0, else the next
// size ones of permutations of all items, one permutation after the other.
func Batch(seed uint64, step, items, size int) []int {
	return newBatches(seed, items, size).of(step)
}

// batches makes one batch after the other in the same memory.
type batches struct {
	seed  uint64
	items int
	epoch int   // of order; -1 = none
	order []int // the permutation of the epoch; nil = a batch is all items
	list  []int
}

func newBatches(seed uint64, items, size int) *batches {
	b := &batches{seed: seed, items: items, epoch: -1}
	if size == 0 {
		size = items
	}
	b.list = make([]int, size)
	if size < items {
		b.order = make([]int, items)
		return b
	}
	for i := range b.list {
		b.list[i] = i
	}
	return b
}

// of is the batch of a step, until the next call.
func (b *batches) of(step int) []int {
	if b.order == nil {
		return b.list
	}
	for k := range b.list {
		at := step*len(b.list) + k
		if at/b.items != b.epoch {
			b.epoch = at / b.items
			permute(b.order, random.New(b.seed, forBatches, uint64(b.epoch)))
		}
		b.list[k] = b.order[at%b.items]
	}
	return b.list
}

// permute sets p to a permutation of 0 ... len(p) - 1, that of Fisher and Yates.
func permute(p []int, s random.Stream) {
	for i := range p {
		p[i] = i
	}
	for i := len(p) - 1; i > 0; i-- {
		j := int(s.Bits(uint64(i)) % uint64(i+1))
		p[i], p[j] = p[j], p[i]
	}
}
