package tppa

import (
	"context"
	"time"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/train"
)

// plan is what a training on n ranks would cost. The gradient of one simulated picture of at
// most 64 x 64 pixels is timed on this one rank; it is in proportion to the pixels.
func (c *trainSettings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	count, rows, cols, err := c.pictures().Shape()
	if err != nil {
		return nil, err
	}
	net, err := c.network()
	if err != nil {
		return nil, err
	}
	psf, err := frames.BlurPSF(comm, &c.Blur)
	if err != nil {
		return nil, err
	}
	small := [2]int{min(rows, 64), min(cols, 64)}
	frame, err := halo.Decompose(small[:], 1)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[c.TPPA.Border]
	h, err := forward.NewBlur(comm, frame, 1, psf, border)
	if err != nil {
		return nil, err
	}
	run, err := tppa.NewRun(ctx, comm, net, frame, 1, h, nil, border)
	if err != nil {
		return nil, err
	}
	x := simulate.Cells{Seed: c.Seed, Rows: small[0], Cols: small[1]}.Draw(0)
	theta, g := net.Identity(), make([]float64, net.Parameters())
	seconds := 0.0
	for range 2 { // the first pays for page faults
		start := time.Now()
		if _, err := run.Gradient(theta, x, x, g); err != nil {
			return nil, err
		}
		seconds = time.Since(start).Seconds()
	}
	learn := count - c.Data.Validation
	each := learn
	if c.TPPA.Batch > 0 {
		each = min(each, c.TPPA.Batch)
	}
	pixels := float64(rows) * float64(cols)
	mine, validated := float64((learn+n-1)/n), float64((c.Data.Validation+n-1)/n)
	steps, parameters := float64(c.TPPA.Steps), float64(net.Parameters())
	p := &lifecycle.Plan{
		Ranks: n, Iterations: steps,
		Compute: steps * float64((each+n-1)/n) * seconds * pixels / float64(len(x)),
		// Two arrays a picture; of one picture at a time the coefficients and gradient of each
		// layer and about sixty arrays more; the parameters and the state of the optimiser.
		MemoryBytes: 8 * (pixels*(2*(mine+validated)+float64(5*net.Layers)+60) + 12*parameters),
	}
	if n > 1 {
		t := lifecycle.NewTraffic(n)
		t.Send(train.Traffic(n, net.Parameters(), each, c.TPPA.Steps))
		t.Allreduce(1, steps)
		t.Into(p, link)
	}
	p.Row("pictures", "%d of %d x %d pixels, at most %.0f a rank", learn, rows, cols, mine)
	p.Row("model", "%.0f parameters, %d steps", parameters, c.TPPA.Steps)
	return p, nil
}
