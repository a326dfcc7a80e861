package scdl

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// plan is what a training on n ranks would cost. Of files only the shapes are read. A few
// tiles of noise are learned from, with the config's own options, to know the time of an
// iteration.
func (c *trainSettings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	high, low, err := c.shapes()
	if err != nil {
		return nil, err
	}
	e, err := c.extent(high, low, n)
	if err != nil {
		return nil, err
	}
	tiles := (e.most + scdl.TileSamples - 1) / scdl.TileSamples
	each, err := c.calibrate(ctx, comm, e, tiles)
	if err != nil {
		return nil, err
	}
	iterations, seconds := float64(c.SCDL.Iterations), each.At(float64(tiles))
	if c.SCDL.Method == methodOnline {
		seconds += each.Fixed * float64(c.batches(e)-1) // the dictionaries change with every mini-batch
	}
	p := &lifecycle.Plan{
		Ranks: n, Iterations: iterations, Compute: iterations * seconds,
		MemoryBytes: c.memory(e, n), RootBytes: drawing + 8*float64(e.atoms)*float64(5*(e.p+e.m)+e.atoms), // the file of dictionaries, and their coherence
	}
	c.traffic(e, n).Into(p, link)
	p.Row("samples", "%d of %d and %d numbers, and %d held out, at most %d a rank on %d ranks", e.learn, e.p, e.m, e.heldOut, e.most, n)
	o := c.options()
	o.Atoms = e.atoms
	all := lifecycle.Bytes(float64(o.StateBytes(e.learn)))
	switch {
	case c.SCDL.Method == methodOnline:
		p.Row("state", "none: the codes of a mini-batch are forgotten after it; %d mini-batches in a pass", c.batches(e))
	case c.SCDL.State == stateDisk:
		p.Row("state", "%s in files, which every iteration reads and writes once; the time of the files is not in the time below", all)
	default:
		p.Row("state", "%s in all, in memory", all)
	}
	if n > 1 {
		p.Row("sum over ranks", "%s in each %s", lifecycle.Bytes(8*c.sums(e, n)), map[string]string{methodADMM: "iteration", methodOnline: "mini-batch"}[c.SCDL.Method])
	}
	p.Row("an iteration", "about %s on the rank with most samples (measured on tiles of %d samples, one core)", lifecycle.Seconds(seconds), scdl.TileSamples)
	return p, nil
}

// drawing is about what the pictures of a training take while they are drawn, in bytes.
const drawing = 6e6

// trainExtent is the size of a training.
type trainExtent struct {
	p, m           int // numbers of a high and of a low sample
	learn, heldOut int // samples
	most           int // samples to learn from of the rank that has most
	atoms          int
	pictures       float64 // bytes of the pictures that every rank reads
}

// extent is the size of a training on n ranks on samples of these shapes.
func (c *trainSettings) extent(high, low matrixShape, n int) (*trainExtent, error) {
	e := &trainExtent{p: high.rows, m: low.rows, learn: c.expected(high.count)}
	e.atoms = max(1, min(c.SCDL.Atoms, e.learn))
	e.heldOut = high.count - e.learn
	_, e.most = scdl.Share(e.learn, n, 0)
	var err error
	e.pictures, err = c.pictureBytes()
	return e, err
}

// checkRoom refuses a training that needs far more memory than the hosts have. Collective;
// the error is the same on all ranks.
func (c *trainSettings) checkRoom(comm ranks.Comm, high, low matrixShape) error {
	e, err := c.extent(high, low, comm.Size())
	bytes := 0.0
	if err == nil {
		bytes = c.memory(e, comm.Size())
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return err
	}
	mend := `scdl.atoms, or set scdl.method = "online"`
	switch {
	case c.Patches.Images != "":
		mend = "patches.count or " + mend
	case c.Data.High == "":
		mend = "simulate.count or " + mend
	default:
		mend = "the number of samples in " + c.Data.High + ", " + mend
	}
	return lifecycle.CheckRoom(comm, bytes, mend)
}

// expected is about how many of count samples are learned from: exact for small counts.
func (c *trainSettings) expected(count int) int {
	if count > 1<<20 {
		return count - int(math.Round(c.Data.HeldOut*float64(count)))
	}
	return c.learned(count, count)
}

// pictureBytes is the memory of the pictures of patches.images.
func (c *trainSettings) pictureBytes() (float64, error) {
	if c.Patches.Images == "" {
		return 0, nil
	}
	paths, _, err := pictures(c.Patches.Images)
	if err != nil {
		return 0, err
	}
	all, largest := 0.0, 0.0
	for _, path := range paths {
		s, err := imageio.Stat(path)
		if err != nil {
			return 0, err
		}
		pixels := float64(s.Rows * s.Cols)
		all, largest = all+8*pixels, max(largest, 8*pixels*float64(s.Channels))
	}
	return all + largest, nil
}

// batches is the number of mini-batches of a pass, as scdl.Online has it.
func (c *trainSettings) batches(e *trainExtent) int {
	tiles := (e.learn + scdl.TileSamples - 1) / scdl.TileSamples
	return min(tiles, (tiles*scdl.TileSamples+c.SCDL.Batch-1)/c.SCDL.Batch)
}

// sums is how many numbers the ranks add up at once.
func (c *trainSettings) sums(e *trainExtent, n int) float64 {
	a, rows := float64(e.atoms), float64(e.p+e.m)
	if c.SCDL.Method == methodOnline {
		return a*(a+rows) + 9 + 2*float64(n)
	}
	return a*(rows+2) + 9 + 2*float64(n)
}

// traffic is what scdl.Train or scdl.Online sends.
func (c *trainSettings) traffic(e *trainExtent, n int) *lifecycle.Traffic {
	t := lifecycle.NewTraffic(n)
	each, tiles := float64(n), float64((e.learn+scdl.TileSamples-1)/scdl.TileSamples)
	t.Allreduce(49, 2)     // the options and samples match, here and for their checksum
	t.Allgatherv(2 * each) // parts of the samples
	t.Allgatherv(2 * each)
	t.Send(2*(each-1), (each-1)+4*tiles*(each-1)/each) // checksums
	t.Bcast(4, 1)
	if c.SCDL.Start == "random" || c.SCDL.Method == methodOnline {
		t.Allreduce(float64(e.learn), 1) // which samples may be atoms
	}
	t.Allreduce(float64(e.atoms*(e.p+e.m)), 1) // the first atoms
	calls := float64(c.SCDL.Iterations)
	if c.SCDL.Method == methodOnline {
		calls *= float64(c.batches(e))
	}
	t.Allreduce(c.sums(e, n), calls)
	if c.SCDL.State == stateDisk {
		t.Allreduce(1, 3*calls) // checkpoints
		t.Allgatherv(each * calls)
	}
	return t
}

// memory is the bytes of the rank that has most samples.
func (c *trainSettings) memory(e *trainExtent, n int) float64 {
	o := c.options()
	o.Atoms = e.atoms
	a, rows, total := float64(e.atoms), float64(e.p+e.m), float64(e.learn)
	held := float64((e.heldOut + n - 1) / n)
	samples := 8 * rows * (float64(e.most) + held)
	state := 0.0
	switch {
	case c.SCDL.Method == methodOnline:
		state = 8 * a * (2*(a+rows) + a/2)
	case c.SCDL.State == stateDisk:
		state = 3 * float64(o.StateBytes(scdl.TileSamples))
	default:
		state = float64(o.StateBytes(e.most))
	}
	dictionaries := 8 * a * rows * 6
	first := 0.0 // the search of the first atoms looks at the whole set
	if c.SCDL.Start == "random" || c.SCDL.Method == methodOnline {
		first = 17 * total
	}
	evaluation := 2 * 8 * float64(e.p) * held
	return samples + dictionaries + max(e.pictures, first, state+8*c.sums(e, n), evaluation)
}

// calibrate is the seconds of an iteration by the number of tiles.
func (c *trainSettings) calibrate(ctx context.Context, comm ranks.Comm, e *trainExtent, tiles int) (lifecycle.Line, error) {
	var x, seconds []float64
	for _, n := range []int{2, 8} {
		n = min(n, tiles)
		each, err := c.trial(ctx, comm, e, n)
		if err != nil {
			return lifecycle.Line{}, fmt.Errorf("calibration on %d tiles of noise: %w", n, err)
		}
		x, seconds = append(x, float64(n)), append(seconds, each)
	}
	return lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1]), nil
}

// trial is the seconds that an iteration takes for some tiles.
func (c *trainSettings) trial(ctx context.Context, comm ranks.Comm, e *trainExtent, tiles int) (float64, error) {
	total := tiles * scdl.TileSamples
	s := &scdl.Samples{P: e.p, M: e.m, Total: total, High: noise(total * e.p), Low: noise(total * e.m)}
	o := c.options()
	o.Atoms, o.Folder, o.FirstColumns, o.Batch, o.CheckEvery = min(e.atoms, total), "", true, total, 1
	o.Tolerance, o.MaxIterations = 0, 4
	var last, each float64
	o.Progress = func(scdl.Progress) {
		now := comm.Wtime()
		if last > 0 && (each == 0 || now-last < each) {
			each = now - last
		}
		last = now
	}
	train := scdl.Train
	if c.SCDL.Method == methodOnline {
		train, o.FirstColumns = scdl.Online, false
	}
	if _, err := train(ctx, comm, s, o); err != nil {
		return 0, err
	}
	return each * float64(e.atoms) / float64(o.Atoms), nil
}

// noise is so many normally distributed numbers.
func noise(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}
