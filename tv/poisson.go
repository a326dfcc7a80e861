package tv

import (
	"math"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/ranks"
)

// poisson solves D'D u = v for images v whose sum is zero in every channel, exactly but for
// rounding: the cosine transform (DCT-II), or the Hartley transform where the frame is periodic,
// diagonalises D'D along each axis. For each axis the image is cut anew, so that every
// rank has whole lines of that axis. It keeps two arrays of the size of x.
type poisson struct {
	comm     ranks.Comm
	shape    []int
	channels int
	periodic bool
	stages   [][]halo.Box // the owned boxes of all ranks, then the boxes of each axis
	lines    []func(line []float64, inverse bool)
	work     [2][]float64
}

func newPoisson(comm ranks.Comm, frame *halo.Decomposition, channels int, periodic bool) *poisson {
	s := &poisson{
		comm: comm, shape: frame.Domain().Shape(), channels: channels, periodic: periodic, stages: stagesOf(frame, comm.Size()),
	}
	most := 0
	for _, boxes := range s.stages {
		most = max(most, boxes[comm.Rank()].Size())
	}
	for _, n := range s.shape {
		s.lines = append(s.lines, lineTransform(n, periodic))
	}
	for i := range s.work {
		s.work[i] = make([]float64, channels*most)
	}
	return s
}

// stagesOf are the owned boxes of so many ranks, then, for each axis, boxes that hold whole
// lines of it, cut along the longest of the other axes.
func stagesOf(frame *halo.Decomposition, n int) [][]halo.Box {
	owned := make([]halo.Box, n)
	for r := range owned {
		owned[r] = frame.Owned(r)
	}
	stages, shape := [][]halo.Box{owned}, frame.Domain().Shape()
	for k := range shape {
		cut := -1
		for j, m := range shape {
			if j != k && (cut < 0 || m > shape[cut]) {
				cut = j
			}
		}
		boxes := make([]halo.Box, n)
		for r := range boxes {
			b := frame.Domain()
			if cut < 0 {
				if r > 0 {
					b.Hi[k] = 0
				}
			} else {
				b.Lo[cut], b.Hi[cut] = halo.Split(shape[cut], n, r)
			}
			boxes[r] = b
		}
		stages = append(stages, boxes)
	}
	return stages
}

// PoissonTraffic is how many values of a channel all ranks send to solve one equation of Result.Poisson,
// and in how many messages: the redistributions of its transforms.
func PoissonTraffic(frame *halo.Decomposition) (values float64, messages int) {
	n := frame.Ranks()
	stages := stagesOf(frame, n)
	for k := 1; k < len(stages); k++ {
		for r := range n {
			values += 2 * float64(stages[k-1][r].Size()-stages[k-1][r].Intersect(stages[k][r]).Size()) // there and back
		}
		messages += 2 * n * (n - 1)
	}
	return values, messages
}

// lineTransform is an orthonormal transform of n values in place, and its inverse.
func lineTransform(n int, periodic bool) func(line []float64, inverse bool) {
	if !periodic {
		dct := fourier.NewDCT2(1, n)
		return func(line []float64, inverse bool) {
			if inverse {
				dct.Inverse(line, line)
			} else {
				dct.Forward(line, line)
			}
		}
	}
	plan := fourier.NewPlan2(1, n)
	spectrum := make([]complex128, n/2+1)
	scale := 1 / math.Sqrt(float64(n))
	return func(line []float64, _ bool) { // the Hartley transform is its own inverse
		plan.Forward(spectrum, line)
		for k, v := range spectrum {
			line[k] = scale * (real(v) - imag(v))
			if k > 0 {
				line[n-k] = scale * (real(v) + imag(v))
			}
		}
	}
}

// eigenvalue is that of D'D along an axis.
func (s *poisson) eigenvalue(k, i int) float64 {
	angle := math.Pi * float64(i) / float64(2*s.shape[k])
	if s.periodic {
		angle *= 2
	}
	return 4 * math.Sin(angle) * math.Sin(angle)
}

// solve replaces v, channels x owned box, by u, whose sum is zero. Collective.
func (s *poisson) solve(v []float64) error {
	last := len(s.shape)
	a, b := s.work[0], s.work[1]
	copy(a, v)
	for k := 1; k <= last; k++ {
		if err := s.move(b, k, a, k-1); err != nil {
			return err
		}
		a, b = b, a
		s.transform(a, k, false)
	}
	s.divide(a)
	for k := last; k >= 1; k-- {
		s.transform(a, k, true)
		if err := s.move(b, k-1, a, k); err != nil {
			return err
		}
		a, b = b, a
	}
	copy(v, a)
	return nil
}

// divide divides by the eigenvalues, on the boxes of the last axis.
func (s *poisson) divide(a []float64) {
	box := s.stages[len(s.shape)][s.comm.Rank()]
	size := box.Size()
	along := make([][]float64, len(s.shape))
	for k, n := range s.shape {
		along[k] = make([]float64, n)
		for i := range n {
			along[k][i] = s.eigenvalue(k, i)
		}
	}
	at := append([]int(nil), box.Lo...)
	for i := range size {
		sum := 0.0
		for k, j := range at {
			sum += along[k][j]
		}
		for c := range s.channels {
			if sum == 0 {
				a[c*size+i] = 0
			} else {
				a[c*size+i] /= sum
			}
		}
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < box.Hi[k] {
				break
			}
			at[k] = box.Lo[k]
		}
	}
}

// transform transforms every line of axis k-1 of this rank's box of stage k.
func (s *poisson) transform(a []float64, k int, inverse bool) {
	box := s.stages[k][s.comm.Rank()]
	n, inner := s.shape[k-1], 1
	for _, m := range box.Shape()[k:] {
		inner *= m
	}
	line := make([]float64, n)
	for first := 0; first < s.channels*box.Size(); first += n * inner {
		for i := range inner {
			part := a[first+i : first+n*inner]
			for j := range line {
				line[j] = part[j*inner]
			}
			s.lines[k-1](line, inverse)
			for j, v := range line {
				part[j*inner] = v
			}
		}
	}
}

// move copies an array over the boxes of one stage to those of another. Collective.
func (s *poisson) move(dst []float64, to int, src []float64, from int) error {
	mine, theirs := s.stages[from][s.comm.Rank()], s.stages[to][s.comm.Rank()]
	if s.comm.Size() == 1 {
		copy(dst, src[:s.channels*mine.Size()])
		return nil
	}
	pack := func(boxes []halo.Box, own halo.Box) (counts []int, total int) {
		for _, b := range boxes {
			n := s.channels * own.Intersect(b).Size()
			counts, total = append(counts, n), total+n
		}
		return counts, total
	}
	sendCounts, sent := pack(s.stages[to], mine)
	recvCounts, received := pack(s.stages[from], theirs)
	send, recv := make([]float64, sent), make([]float64, received)
	at := 0
	for _, b := range s.stages[to] {
		region := mine.Intersect(b)
		if region.Empty() {
			continue
		}
		for c := range s.channels {
			halo.CopyBox(send[at:at+region.Size()], region, src[c*mine.Size():(c+1)*mine.Size()], mine, region)
			at += region.Size()
		}
	}
	if err := s.comm.Alltoallv(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	at = 0
	for _, b := range s.stages[from] {
		region := theirs.Intersect(b)
		if region.Empty() {
			continue
		}
		for c := range s.channels {
			halo.CopyBox(dst[c*theirs.Size():(c+1)*theirs.Size()], theirs, recv[at:at+region.Size()], region, region)
			at += region.Size()
		}
	}
	return nil
}
