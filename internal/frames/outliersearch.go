package frames

import (
	"cmp"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/outliers"
	"tessera/ranks"
)

// fewRows is the number of rows from which on one value of a table may be called far from all others.
const fewRows = 10

// shownOutliers is the number of places that a message has of each kind.
const shownOutliers = 3

// OutlierSearch looks for values that are no light: marks of missing values, and pixels
// that stand far above or below all of their neighbours. The values are planes of rows x cols;
// this rank has the box of some of them.
type OutlierSearch struct {
	Plane     string              // what a plane is in messages: "channel", "stamp"; "" = there is one
	Planes    int                 // of all ranks
	First     int                 // this rank's first plane
	Rows      int                 // of the whole planes
	Cols      int                 // likewise
	Box       imageio.Box         // this rank's part of each of its planes
	Data      []float64           // this rank's planes x box; values that are not finite are missing
	Absent    func(i int) bool    // which of Data are missing, too; nil = none
	Apart     bool                // every plane has a scale of its own; false = they have one unit and one noise
	Raised    float64             // what neighbours have at most of the height of a value that stands alone; 0 = 0.05
	Scattered bool                // rows are not in the order of places, and their neighbours tell nothing
	Marks     bool                // look for marks of missing values alone
	Where     func(i int) string  // where row i of a table stands in its file: the values are a column, Scattered, of which only marks are certainly no data
	Positive  bool                // values are standard deviations, variances or weights: never negative
	Frame     *halo.Decomposition // the ranks have boxes of the same planes; nil = every rank has planes of its own
}

// Outlier is one value that was found.
type Outlier struct {
	Plane, Row, Col int
	Value           float64
	Times           float64 // distance from the median, in robust standard deviations
	kind            outliers.Kind
	at              int // in Data
}

// Found is what a search has found, the same on all ranks but for Own.
type Found struct {
	Counts [outliers.Kinds]int
	First  [outliers.Kinds][]Outlier // the first three of each kind
	Scale  outliers.Scale            // of the first plane with an outlier
	Own    []Outlier                 // of this rank, but for those of whole planes

	Whole      int           // planes of which every value marks a missing one; Counts has their values
	WholeFirst []MarkedPlane // the first three
	Nothing    bool          // every value of all planes marks a missing one
	inWhole    int           // values of these planes
	ownWhole   []int         // those that this rank has a part of, from 0 = its first plane
}

// MarkedPlane is a plane of which every value marks a missing one.
type MarkedPlane struct {
	Plane     int
	Low, High float64 // the smallest and the largest of the values
}

// scales measures the planes. Collective.
func (s *OutlierSearch) scales(comm ranks.Comm) ([]outliers.Scale, error) {
	groups := 1
	if s.Apart {
		groups = s.Planes
	}
	h, w := s.Box.R1-s.Box.R0, s.Box.C1-s.Box.C0
	all := s.Rows * s.Cols
	if !s.Apart {
		all *= s.Planes
	}
	step := max(1, all/max(1024, outliers.SampleSize/groups))
	for step > 1 && (s.Cols%step == 0 || step%2 == 0 || step%5 == 0) {
		step++ // so that the sample is no grid of a few columns
	}
	ends := make([]float64, 2*groups) // largest absolute value, -(smallest value)
	for i := range ends {
		ends[i] = math.Inf(-1)
	}
	samples := make([][]float64, groups)
	for p := range len(s.Data) / max(1, h*w) {
		g := 0
		if s.Apart {
			g = s.First + p
		}
		for r := range h {
			row := s.Data[(p*h+r)*w : (p*h+r+1)*w]
			place := ((s.First+p)*s.Rows+s.Box.R0+r)*s.Cols + s.Box.C0
			if s.Apart {
				place -= (s.First + p) * s.Rows * s.Cols
			}
			next := (step - place%step) % step
			most, least := ends[2*g], -ends[2*g+1]
			for c, v := range row {
				sampled := c == next
				if sampled {
					next += step
				}
				if s.absent((p*h+r)*w+c) || outliers.Looks(v) {
					continue
				}
				most, least = max(most, math.Abs(v)), min(least, v)
				if sampled {
					samples[g] = append(samples[g], v)
				}
			}
			ends[2*g], ends[2*g+1] = most, -least
		}
	}
	if err := reduced(comm, ends, ranks.Max); err != nil {
		return nil, err
	}
	list, err := measured(comm, samples)
	if err != nil {
		return nil, err
	}
	for g := range list {
		list[g].Most, list[g].Least, list[g].Positive = ends[2*g], -ends[2*g+1], s.Positive
	}
	return list, nil
}

func (s *OutlierSearch) absent(i int) bool {
	v := s.Data[i]
	return v-v != 0 || s.Absent != nil && s.Absent(i)
}

// gatherAll puts the numbers of all ranks together on rank 0. Collective.
func gatherAll(comm ranks.Comm, own []float64) ([]float64, error) {
	if comm == nil {
		return own, nil
	}
	counts, err := ranks.Counts(comm, len(own))
	if err != nil {
		return nil, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	var all []float64
	if comm.Rank() == 0 {
		all = make([]float64, total)
	}
	return all, comm.Gatherv(all, counts, own, 0)
}

// shareAll puts the numbers of all ranks together on all ranks. Collective.
func shareAll(comm ranks.Comm, own []float64) ([]float64, error) {
	all, err := gatherAll(comm, own)
	if err != nil || comm == nil {
		return all, err
	}
	length := len(all)
	if err := ranks.Share(comm, &length); err != nil {
		return nil, err
	}
	if comm.Rank() != 0 {
		all = make([]float64, length)
	}
	return all, comm.Bcast(all, 0)
}

// reduced is comm.Allreduce in place; a rank alone has a nil communicator.
func reduced(comm ranks.Comm, x []float64, op ranks.Op) error {
	if comm == nil {
		return nil
	}
	return comm.Allreduce(x, x, op)
}

// Find searches. Collective, with a nil communicator of this rank alone; the error is the
// same on all ranks.
func (s *OutlierSearch) Find(comm ranks.Comm) (*Found, error) {
	scales, err := s.scales(comm)
	if err != nil {
		return nil, err
	}
	scale := func(plane int) *outliers.Scale {
		if s.Apart {
			return &scales[plane]
		}
		return &scales[0]
	}
	f := &Found{}
	if err := s.findWhole(comm, f, scale); err != nil {
		return nil, err
	}
	h, w := s.Box.R1-s.Box.R0, s.Box.C1-s.Box.C0
	var list []Outlier
	for p := range len(s.Data) / max(1, h*w) {
		if _, whole := slices.BinarySearch(f.ownWhole, p); whole {
			continue
		}
		k := scale(s.First + p)
		low, high := k.Between()
		for j, v := range s.Data[p*h*w : (p+1)*h*w] {
			if v > low && v < high && !outliers.MayLook(v) {
				continue
			}
			i := p*h*w + j
			if s.absent(i) {
				continue
			}
			o := Outlier{Plane: s.First + p, Row: s.Box.R0 + j/w, Col: s.Box.C0 + j%w, Value: v, Times: k.Times(v, k.Centre), at: i}
			if k.IsMark(v) {
				o.kind = outliers.Mark
				f.Own = append(f.Own, o)
			} else if !s.Marks && k.IsFar(v) {
				list = append(list, o)
			}
		}
	}
	near, err := s.neighbours(comm, list)
	if err != nil {
		return nil, err
	}
	raised := cmp.Or(s.Raised, outliers.Raised)
	counts := make([]float64, outliers.Kinds+1)
	counts[outliers.Mark] = float64(len(f.Own))
	counts[outliers.Kinds] = float64(len(s.Data))
	for i := range list {
		o := &list[i]
		o.kind = scale(o.Plane).Judge(o.Value, &near[i], raised)
		if o.kind == outliers.Certain && s.Where != nil {
			o.kind = outliers.Alone // no neighbours say more
		}
		if o.kind != outliers.None {
			f.Own = append(f.Own, *o)
			counts[o.kind]++
		}
	}
	if err := reduced(comm, counts, ranks.Sum); err != nil {
		return nil, err
	}
	few := func(kind outliers.Kind) bool {
		n := counts[outliers.Kinds]
		return counts[kind] <= outliers.Share*n || s.Where != nil && counts[kind] == 1 && n >= fewRows
	}
	f.Own = slices.DeleteFunc(f.Own, func(o Outlier) bool {
		return o.kind == outliers.Alone && !few(outliers.Alone) || o.kind == outliers.Certain && !few(outliers.Certain)
	})
	for kind := range outliers.Kinds {
		if f.Counts[kind] = int(counts[kind]); kind != outliers.Mark && !few(kind) {
			f.Counts[kind] = 0
		}
	}
	f.Counts[outliers.Mark] += f.inWhole
	return f, s.first(comm, f, scale)
}

// first fills the places that messages have. Collective.
func (s *OutlierSearch) first(comm ranks.Comm, f *Found, scale func(int) *outliers.Scale) error {
	var own []float64
	var shown [outliers.Kinds]int
	slices.SortFunc(f.Own, func(a, b Outlier) int { return cmp.Compare(a.at, b.at) })
	for _, o := range f.Own { // in the order of the planes and rows
		if shown[o.kind] < shownOutliers {
			shown[o.kind]++
			own = append(own, float64(o.kind), float64(o.Plane), float64(o.Row), float64(o.Col), o.Value, o.Times)
		}
	}
	all, err := shareAll(comm, own)
	if err != nil {
		return err
	}
	var list []Outlier
	for ; len(all) > 0; all = all[6:] {
		list = append(list, Outlier{kind: outliers.Kind(all[0]), Plane: int(all[1]), Row: int(all[2]), Col: int(all[3]), Value: all[4], Times: all[5]})
	}
	slices.SortFunc(list, func(a, b Outlier) int {
		return cmp.Or(cmp.Compare(a.Plane, b.Plane), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
	})
	if len(list) > 0 {
		f.Scale = *scale(list[0].Plane)
	}
	for _, o := range list {
		if len(f.First[o.kind]) < shownOutliers {
			f.First[o.kind] = append(f.First[o.kind], o)
		}
	}
	return nil
}
