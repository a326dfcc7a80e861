package frames

import (
	"math"

	"tessera/ranks"
)

// around are the neighbours of a pixel: first the four that share a side with it.
var around = [8][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}

// neighbours are the values around each of some pixels of this rank; NaN = missing, or
// outside of the plane. Values of other ranks are asked for. Collective.
func (s *OutlierSearch) neighbours(comm ranks.Comm, list []Outlier) ([][8]float64, error) {
	near := make([][8]float64, len(list))
	if s.Scattered {
		for i := range near {
			for k := range near[i] {
				near[i][k] = math.NaN()
			}
		}
		return near, nil
	}
	h, w := s.Box.R1-s.Box.R0, s.Box.C1-s.Box.C0
	here := func(plane, row, col int) (float64, bool) {
		p := plane - s.First
		if p < 0 || (p+1)*h*w > len(s.Data) || row < s.Box.R0 || row >= s.Box.R1 || col < s.Box.C0 || col >= s.Box.C1 {
			return math.NaN(), false
		}
		i := (p*h+row-s.Box.R0)*w + col - s.Box.C0
		if s.absent(i) {
			return math.NaN(), true
		}
		return s.Data[i], true
	}
	inside := func(row, col int) bool { return row >= 0 && row < s.Rows && col >= 0 && col < s.Cols }
	var edge []int // of list
	for i, o := range list {
		whole := true
		for k, d := range around {
			v, ok := here(o.Plane, o.Row+d[0], o.Col+d[1])
			near[i][k] = v
			whole = whole && (ok || !inside(o.Row+d[0], o.Col+d[1]))
		}
		if !whole {
			edge = append(edge, i)
		}
	}
	if s.Frame == nil || comm == nil || comm.Size() == 1 {
		return near, nil
	}
	counts, err := ranks.Counts(comm, len(edge))
	if err != nil {
		return nil, err
	}
	before, total := 0, 0
	for r, n := range counts {
		if r < comm.Rank() {
			before += n
		}
		total += n
	}
	if total == 0 {
		return near, nil
	}
	places, values := make([]float64, 3*total), make([]float64, 8*total)
	for j, i := range edge {
		copy(places[3*(before+j):], []float64{float64(list[i].Plane), float64(list[i].Row), float64(list[i].Col)})
	}
	if err := comm.Allreduce(places, places, ranks.Sum); err != nil {
		return nil, err
	}
	for j := range total {
		plane, row, col := int(places[3*j]), int(places[3*j+1]), int(places[3*j+2])
		for k, d := range around {
			if v, ok := here(plane, row+d[0], col+d[1]); ok {
				values[8*j+k] = v
			}
		}
	}
	if err := comm.Allreduce(values, values, ranks.Sum); err != nil {
		return nil, err
	}
	for j, i := range edge {
		for k, d := range around {
			if inside(list[i].Row+d[0], list[i].Col+d[1]) {
				near[i][k] = values[8*(before+j)+k]
			}
		}
	}
	return near, nil
}
