package frames

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tessera/internal/outliers"
	"tessera/ranks"
)

// findWhole finds the planes of which every value marks a missing one, and notes in f which they are, how
// many values they have, and whether there is any other value. Collective.
func (s *OutlierSearch) findWhole(comm ranks.Comm, f *Found, scale func(int) *outliers.Scale) error {
	h, w := s.Box.R1-s.Box.R0, s.Box.C1-s.Box.C0
	n := max(1, h*w)
	own := len(s.Data) / n
	if s.Frame != nil {
		own = s.Planes // of a rank without pixels, too
	}
	// Of each plane: 1 if there is a value that is no mark, the negative smallest and the largest mark.
	ends, marks := make([]float64, 3*own), make([]float64, own)
	for p := range own {
		k, e := scale(s.First+p), ends[3*p:3*p+3]
		e[1], e[2] = math.Inf(-1), math.Inf(-1)
		for i := p * n; i < min((p+1)*n, len(s.Data)); i++ {
			if s.absent(i) {
				continue
			}
			v := s.Data[i]
			if !outliers.MayLook(v) || !k.IsMark(v) {
				e[0] = 1
				break
			}
			e[1], e[2] = max(e[1], -v), max(e[2], v)
			marks[p]++
		}
	}
	if s.Frame != nil { // the ranks have parts of the same planes
		if err := reduced(comm, ends, ranks.Max); err != nil {
			return err
		}
		if err := reduced(comm, marks, ranks.Sum); err != nil {
			return err
		}
	}
	var list []float64 // the first of this rank: plane, smallest and largest mark
	sums := make([]float64, 3)
	for p := range own {
		switch whole := ends[3*p] == 0 && marks[p] > 0; {
		case whole:
			f.ownWhole = append(f.ownWhole, p)
			if s.Frame != nil && comm != nil && comm.Rank() > 0 {
				continue // rank 0 counts it
			}
			sums[0]++
			sums[1] += marks[p]
			if len(list) < 3*shownOutliers {
				list = append(list, float64(s.First+p), -ends[3*p+1], ends[3*p+2])
			}
		case ends[3*p] > 0:
			sums[2]++
		}
	}
	if err := reduced(comm, sums, ranks.Sum); err != nil {
		return err
	}
	f.Whole, f.inWhole, f.Nothing = int(sums[0]), int(sums[1]), sums[0] > 0 && sums[2] == 0
	if f.Whole == 0 {
		return nil
	}
	list, err := shareAll(comm, list)
	if err != nil {
		return err
	}
	for ; len(list) > 0; list = list[3:] {
		f.WholeFirst = append(f.WholeFirst, MarkedPlane{int(list[0]), list[1], list[2]})
	}
	slices.SortFunc(f.WholeFirst, func(a, b MarkedPlane) int { return cmp.Compare(a.Plane, b.Plane) })
	f.WholeFirst = f.WholeFirst[:min(len(f.WholeFirst), shownOutliers)]
	return nil
}

// LeaveOut makes the values of this rank NaN that the rule takes out.
func (f *Found) LeaveOut(s *OutlierSearch, rule Outliers) {
	for i := range f.Own {
		if f.Own[i].Taken(rule) {
			s.Data[f.Own[i].at] = math.NaN()
		}
	}
	n := (s.Box.R1 - s.Box.R0) * (s.Box.C1 - s.Box.C0)
	for _, p := range f.ownWhole {
		for i := p * n; i < min((p+1)*n, len(s.Data)); i++ {
			s.Data[i] = math.NaN()
		}
	}
}

// values are the marks of a plane in words.
func (m *MarkedPlane) values() string {
	if m.Low == m.High {
		return fmt.Sprintf("%.6g", m.Low)
	}
	return fmt.Sprintf("from %.6g to %.6g", m.Low, m.High)
}

// WholePlanes says which planes of the search hold nothing but marks; "" = none does.
func (f *Found) WholePlanes(s *OutlierSearch) string {
	switch {
	case f.Whole == 0:
		return ""
	case f.Nothing:
		m := f.WholeFirst[0]
		for _, o := range f.WholeFirst[1:] {
			m.Low, m.High = min(m.Low, o.Low), max(m.High, o.High)
		}
		return fmt.Sprintf("every observed value is %s, which marks missing values", m.values())
	}
	text := ""
	for i, m := range f.WholeFirst {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("every observed value of %s %d is %s", s.Plane, m.Plane, m.values())
	}
	if more := f.Whole - len(f.WholeFirst); more > 0 {
		text += fmt.Sprintf("; and of %d more", more)
	}
	return text + ", which marks missing values"
}

// NothingBut is the error of a file of which every value marks a missing one, as WholePlanes says; key is that of
// the rule.
func NothingBut(said, key string) string {
	return fmt.Sprintf("%s: nothing was observed\n  if these are data, write %s = %q", said, key, OutliersKeep)
}
