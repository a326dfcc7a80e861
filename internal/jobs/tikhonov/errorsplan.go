package tikhonov

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// planErrors adds to a calibration what the error map takes: rounds of solves, in each of
// which every channel is a sample. A few rounds are made on pieces from the middle of the
// frame. It returns a row of the plan, "" without an error map.
func (c *settings) planErrors(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, psf forward.PSF, fit *calibration) (string, error) {
	if c.Output.Errors == errorsNone {
		return "", nil
	}
	rounds := (c.Output.ErrorSamples + shape.Channels - 1) / shape.Channels
	tried := min(rounds, 3)
	fixed := *c
	var x, seconds []float64
	var iterations float64
	for i, side := range []int{48, 80, 176} {
		o, err := c.source().Middle(ctx, comm, psf, shape, max(side, psf.Rows), max(side, psf.Cols))
		if err != nil {
			return "", err
		}
		p := o.Problem(psf)
		if i == 0 {
			if c.Tikhonov.Lambda.rule != image.Fixed {
				found, _, err := image.ChooseLambda(ctx, comm, p, c.solverOptions(o))
				if err != nil {
					return "", err
				}
				fixed.Tikhonov.Lambda = lambda{rule: image.Fixed, value: found}
			}
			continue
		}
		var took float64
		if took, iterations, err = fixed.mapMiddle(ctx, comm, o, p, tried); err != nil {
			return "", err
		}
		x = append(x, float64(len(o.Data)))
		seconds = append(seconds, float64(rounds)*took)
	}
	more := lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Seconds.Fixed += more.Fixed
	fit.Seconds.Each += more.Each
	// The map holds the solution, a sample, its right-hand side and a sum besides what a solve
	// holds, and fewer Krylov vectors.
	fit.Bytes.Each += 32
	fit.Solves += rounds
	fit.Steps += int(float64(rounds) * (iterations + 3)) // the residuals at both ends, and the right-hand side
	return fmt.Sprintf("%d samples in %d solves of about %.0f iterations", rounds*shape.Channels, rounds, iterations), nil
}
