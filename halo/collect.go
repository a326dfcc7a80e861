package halo

import (
	"fmt"

	"tessera/ranks"
)

// Tags of the messages of GatherTo and ScatterFrom. Other code must not use them.
const (
	gatherTag  = 7101
	scatterTag = 7102
)

// GatherTo collects an array on root. owned is this rank's part, planes x owned box;
// the result is the whole array, planes x domain, on root and nil on the other ranks.
// Root receives part by part: beside the whole array it holds one part at a time.
//
// Collective. A wrong argument on any rank, or a decomposition, root or planes that
// differ between ranks, is an error on all ranks; the check is one reduction.
func (d *Decomposition) GatherTo(comm ranks.Comm, root int, owned []float64, planes int) ([]float64, error) {
	const call = "GatherTo"
	rank := comm.Rank()
	err := d.checkCollective(call, comm, root, planes)
	if err == nil {
		if b := d.owned[rank]; len(owned) != planes*b.Size() {
			err = fmt.Errorf("halo: %s: owned array of %d values, want %d x %s = %d",
				call, len(owned), planes, shapeString(b.Shape()), planes*b.Size())
		}
	}
	if err := d.agree(call, comm, root, planes, err); err != nil {
		return nil, err
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

// ScatterFrom is the inverse of GatherTo. full is the whole array, planes x domain,
// on root and ignored on the other ranks; the result is this rank's part, planes x
// owned box. Beside the whole array root holds one part at a time.
//
// Collective, with the errors of GatherTo.
func (d *Decomposition) ScatterFrom(comm ranks.Comm, root int, full []float64, planes int) ([]float64, error) {
	const call = "ScatterFrom"
	rank := comm.Rank()
	domain := d.Domain()
	cells := domain.Size()
	err := d.checkCollective(call, comm, root, planes)
	if err == nil && rank == root && len(full) != planes*cells {
		err = fmt.Errorf("halo: %s: array of %d values, want %d x %s = %d",
			call, len(full), planes, shapeString(d.shape), planes*cells)
	}
	if err := d.agree(call, comm, root, planes, err); err != nil {
		return nil, err
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

// sendPart sends part, or nothing if the receiver's or sender's box is empty.
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
		return fmt.Errorf("halo: %s: a message of %d values with tag %d from rank %d, want %d", call, st.Count, tag, from, len(part))
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

// agree makes one error of all ranks' own errors, and an error if they pass
// different decompositions, roots or planes. Collective.
func (d *Decomposition) agree(call string, comm ranks.Comm, root, planes int, own error) error {
	return ranks.AgreeSame(comm, "halo: "+call, own,
		ranks.Same{Name: "root", Value: float64(root)},
		ranks.Same{Name: "planes", Value: float64(planes)},
		ranks.Same{Name: "the decomposition", Value: d.digest, Hash: true})
}

// checkCollective checks what does not depend on the array.
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
