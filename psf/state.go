package psf

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// meta is the content of Snapshot.Meta: what all ranks know.
type meta struct {
	Key          string // key of the options
	Side, Total  int
	Pass, Before int
	Checks       []Check
	Converged    bool
	RecordBytes  int
	Low          *lowMeta
}

// key describes the options that change the iterates. A snapshot continues only under
// the same key; the stopping rule may differ.
func (s *solver[T]) key() string {
	o := &s.o
	return fmt.Sprintf("%s, %s border, %s precision, noise %s %g, start %s, wavelet %s, thresholds %v, %s threshold, factor %g, steps %g %g %g, any sign %v, compatible %v",
		o.Mode, o.Border, o.Precision, o.Noise, o.Sigma, o.Start, o.Wavelet, o.Thresholds, o.Threshold, o.Factor,
		float64(s.tau), float64(s.sigma), float64(s.rho), o.AnySign, o.Compatible)
}

// headNumbers is how many float64 numbers a record begins with. The change of the last iteration
// is one of them: a stamp that had reached the next convergence check when the solve was stopped
// makes no iteration before that check, which counts the change.
const headNumbers = 7

// recordBytes is the length of the record of one stamp: headNumbers float64 numbers, then x, u,
// and the thresholds once they have been reweighted, in the solver's precision.
func (s *solver[T]) recordBytes() int {
	perStamp := s.n + len(s.u)/max(1, len(s.stamps)) + len(s.limits)/max(1, len(s.stamps))
	if len(s.stamps) == 0 {
		return 0
	}
	return headNumbers*8 + perStamp*linalg.SizeOf[T]()
}

func (s *solver[T]) snapshot() (*Snapshot, error) {
	m := meta{Key: s.key(), Side: s.side, Total: s.total, Pass: s.pass, Before: s.before, Checks: s.checks, Converged: s.converged}
	if s.low != nil {
		s.low.flush(s)
		m.Low = s.low.meta()
	}
	// On a rank without stamps the length of a record is not known and not needed.
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(m); err != nil {
		return nil, err
	}
	snap := &Snapshot{Meta: b.Bytes(), RecordBytes: s.recordBytes()}
	for _, st := range s.stamps {
		snap.IDs = append(snap.IDs, st.id)
	}
	snap.Fill = func(i int, record []byte) {
		st := &s.stamps[i]
		done := 0.0
		if st.done {
			done = 1
		}
		for _, v := range [headNumbers]float64{float64(st.id), float64(st.iteration), float64(st.before), done, st.misfit, st.penalty, st.change} {
			binary.LittleEndian.PutUint64(record, math.Float64bits(v))
			record = record[8:]
		}
		for _, a := range s.arrays() {
			w := len(*a) / len(s.stamps)
			record = putNumbers(record, (*a)[i*w:(i+1)*w])
		}
	}
	return snap, nil
}

// arrays are the arrays that a record has a part of.
func (s *solver[T]) arrays() []*[]T { return []*[]T{&s.x, &s.u, &s.limits} }

// resume sets the state of this rank's stamps to that of a snapshot.
func (s *solver[T]) resume(from *Snapshot) error {
	var m meta
	if err := gob.NewDecoder(bytes.NewReader(from.Meta)).Decode(&m); err != nil {
		return fmt.Errorf("psf: not a checkpoint of this job: %w", err)
	}
	switch key := s.key(); {
	case m.Side != s.side || m.Total != s.total:
		return fmt.Errorf("psf: the checkpoint is of %d stamps of %d x %d, the stack has %d of %d x %d", m.Total, m.Side, m.Side, s.total, s.side, s.side)
	case m.Key != key:
		return fmt.Errorf("psf: the checkpoint was made with other options: %s; now %s", m.Key, key)
	case m.Pass > s.o.Reweightings:
		return fmt.Errorf("psf: the checkpoint is in reweighting %d, the options have %d", m.Pass, s.o.Reweightings)
	case m.Low != nil && m.Low.Iteration > s.o.MaxIterations:
		return s.pastEnd(m.Low.Iteration)
	}
	s.pass, s.before, s.checks, s.converged = m.Pass, m.Before, m.Checks, m.Converged
	if m.Pass > 0 && s.o.Mode == Sparse {
		s.limits = make([]T, len(s.stamps)*s.o.Scales*s.n)
	}
	if s.low != nil {
		if err := s.low.resume(s, m.Low); err != nil {
			return err
		}
	}
	if from.Records == nil {
		return fmt.Errorf("psf: the snapshot to continue from has no Records")
	}
	if len(s.stamps) == 0 {
		return nil
	}
	ids := make([]int, len(s.stamps))
	for i, st := range s.stamps {
		ids[i] = st.id
	}
	want := s.recordBytes()
	seen := 0
	err := from.Records(ids, func(id int, record []byte) error {
		i := id - s.first
		if len(record) != want || i < 0 || i >= len(s.stamps) {
			return fmt.Errorf("psf: the checkpoint's record of stamp %d has %d bytes, want %d", id, len(record), want)
		}
		var head [headNumbers]float64
		for k := range head {
			head[k] = math.Float64frombits(binary.LittleEndian.Uint64(record[8*k:]))
		}
		st := &s.stamps[i]
		st.iteration, st.before, st.done = int(head[1]), int(head[2]), head[3] == 1
		st.misfit, st.penalty, st.change = head[4], head[5], head[6]
		if st.iteration > s.o.MaxIterations {
			return s.pastEnd(st.iteration)
		}
		record = record[8*len(head):]
		for _, a := range s.arrays() {
			w := len(*a) / len(s.stamps)
			record = getNumbers((*a)[i*w:(i+1)*w], record)
		}
		seen++
		return nil
	})
	if err == nil && seen != len(ids) {
		err = fmt.Errorf("psf: the checkpoint has %d of the %d stamps from %d on", seen, len(ids), s.first)
	}
	return err
}

// pastEnd is the error of a snapshot with more iterations of a pass than the options allow.
func (s *solver[T]) pastEnd(done int) error {
	return fmt.Errorf("psf: the checkpoint has made %d iterations, the options allow %d: continue with %d or more", done, s.o.MaxIterations, done)
}

func putNumbers[T linalg.Float](to []byte, x []T) []byte {
	for _, v := range x {
		if linalg.SizeOf[T]() == 4 {
			binary.LittleEndian.PutUint32(to, math.Float32bits(float32(v)))
			to = to[4:]
		} else {
			binary.LittleEndian.PutUint64(to, math.Float64bits(float64(v)))
			to = to[8:]
		}
	}
	return to
}

func getNumbers[T linalg.Float](x []T, from []byte) []byte {
	for i := range x {
		if linalg.SizeOf[T]() == 4 {
			x[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(from)))
			from = from[4:]
		} else {
			x[i] = T(math.Float64frombits(binary.LittleEndian.Uint64(from)))
			from = from[8:]
		}
	}
	return from
}
