package job

import (
	"tessera/ranks"
	"tessera/scaling"
)

// did is what this rank did in the part of a job that scaling studies time, and what of
// the problem it has.
func did(w ranks.Work, owned, halo, before float64) scaling.Account {
	return scaling.Account{
		Seconds: w.Seconds, CPU: w.CPU, Exchange: w.Exchange, Reduce: w.Reduce, Messages: w.Messages, BytesSent: w.BytesSent,
		Owned: owned, Halo: halo, Before: before, MemoryMB: highWater(),
	}
}

// accounts brings to rank 0 what each rank did; nil elsewhere. Collective.
func accounts(comm ranks.Comm, a scaling.Account) ([]scaling.Account, error) {
	mine := []float64{
		a.Seconds, a.CPU, a.Exchange, a.Reduce, float64(a.Messages), float64(a.BytesSent), a.Owned, a.Halo, a.Before, a.MemoryMB,
	}
	w, size := len(mine), comm.Size()
	counts := make([]int, size)
	for r := range counts {
		counts[r] = w
	}
	all := make([]float64, w*size)
	if err := comm.Gatherv(all, counts, mine, 0); err != nil || comm.Rank() != 0 {
		return nil, err
	}
	list := make([]scaling.Account, size)
	for r := range list {
		v := all[r*w:]
		list[r] = scaling.Account{
			Seconds: v[0], CPU: v[1], Exchange: v[2], Reduce: v[3], Messages: int64(v[4]), BytesSent: int64(v[5]),
			Owned: v[6], Halo: v[7], Before: v[8], MemoryMB: v[9],
		}
	}
	return list, nil
}
