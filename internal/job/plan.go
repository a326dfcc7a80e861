package job

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"text/tabwriter"
	"time"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/progress"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// plan prints what a run on so many ranks would cost. It looks at the middle of
// the frame only: two small pieces of it are restored with the config's own
// options on this one rank, and what grows with the number of pixels is told from
// what does not.
func (c *tikhonovConfig) plan(ctx context.Context, comm ranks.Comm, w io.Writer, n int, link Link) error {
	shape, err := c.frameShape()
	if err != nil {
		return err
	}
	channels, rows, cols := shape.Channels, shape.Rows, shape.Cols
	frame, err := halo.Decompose([]int{rows, cols}, n)
	if err != nil {
		return err
	}
	kernel, err := blurKernel(comm, &c.Blur)
	if err != nil {
		return err
	}
	stencil := c.reach(kernel)
	border := c.Tikhonov.border()
	apply, err := frame.Traffic([]int{stencil, stencil}, border)
	if err != nil {
		return err
	}
	local, err := frame.Traffic([]int{c.Tikhonov.Overlap, c.Tikhonov.Overlap}, border)
	if err != nil {
		return err
	}
	fit, err := c.calibrate(ctx, comm, shape, kernel)
	if err != nil {
		return fmt.Errorf("calibration on the middle of the frame: %w", err)
	}

	unknowns := float64(channels) * float64(apply.MaxOwned)
	perRank := fit.bytes.at(unknowns)
	// On one host ranks share its cores; elsewhere each is taken to have one.
	cores := runtime.GOMAXPROCS(0)
	crowd := math.Max(1, float64(n)/float64(cores))
	compute := fit.seconds.at(unknowns)
	var talk float64
	if n > 1 {
		// Two exchanges and two sums over all ranks an iteration.
		cells := float64(channels) * float64(apply.MaxReceived+local.MaxReceived)
		talk = 2*link.Latency*math.Ceil(math.Log2(float64(n))) + 2*link.Latency
		if link.Bandwidth > 0 {
			talk += 8 * cells / link.Bandwidth
		}
		talk *= float64(fit.iterations)
	}

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("frame", "%d x %d x %d", channels, rows, cols)
	layout := "bricks"
	if g := frame.GridShape(); g != nil {
		layout = fmt.Sprintf("a grid of %d x %d", g[0], g[1])
	}
	first := frame.Owned(0).Shape()
	row("ranks", "%d in %s; rank 0 owns %d x %d pixels, none more than %d", n, layout, first[0], first[1], apply.MaxOwned)
	row("memory", "about %s a rank, %s all ranks; rank 0 holds %s more to write the result",
		size(perRank), size(perRank*float64(n)), size(8*float64(channels)*float64(rows)*float64(cols)))
	row("halo", "%d pixels for the matrix, %d for the overlap: %s received a rank and iteration, %.1f %% of what it owns",
		stencil, c.Tikhonov.Overlap, size(8*float64(channels)*float64(apply.MaxReceived+local.MaxReceived)),
		100*(apply.MaxRatio+local.MaxRatio))
	row("messages", "%d an iteration, to at most %d neighbours", apply.Messages+local.Messages, max(apply.MaxNeighbours, local.MaxNeighbours))
	row("iterations", "about %d", fit.iterations)
	row("time", "about %s computing and %s talking", duration(compute*crowd), duration(talk*crowd))
	if crowd > 1 {
		row("", "%d ranks share %d cores here; with a core each: %s", n, cores, duration(compute+talk))
	}
	return t.Flush()
}

// frameShape is the shape of the frame that a run would restore.
func (c *tikhonovConfig) frameShape() (*imageio.Frame, error) {
	if path := c.file(); path != "" {
		return imageio.Stat(path)
	}
	return &imageio.Frame{Channels: c.Simulate.Channels, Rows: c.Simulate.Rows, Cols: c.Simulate.Cols}, nil
}

// reach is the radius of the stencil of M = H'WH + lambda Q'Q.
func (c *tikhonovConfig) reach(k forward.PSF) int {
	q := map[forward.Regulariser]int{forward.Identity: 0, forward.Gradient: 1, forward.Laplacian: 2}
	return max(k.Rows/2*2, k.Cols/2*2, q[forward.Regulariser(c.Tikhonov.Regulariser)])
}

// line is a quantity that grows with the number of unknowns.
type line struct{ fixed, each float64 }

func (l line) at(unknowns float64) float64 { return l.fixed + l.each*unknowns }

// through is the line through two measurements, neither part of it negative.
func through(x1, y1, x2, y2 float64) line {
	if x2 <= x1 || y2 <= y1 {
		return line{each: y2 / x2}
	}
	each := (y2 - y1) / (x2 - x1)
	if fixed := y1 - each*x1; fixed > 0 {
		return line{fixed, each}
	}
	return line{each: y2 / x2}
}

// calibration is what one rank needs for a frame of so many unknowns.
type calibration struct {
	seconds    line // set-up and solve
	bytes      line
	iterations int
}

// calibrate solves pieces of growing size from the middle of the frame. Where
// lambda has to be found, the smallest piece tells how much longer that takes
// than one solve, and the others are solved at the lambda found.
func (c *tikhonovConfig) calibrate(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, kernel forward.PSF) (*calibration, error) {
	fit := &calibration{}
	fixed, search := *c, 1.0
	var x, seconds, bytes []float64
	for i, side := range []int{48, 80, 176} { // the first also takes page faults and the libraries' own set-up
		rows, cols := min(side, shape.Rows), min(side, shape.Cols)
		r0, c0 := (shape.Rows-rows)/2, (shape.Cols-cols)/2
		box := imageio.Box{R0: r0, R1: r0 + rows, C0: c0, C1: c0 + cols}
		o, err := c.piece(comm, box, kernel)
		if err != nil {
			return nil, err
		}
		var result *image.Result
		solve := func() (err error) {
			result, _, err = fixed.solveFrame(ctx, comm, o.problem(kernel), fixed.solverOptions(o))
			if krylov.Unfinished(err) {
				return nil
			}
			return err
		}
		start := time.Now()
		if err := solve(); err != nil {
			return nil, err
		}
		took := time.Since(start).Seconds()
		if i == 0 {
			if c.Tikhonov.Lambda.rule != image.Fixed {
				fixed.Tikhonov.Lambda = lambda{rule: image.Fixed, value: result.Lambda}
				start = time.Now()
				if err := solve(); err != nil {
					return nil, err
				}
				search = max(1, took/time.Since(start).Seconds())
			}
			continue
		}
		held, err := live(solve)
		if err != nil {
			return nil, err
		}
		x = append(x, float64(o.channels*rows*cols))
		seconds = append(seconds, search*took)
		bytes = append(bytes, held+8*float64(len(o.data)+len(o.weights)+len(o.truth)))
		fit.iterations = result.Iterations
	}
	fit.seconds = through(x[0], seconds[0], x[1], seconds[1])
	fit.bytes = through(x[0], bytes[0], x[1], bytes[1])
	return fit, nil
}

// live is the most memory, in bytes, that f holds at a time: what the collector
// finds in use, looked at again and again while f runs.
func live(f func() error) (float64, error) {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		top := before
		for {
			select {
			case <-stop:
				most <- top
				return
			default:
				top = max(top, inUse())
			}
		}
	}()
	err := f() // on this goroutine: it may be the one that MPI knows
	close(stop)
	return float64(<-most - before), err
}

// piece is the observation of one box of the frame, as if it were all of it.
func (c *tikhonovConfig) piece(comm ranks.Comm, box imageio.Box, kernel forward.PSF) (*observation, error) {
	if c.Image.Path != "" {
		return readObservation(comm, &c.Image, &box)
	}
	part := *c
	part.Simulate.Rows, part.Simulate.Cols = box.R1-box.R0, box.C1-box.C0
	return simulateObservation(comm, &part, kernel, &box)
}

func size(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for bytes >= 999.5 && i < len(units)-1 {
		bytes /= 1000
		i++
	}
	return fmt.Sprintf("%.3g %s", bytes, units[i])
}

func duration(seconds float64) string {
	if seconds < 0.095 {
		return fmt.Sprintf("%.2g ms", 1e3*seconds)
	}
	return progress.Duration(time.Duration(seconds * float64(time.Second)))
}
