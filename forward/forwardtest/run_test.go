package forwardtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/forward/forwardtest"
	"tessera/halo"
	"tessera/ranks"
)

// recorder keeps what a test would report.
type recorder struct {
	testing.TB
	messages []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

// scaling is y = 2 x with the mistakes of a test case.
type scaling struct {
	comm      ranks.Comm
	n         int
	calls     int
	apply     func(s *scaling, dst, src []float64)
	adjoint   func(s *scaling, dst, src []float64)
	bound     func(s *scaling) float64
	unchecked bool
	silent    bool // the error of a wrong length does not name it
	dims      int  // added to Dims
}

func double(_ *scaling, dst, src []float64) {
	for i, v := range src {
		dst[i] = 2 * v
	}
}

func (s *scaling) Dims() (m, n int) { return s.n + s.dims, s.n }

func (s *scaling) NormBound() float64 {
	if s.bound == nil {
		return 2
	}
	return s.bound(s)
}

func (s *scaling) run(f func(s *scaling, dst, src []float64), dst, src []float64) error {
	s.calls++
	if len(dst) != s.n || len(src) != s.n {
		if s.silent {
			return errors.New("wrong length")
		}
		if !s.unchecked {
			return fmt.Errorf("lengths %d and %d, want %d", len(dst), len(src), s.n)
		}
		src = src[:min(len(dst), len(src))]
	}
	if f == nil {
		f = double
	}
	f(s, dst, src)
	return nil
}

func (s *scaling) Apply(dst, src []float64) error   { return s.run(s.apply, dst, src) }
func (s *scaling) Adjoint(dst, src []float64) error { return s.run(s.adjoint, dst, src) }

// The suite passes the right operator and finds every mistake, with a message that says
// which it is.
func TestRunFindsMistakes(t *testing.T) {
	for _, c := range []struct {
		mistake  string
		op       scaling
		sameBits bool
		want     string // "" = nothing is wrong
	}{
		{mistake: "none", sameBits: true},
		{mistake: "adjoint of another operator", want: "<A x, y> =", op: scaling{adjoint: func(_ *scaling, dst, src []float64) {
			for i, v := range src {
				dst[i] = 2.000001 * v
			}
		}}},
		{mistake: "adds to dst", want: "which held NaN", op: scaling{apply: func(_ *scaling, dst, src []float64) {
			for i, v := range src {
				dst[i] += 2 * v
			}
		}}},
		{mistake: "leaves a part of dst", want: "Adjoint leaves NaN", op: scaling{adjoint: func(s *scaling, dst, src []float64) {
			double(s, dst[1:], src[1:])
		}}},
		{mistake: "changes src", want: "Apply changes src", op: scaling{apply: func(s *scaling, dst, src []float64) {
			double(s, dst, src)
			src[0]++
		}}},
		{mistake: "remembers calls", want: "Apply gives other bits", op: scaling{apply: func(s *scaling, dst, src []float64) {
			double(s, dst, src)
			dst[0] += 1e-15 * float64(s.calls)
		}}},
		{mistake: "not linear", want: "is not linear", op: scaling{apply: func(s *scaling, dst, src []float64) {
			double(s, dst, src)
			dst[0] *= 1 + 1e-12*src[0]
		}, adjoint: func(s *scaling, dst, src []float64) { double(s, dst, src) }}},
		{mistake: "depends on the number of ranks", want: "on 1 rank it is", op: scaling{apply: func(s *scaling, dst, src []float64) {
			for i, v := range src {
				dst[i] = (2 - 1e-9*float64(s.comm.Size())) * v
			}
		}, adjoint: func(s *scaling, dst, src []float64) {
			for i, v := range src {
				dst[i] = (2 - 1e-9*float64(s.comm.Size())) * v
			}
		}}},
		{mistake: "other last bits", sameBits: true, want: "the bits should be the same", op: scaling{apply: func(s *scaling, dst, src []float64) {
			double(s, dst, src)
			dst[0] *= 1 - 1e-16*float64(s.comm.Size()-1)
		}}},
		{mistake: "other last bits where none are promised", op: scaling{apply: func(s *scaling, dst, src []float64) {
			double(s, dst, src)
			dst[0] *= 1 - 1e-16*float64(s.comm.Size()-1)
		}}},
		{mistake: "takes every length", want: "want an error", op: scaling{unchecked: true}},
		{mistake: "a length that is not named", want: "does not name the length", op: scaling{silent: true}},
		{mistake: "low bound", want: "NormBound is 1.9", op: scaling{bound: func(*scaling) float64 { return 1.9 }}},
		{mistake: "a bound of one rank", want: "NormBound differs", op: scaling{bound: func(s *scaling) float64 { return 3 + float64(s.comm.Rank()) }}},
		{mistake: "wrong lengths in Dims", want: "Dims are", op: scaling{dims: 1}},
	} {
		r := &recorder{TB: t}
		forwardtest.Run(r, forwardtest.Case{
			Name: c.mistake, SameBits: c.sameBits,
			Build: func(comm ranks.Comm, _ halo.Border) (*forwardtest.Built, error) {
				frame, err := halo.Decompose([]int{15}, comm.Size())
				if err != nil {
					return nil, err
				}
				op := c.op
				op.comm, op.n = comm, frame.Owned(comm.Rank()).Size()
				line := []forwardtest.Layout{{Frame: frame, Planes: 1}}
				return &forwardtest.Built{Operator: &op, X: line, Y: line}, nil
			},
		})
		all := strings.Join(r.messages, "\n")
		if c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: reports %q, want %q", c.mistake, all, c.want)
		}
	}
}

// What Build does wrong is reported too.
func TestRunReportsBuild(t *testing.T) {
	for want, build := range map[string]func(ranks.Comm, halo.Border) (*forwardtest.Built, error){
		"no such border": func(ranks.Comm, halo.Border) (*forwardtest.Built, error) { return nil, errors.New("no such border") },
		"no operator":    func(ranks.Comm, halo.Border) (*forwardtest.Built, error) { return new(forwardtest.Built), nil },
	} {
		r := &recorder{TB: t}
		forwardtest.Run(r, forwardtest.Case{Name: "x", Build: build, Borders: []halo.Border{halo.Zero, halo.Periodic}})
		if len(r.messages) != 2 || !strings.Contains(r.messages[1], want) || !strings.Contains(r.messages[1], "border periodic, 1 ranks") {
			t.Errorf("reports %q, want %q for both borders", r.messages, want)
		}
	}
}

var _ forward.Bounded = (*scaling)(nil)
