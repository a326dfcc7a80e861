package lifecycle

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"tessera/internal/hostmemory"
	"tessera/ranks"
)

// roomFactor is how many times the memory of a host the estimate of a run may be: it is
// right within a factor of 2.
const roomFactor = 2

// CheckRoom returns an error if the ranks of a host need far more memory than it has, so
// that a run is refused before it allocates. bytes is what this rank needs, mend the keys
// that make it less. Collective; the error is the same on all ranks.
func CheckRoom(comm ranks.Comm, bytes float64, mend string) error {
	name, _ := os.Hostname()
	h := fnv.New64a()
	io.WriteString(h, name)
	const exact = 1<<53 - 1 // what a float64 carries to the last bit
	host := float64(h.Sum64() & exact)
	all, err := ranks.Numbers(comm, host, bytes)
	if err != nil {
		return err
	}
	need := 0.0
	for i := 0; i < len(all); i += 2 {
		if all[i] == host {
			need += all[i+1]
		}
	}
	if has := hostmemory.Total(); need > roomFactor*has {
		err = fmt.Errorf("this needs about %s of memory on %s, which has %s: lower %s, or use more hosts", Bytes(need), name, Bytes(has), mend)
	}
	return ranks.AgreeError(comm, err)
}
