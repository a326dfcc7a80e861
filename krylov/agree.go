package krylov

import (
	"fmt"
	"hash/fnv"
	"math"

	"tessera/ranks"
)

// Same returns nil on every rank if every rank gives the same values, and otherwise the
// same error on every rank. what names the values in the plural, "image: the options". The values are compared
// by a hash of how fmt prints them, so that pointers and functions have to be left out.
// Collective: one Allreduce of four numbers.
func Same(comm ranks.Comm, what string, values ...any) error {
	h := fnv.New64a()
	for _, v := range values {
		fmt.Fprintf(h, "%+v;", v)
	}
	sum := h.Sum64()
	high, low := float64(sum>>32), float64(sum&math.MaxUint32)
	least := []float64{high, low, -high, -low}
	if err := comm.Allreduce(least, least, ranks.Min); err != nil {
		return err
	}
	if least[0] == -least[2] && least[1] == -least[3] {
		return nil
	}
	all, err := ranks.Numbers(comm, high, low)
	if err != nil {
		return err
	}
	other := 1
	for all[2*other] == all[0] && all[2*other+1] == all[1] {
		other++
	}
	return fmt.Errorf("%s of rank %d are not those of rank 0: every rank has to give the same", what, other)
}
