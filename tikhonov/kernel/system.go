package kernel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// System is this rank's rows of the matrix
//
//	A = K o (S S') + diag(d),   A_ij = k(|x_i - x_j|) s_i's_j + d_i delta_ij,
//
// with the blocks that precondition it. For a kernel fit s_i = 1; the f-step of a
// deep kernel has the gradients of its outer layer there. A System keeps buffers: only one
// goroutine may use it at a time.
type System struct {
	comm     ranks.Comm
	method   krylov.Method
	kernel   Kernel
	profile  profile
	radius   float64
	overlap  float64 // in the unit of the coordinates; < 0: none
	halo     *halo
	ids      []int64   // of own points
	diagonal []float64 // at all points of the halo, like scale
	scale    []float64
	scales   int
	cells    *cells // of all points
	ownCells *cells // of own points; made when needed
	rows     rows
	blocks   []block
	largest  int
	bytes    int64 // of the factors
	single   bool

	lambdaMin  float64 // lower bound of the spectrum; 0 where rounding would hide it
	truncation float64
	busy       float64   // seconds of this rank's processor time in local work
	src        []float64 // at all points
	sum        []float64 // likewise
	z          []float64
	tmp        []float32
}

// SystemOptions of NewSystem, the same on every rank but for Diagonal and Scale. The zero
// value of every field but Kernel and Diagonal is the documented default.
type SystemOptions struct {
	Kernel       Kernel        // k
	Diagonal     []float64     // d, n owned points, > 0
	Scale        []float64     // s, n x Scales, row-major; nil on every rank = all 1
	Scales       int           // columns of Scale
	OverlapRatio float64       // as in Options
	Block        int           // as in Options
	Method       krylov.Method // as in Options
}

// NewSystem assembles the rows and factors the blocks. pts are the points that this rank
// owns in part. Collective: every rank returns an error if one does.
func NewSystem(ctx context.Context, comm ranks.Comm, part *loadbalance.Partition, pts *loadbalance.Points, o SystemOptions) (*System, error) {
	s, err := prepare(comm, part, pts, o)
	if err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare fetches the points around this rank's cell and cuts the blocks, so that the cost
// of build is known. Collective.
func prepare(comm ranks.Comm, part *loadbalance.Partition, pts *loadbalance.Points, o SystemOptions) (*System, error) {
	if o.Method == "" {
		o.Method = krylov.RASGMRES
	}
	if err := ranks.AgreeError(comm, o.check(pts)); err != nil {
		return nil, err
	}
	same := o
	same.Diagonal, same.Scale = nil, nil
	if err := krylov.Same(comm, "kernel: the options and dimensions", same, o.Scale != nil, pts.Dim); err != nil {
		return nil, err
	}
	s := &System{
		comm: comm, method: o.Method, kernel: o.Kernel, profile: o.Kernel.profile(),
		radius: o.Kernel.Radius(), ids: pts.ID,
	}
	switch {
	case o.OverlapRatio < 0 || o.Method == krylov.CG:
		s.overlap = -1
	case o.OverlapRatio == 0:
		s.overlap = o.Kernel.defaultOverlap()
	default:
		s.overlap = o.OverlapRatio * s.radius
	}
	var err error
	if s.halo, err = newHalo(comm, pts, max(s.radius, s.overlap)); err != nil {
		return nil, err
	}
	n, all := s.halo.own, s.halo.all()
	s.diagonal = make([]float64, all)
	copy(s.diagonal, o.Diagonal)
	if err := s.halo.Exchange(s.diagonal, 1); err != nil {
		return nil, err
	}
	if o.Scale != nil {
		s.scales = o.Scales
		s.scale = make([]float64, all*s.scales)
		copy(s.scale, o.Scale)
		if err := s.halo.Exchange(s.scale, s.scales); err != nil {
			return nil, err
		}
	}
	s.src, s.sum = make([]float64, all), make([]float64, all)
	s.cells = newCells(pts.Dim, s.halo.x, max(s.radius, s.overlap))
	if o.Method != krylov.CG {
		s.cut(o.Block)
	}

	// What truncation left out of K has at most N-1 entries a row, none larger
	// than its threshold.
	total := []float64{float64(n)}
	least := []float64{math.Inf(1)}
	for _, d := range s.diagonal[:n] {
		least[0] = min(least[0], d)
	}
	if err := comm.Allreduce(total, total, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(least, least, ranks.Min); err != nil {
		return nil, err
	}
	if !s.kernel.compact() {
		s.truncation = s.kernel.truncate() * math.Max(0, total[0]-1)
		if s.scales == 0 && s.truncation >= least[0] {
			return nil, fmt.Errorf("kernel: truncating %s at %.3g may leave %d observations a matrix that is not positive definite: want less than %.3g",
				s.kernel.Family, s.kernel.truncate(), int(total[0]), least[0]/max(1, total[0]-1))
		}
	}
	s.lambdaMin = least[0] - s.truncation
	return s, nil
}

// build assembles the rows and factors the blocks. Collective.
func (s *System) build(ctx context.Context) error {
	var err error
	s.work(func() { err = s.assemble() })
	norm := []float64{s.rows.norm}
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return err
	}
	if err := s.comm.Allreduce(norm, norm, ranks.Max); err != nil {
		return err
	}
	// A factor rounded to single precision solves to about 6e-8 of the condition
	// number, which has to stay well below 1.
	cond := norm[0] / max(s.lambdaMin, 1e-300)
	s.single = cond < 1e5
	// The guaranteed bound asks for a residual of lambdaMin/norm times the
	// tolerance; beyond rounding the error is estimated instead.
	if cond > 1e6 || s.scales > 0 && !s.kernel.compact() {
		s.lambdaMin = 0
	}
	if err = ctx.Err(); err == nil {
		s.work(func() { err = s.factorBlocks(s.single) })
	}
	return ranks.AgreeError(s.comm, err)
}

// work runs f and counts its processor time.
func (s *System) work(f func()) {
	runtime.LockOSThread() // the clock is the thread's
	start := ranks.ThreadSeconds()
	f()
	s.busy += ranks.ThreadSeconds() - start
	runtime.UnlockOSThread()
}

func (o *SystemOptions) check(pts *loadbalance.Points) error {
	if err := o.Kernel.check(); err != nil {
		return err
	}
	if pts == nil {
		return errors.New("kernel: no points: want empty Points on a rank that owns none")
	}
	n := pts.Len()
	switch {
	case pts.Dim < 1 || pts.Dim > loadbalance.MostAxes || len(pts.X) != n*pts.Dim:
		return fmt.Errorf("kernel: %d points with %d coordinates in %d dimensions", n, len(pts.X), pts.Dim)
	case pts.Dim > o.Kernel.Family.Dimensions():
		return fmt.Errorf("kernel: %s in %d dimensions, want %d at most", o.Kernel.Family, pts.Dim, o.Kernel.Family.Dimensions())
	case len(o.Diagonal) != n:
		return fmt.Errorf("kernel: a diagonal of %d for %d points", len(o.Diagonal), n)
	case o.Scale != nil && (o.Scales < 1 || len(o.Scale) != n*o.Scales):
		return fmt.Errorf("kernel: %d numbers of scale for %d points with %d each", len(o.Scale), n, o.Scales)
	}
	if err := checkBlocks(o.OverlapRatio, o.Block, o.Method); err != nil {
		return err
	}
	for i, d := range o.Diagonal {
		if !(d > 0) || math.IsInf(d, 0) {
			return fmt.Errorf("kernel: diagonal %v at observation %d: want more than 0", d, pts.ID[i])
		}
	}
	return nil
}

// checkBlocks finds what is wrong with the options of the local solves.
func checkBlocks(overlapRatio float64, block int, method krylov.Method) error {
	switch {
	case math.IsNaN(overlapRatio) || overlapRatio > 10:
		return fmt.Errorf("kernel: overlap ratio %v: want at most 10 times the radius", overlapRatio)
	case block < 0:
		return fmt.Errorf("kernel: blocks of %d points", block)
	case method != "" && !slices.Contains([]krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.RAS, krylov.CG}, method):
		return fmt.Errorf("kernel: method %q: want ras-gmres, as-cg, ras or cg", method)
	}
	return nil
}

// operations is the predicted number of operations of build and a solve for each of this
// rank's points: its share of its block, and its row.
func (s *System) operations() []float64 {
	w := make([]float64, s.halo.own)
	for i := range s.blocks {
		b := &s.blocks[i]
		for _, p := range b.points[:b.own] {
			w[p] += blockCost(len(b.points)) / float64(b.own)
		}
	}
	d := s.halo.dim
	for i := range w {
		p := s.halo.x[i*d : (i+1)*d]
		s.cells.runs(p, p, s.radius, func(points []int32) { w[i] += 20 * float64(len(points)) })
	}
	return w
}

// Len is the number of points that this rank owns.
func (s *System) Len() int { return s.halo.own }

// Apply sets dst = A src. Collective.
func (s *System) Apply(dst, src []float64) error {
	copy(s.src, src)
	if err := s.halo.Exchange(s.src, 1); err != nil {
		return err
	}
	s.work(func() { s.rows.apply(dst, s.src) })
	return nil
}

// ras is the restricted form: every block writes the points it owns.
type ras struct{ *System }

func (p ras) Apply(dst, src []float64) error {
	s := p.System
	copy(s.src, src)
	if err := s.halo.Exchange(s.src, 1); err != nil {
		return err
	}
	s.work(func() {
		for i := range s.blocks {
			b := &s.blocks[i]
			z := s.local(b)
			for k, at := range b.points[:b.own] {
				dst[at] = z[k]
			}
		}
	})
	return nil
}

// SinglePrecision tells GMRES that the results are rounded.
func (p ras) SinglePrecision() bool { return p.single }

// as is the symmetric form: every block adds to all its points.
type as struct{ *System }

func (p as) Apply(dst, src []float64) error {
	s := p.System
	copy(s.src, src)
	if err := s.halo.Exchange(s.src, 1); err != nil {
		return err
	}
	clear(s.sum)
	s.work(func() {
		for i := range s.blocks {
			b := &s.blocks[i]
			for k, v := range s.local(b) {
				s.sum[b.points[k]] += v
			}
		}
	})
	if err := s.halo.AddBack(s.sum); err != nil {
		return err
	}
	copy(dst, s.sum)
	return nil
}

// local is the solution of a block with the right side in s.src, valid until the
// next call.
func (s *System) local(b *block) []float64 {
	if cap(s.z) < len(b.points) {
		s.z = make([]float64, s.largest)
	}
	z := s.z[:len(b.points)]
	for k, at := range b.points {
		z[k] = s.src[at]
	}
	b.solve(z, &s.tmp)
	return z
}

// Solve solves A x = b to the tolerance of the control; x holds the start. c.LambdaMin
// is set from the diagonal if it is 0. Collective, with the errors of package krylov.
func (s *System) Solve(ctx context.Context, x, b []float64, c krylov.Control) (*krylov.Report, error) {
	if c.LambdaMin == 0 {
		c.LambdaMin = s.lambdaMin
	}
	switch s.method {
	case krylov.CG:
		return krylov.ConjugateGradients(ctx, s.comm, s, nil, x, b, c)
	case krylov.ASCG:
		return krylov.ConjugateGradients(ctx, s.comm, s, as{s}, x, b, c)
	case krylov.RAS:
		return krylov.Stationary(ctx, s.comm, s, ras{s}, x, b, c)
	}
	return krylov.GMRES(ctx, s.comm, s, ras{s}, x, b, c)
}
