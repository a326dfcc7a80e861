package lifecycle

import (
	"tessera/ranks"
	"tessera/scaling"
)

// Accounts brings to rank 0 what each rank did in the part of a job that scaling studies
// time: its work, the items of the problem (pixels, observations, stamps, samples) that it
// owned, those of its halo, and those that it owned before balancing. nil on the other
// ranks. Collective.
func Accounts(comm ranks.Comm, w ranks.Work, owned, halo, before float64) ([]scaling.Account, error) {
	all, err := ranks.GatherNumbers(comm, w.Seconds, w.CPU, w.Exchange, w.Reduce, float64(w.Messages), float64(w.BytesSent), owned, halo, before, HighWater())
	if err != nil || all == nil {
		return nil, err
	}
	list := make([]scaling.Account, comm.Size())
	for r := range list {
		v := all[r*len(all)/len(list):]
		list[r] = scaling.Account{
			Seconds: v[0], CPU: v[1], Exchange: v[2], Reduce: v[3], Messages: int64(v[4]), BytesSent: int64(v[5]),
			Owned: v[6], Halo: v[7], Before: v[8], MemoryMB: v[9],
		}
	}
	return list, nil
}
