package halo

import (
	"fmt"

	"tessera/ranks"
)

// Tags of the messages below, apart from those that callers are likely to use.
const (
	gatherTag  = 7101
	scatterTag = 7102
)

// GatherTo collects the owned parts of an array, planes x owned box on every rank,
// into the whole one, planes x domain, returned on root and nil elsewhere. Root
// receives part by part: beside the whole array it holds one part at a time.
func (d *Decomposition) GatherTo(comm ranks.Comm, root int, owned []float64, planes int) ([]float64, error) {
	const call = "GatherTo"
	if err := d.checkCollective(call, comm, root, planes); err != nil {
		return nil, err
	}
	rank := comm.Rank()
	if b := d.owned[rank]; len(owned) != planes*b.Size() {
		return nil, fmt.Errorf("halo: %s on rank %d: owned array of %d values, want %d x %s = %d",
			call, rank, len(owned), planes, shapeString(b.Shape()), planes*b.Size())
	}
	if rank != root {
		return nil, sendPart(call, comm, owned, root, gatherTag)
	}
	domain := d.Domain()
	cells := domain.Size()
	full := make([]float64, planes*cells)
	buf := make([]float64, planes*d.largestPart(root))
	for r, b := range d.owned {
		part := owned
		if r != root {
			part = buf[:planes*b.Size()]
			if err := receivePart(call, comm, part, r, gatherTag); err != nil {
				return nil, err
			}
		}
		for c := range planes {
			CopyBox(full[c*cells:], domain, part[c*b.Size():], b, b)
		}
	}
	return full, nil
}

// ScatterFrom is the way back: it hands out the whole array full, planes x domain
// on root and ignored elsewhere, and returns this rank's part of it. Root holds
// one part of another rank at a time.
func (d *Decomposition) ScatterFrom(comm ranks.Comm, root int, full []float64, planes int) ([]float64, error) {
	const call = "ScatterFrom"
	if err := d.checkCollective(call, comm, root, planes); err != nil {
		return nil, err
	}
	rank := comm.Rank()
	domain := d.Domain()
	cells := domain.Size()
	if rank == root && len(full) != planes*cells {
		return nil, fmt.Errorf("halo: %s on rank %d: array of %d values, want %d x %s = %d",
			call, rank, len(full), planes, shapeString(d.shape), planes*cells)
	}
	owned := make([]float64, planes*d.owned[rank].Size())
	if rank != root {
		return owned, receivePart(call, comm, owned, root, scatterTag)
	}
	buf := make([]float64, planes*d.largestPart(root))
	for r, b := range d.owned {
		part := owned
		if r != root {
			part = buf[:planes*b.Size()]
		}
		for c := range planes {
			CopyBox(part[c*b.Size():], b, full[c*cells:], domain, b)
		}
		if r != root {
			if err := sendPart(call, comm, part, r, scatterTag); err != nil {
				return nil, err
			}
		}
	}
	return owned, nil
}

// sendPart sends what a rank owns; a rank that owns nothing has nothing to say.
func sendPart(call string, comm ranks.Comm, part []float64, to, tag int) error {
	if len(part) == 0 {
		return nil
	}
	if err := comm.Send(part, to, tag); err != nil {
		return fmt.Errorf("halo: %s: %w", call, err)
	}
	return nil
}

func receivePart(call string, comm ranks.Comm, part []float64, from, tag int) error {
	if len(part) == 0 {
		return nil
	}
	st, err := comm.Recv(part, from, tag)
	if err != nil {
		return fmt.Errorf("halo: %s: %w", call, err)
	}
	if st.Count != len(part) {
		return fmt.Errorf("halo: %s on rank %d: %d values from rank %d, want %d: do all ranks pass the same planes?",
			call, comm.Rank(), st.Count, from, len(part))
	}
	return nil
}

// largestPart is the number of cells of the largest box of a rank other than root.
func (d *Decomposition) largestPart(root int) int {
	n := 0
	for r, b := range d.owned {
		if r != root {
			n = max(n, b.Size())
		}
	}
	return n
}

func (d *Decomposition) checkCollective(call string, comm ranks.Comm, root, planes int) error {
	if planes < 1 {
		return fmt.Errorf("halo: %s: %d planes, want at least 1", call, planes)
	}
	if comm.Size() != d.Ranks() {
		return fmt.Errorf("halo: %s: %d boxes for %d ranks", call, d.Ranks(), comm.Size())
	}
	if root < 0 || root >= d.Ranks() {
		return fmt.Errorf("halo: %s: root %d of %d ranks", call, root, d.Ranks())
	}
	return nil
}
