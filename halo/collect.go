package halo

import (
	"fmt"

	"tessera/ranks"
)

const (
	gatherTag  = 7101
	scatterTag = 7102
)

// GatherTo collects the owned parts of an array, planes x owned box on every rank,
// into the whole one, planes x domain, returned on root and nil elsewhere. Root
// receives part by part: beside the whole array it holds one part at a time.
func (d *Decomposition) GatherTo(comm ranks.Comm, root int, owned []float64, planes int) ([]float64, error) {
	if err := d.checkPart("GatherTo", comm, root, owned, planes); err != nil {
		return nil, err
	}
	if comm.Rank() != root {
		if len(owned) == 0 {
			return nil, nil
		}
		if err := comm.Send(owned, root, gatherTag); err != nil {
			return nil, fmt.Errorf("halo: gather: %w", err)
		}
		return nil, nil
	}
	domain := d.Domain()
	full := make([]float64, planes*domain.Size())
	buf := make([]float64, planes*d.largestPart(root))
	for r, b := range d.owned {
		part := buf[:planes*b.Size()]
		if r == root {
			part = owned
		} else if len(part) > 0 {
			st, err := comm.Recv(part, r, gatherTag)
			if err == nil && st.Count != len(part) {
				err = fmt.Errorf("%d values from rank %d, want %d", st.Count, r, len(part))
			}
			if err != nil {
				return nil, fmt.Errorf("halo: gather: %w", err)
			}
		}
		for c := range planes {
			CopyBox(full[c*domain.Size():], domain, part[c*b.Size():], b, b)
		}
	}
	return full, nil
}

// ScatterFrom is the way back: it hands out the whole array full, planes x domain
// on root and ignored elsewhere, and returns this rank's part of it. Root holds
// one other part at a time.
func (d *Decomposition) ScatterFrom(comm ranks.Comm, root int, full []float64, planes int) ([]float64, error) {
	if planes < 1 {
		return nil, fmt.Errorf("halo: ScatterFrom: %d planes, want at least 1", planes)
	}
	if comm.Size() != d.Ranks() {
		return nil, fmt.Errorf("halo: ScatterFrom: %d boxes for %d ranks", d.Ranks(), comm.Size())
	}
	if root < 0 || root >= d.Ranks() {
		return nil, fmt.Errorf("halo: ScatterFrom: root %d of %d ranks", root, d.Ranks())
	}
	owned := make([]float64, planes*d.owned[comm.Rank()].Size())
	if comm.Rank() != root {
		if len(owned) == 0 {
			return owned, nil
		}
		st, err := comm.Recv(owned, root, scatterTag)
		if err == nil && st.Count != len(owned) {
			err = fmt.Errorf("%d values from rank %d, want %d", st.Count, root, len(owned))
		}
		if err != nil {
			return nil, fmt.Errorf("halo: scatter: %w", err)
		}
		return owned, nil
	}
	domain := d.Domain()
	if n := planes * domain.Size(); len(full) != n {
		return nil, fmt.Errorf("halo: ScatterFrom on rank %d: array of %d values, want %d x %s = %d",
			root, len(full), planes, shapeString(d.shape), n)
	}
	buf := make([]float64, planes*d.largestPart(root))
	for r, b := range d.owned {
		part := buf[:planes*b.Size()]
		if r == root {
			part = owned
		}
		for c := range planes {
			CopyBox(part[c*b.Size():], b, full[c*domain.Size():], domain, b)
		}
		if r != root && len(part) > 0 {
			if err := comm.Send(part, r, scatterTag); err != nil {
				return nil, fmt.Errorf("halo: scatter: %w", err)
			}
		}
	}
	return owned, nil
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

func (d *Decomposition) checkPart(call string, comm ranks.Comm, root int, owned []float64, planes int) error {
	if planes < 1 {
		return fmt.Errorf("halo: %s: %d planes, want at least 1", call, planes)
	}
	if comm.Size() != d.Ranks() {
		return fmt.Errorf("halo: %s: %d boxes for %d ranks", call, d.Ranks(), comm.Size())
	}
	if root < 0 || root >= d.Ranks() {
		return fmt.Errorf("halo: %s: root %d of %d ranks", call, root, d.Ranks())
	}
	b := d.owned[comm.Rank()]
	if n := planes * b.Size(); len(owned) != n {
		return fmt.Errorf("halo: %s on rank %d: owned array of %d values, want %d x %s = %d",
			call, comm.Rank(), len(owned), planes, shapeString(b.Shape()), n)
	}
	return nil
}
