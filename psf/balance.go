package psf

import (
	"slices"

	"tessera/loadbalance"
	"tessera/ranks"
)

// uneven is how many times the mean the largest number of stamps of a rank may be
// before stamps move.
const uneven = 1.1

// balance gives every rank about as many of the stamps that still iterate. Diffusion on
// a chain of the ranks makes the schedule. Along the chain only the addresses of stamps
// travel; then each stamp moves once, directly to its new rank. Collective.
func (s *solver[T]) balance() error {
	p := s.comm.Size()
	if p == 1 {
		return nil
	}
	var addresses []float64 // rank and local index of each stamp that still iterates
	for i, st := range s.stamps {
		if !st.done {
			addresses = append(addresses, float64(s.comm.Rank()), float64(i))
		}
	}
	mine := float64(len(addresses) / 2)
	load := []float64{mine}
	if err := s.allSum(load); err != nil {
		return err
	}
	busiest := []float64{mine}
	if err := s.comm.Allreduce(busiest, busiest, ranks.Max); err != nil {
		return err
	}
	if mean := load[0] / float64(p); busiest[0] <= uneven*mean+1 {
		return nil
	}
	g := loadbalance.Chain(p)
	flow, err := loadbalance.ScheduleRank(s.comm, g, int64(mine))
	if err != nil {
		return err
	}
	held, _, err := loadbalance.Migrate(s.comm, g, flow, addresses, 2, nil)
	if err != nil {
		return err
	}
	wanted := make([][]float64, p) // from each rank: local indices there
	for i := 0; i < len(held); i += 2 {
		if r := int(held[i]); r != s.comm.Rank() {
			wanted[r] = append(wanted[r], held[i+1])
		}
	}
	asked, err := ranks.Deliver(s.comm, wanted)
	if err != nil {
		return err
	}
	return s.exchange(asked)
}

// exchange sends to each rank the stamps whose local indices it asked for, and appends
// those that arrive. Collective.
func (s *solver[T]) exchange(asked [][]float64) error {
	parcels := make([][]float64, len(asked))
	goes := make([]bool, len(s.stamps))
	for r, places := range asked {
		for _, at := range places {
			i := int(at)
			goes[i] = true
			parcels[r] = s.pack(parcels[r], i)
		}
	}
	came, err := ranks.Deliver(s.comm, parcels)
	if err != nil {
		return err
	}
	kept := 0
	arrays := s.travelling()
	for i := range s.stamps {
		if goes[i] {
			continue
		}
		s.stamps[kept], s.noise[kept] = s.stamps[i], s.noise[i]
		for _, a := range arrays {
			w := len(*a) / len(s.stamps)
			copy((*a)[kept*w:(kept+1)*w], (*a)[i*w:(i+1)*w])
		}
		kept++
	}
	for _, a := range arrays {
		w := len(*a) / max(1, len(s.stamps))
		*a = (*a)[:kept*w]
	}
	s.stamps, s.noise = s.stamps[:kept], s.noise[:kept]
	for _, parcel := range came {
		for len(parcel) > 0 {
			parcel = s.unpack(parcel)
			s.moved++
		}
	}
	return nil
}

// travelling are the arrays of which a moving stamp takes its part along.
func (s *solver[T]) travelling() []*[]T { return []*[]T{&s.x, &s.y, &s.w, &s.u, &s.base, &s.limits} }

// pack appends the whole state of stamp i.
func (s *solver[T]) pack(to []float64, i int) []float64 {
	st := &s.stamps[i]
	psf := s.psfs[st.psf]
	to = append(to, float64(st.id), float64(st.iteration), float64(st.before), st.misfit, st.penalty, st.half, s.noise[i], float64(len(psf)))
	to = append(to, psf...)
	for _, a := range s.travelling() {
		w := len(*a) / len(s.stamps)
		to = append(to, float64(w))
		for _, v := range (*a)[i*w : (i+1)*w] {
			to = append(to, float64(v))
		}
	}
	return to
}

// unpack appends one stamp to the state and returns the numbers that follow it.
func (s *solver[T]) unpack(from []float64) []float64 {
	st := stamp{
		id: int(from[0]), psf: len(s.filters), iteration: int(from[1]), before: int(from[2]),
		misfit: from[3], penalty: from[4], half: from[5],
	}
	noise, m := from[6], int(from[7])
	psf := slices.Clone(from[8 : 8+m])
	from = from[8+m:]
	s.addPSF(s.psfSide, psf)
	s.stamps, s.noise = append(s.stamps, st), append(s.noise, noise)
	for _, a := range s.travelling() {
		w := int(from[0])
		for _, v := range from[1 : 1+w] {
			*a = append(*a, T(v))
		}
		from = from[1+w:]
	}
	return from
}

// returnStamps sends every stamp back to the rank whose Stack it came from, to its
// first place. Only the results travel. Collective.
func (s *solver[T]) returnStamps() error {
	if !s.o.Balance || s.comm.Size() == 1 {
		return nil
	}
	parcels := make([][]float64, s.comm.Size())
	for i, st := range s.stamps {
		r := s.home(st.id)
		parcels[r] = append(parcels[r], float64(st.id), float64(st.iteration), float64(st.before), s.noise[i], st.settled)
		for _, v := range s.part(s.x, i) {
			parcels[r] = append(parcels[r], float64(v))
		}
	}
	came, err := ranks.Deliver(s.comm, parcels)
	if err != nil {
		return err
	}
	count := s.homes[s.comm.Rank()+1] - s.homes[s.comm.Rank()]
	s.stamps, s.noise, s.x = make([]stamp, count), make([]float64, count), make([]T, count*s.n)
	for _, parcel := range came {
		for ; len(parcel) > 0; parcel = parcel[5+s.n:] {
			i := int(parcel[0]) - s.first
			s.stamps[i] = stamp{id: int(parcel[0]), iteration: int(parcel[1]), before: int(parcel[2]), settled: parcel[4]}
			s.noise[i] = parcel[3]
			for j, v := range parcel[5 : 5+s.n] {
				s.x[i*s.n+j] = T(v)
			}
		}
	}
	return nil
}

// home is the rank whose Stack has the stamp with this number.
func (s *solver[T]) home(id int) int {
	r, _ := slices.BinarySearchFunc(s.homes[1:], id, func(next, id int) int {
		if next <= id {
			return -1
		}
		return 1
	})
	return r
}
