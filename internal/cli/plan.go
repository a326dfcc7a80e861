package cli

import (
	"context"

	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// anyJob accepts a job whatever its directory holds.
func anyJob(*lifecycle.Job) error { return nil }

// plan prints what a run would cost. Rank 0 does the sums; a second rank is there
// to measure what talking costs.
func plan(ctx context.Context, c *call) error {
	path, err := c.one("plan")
	if err != nil {
		return err
	}
	return c.withJob(ctx, ranks.Options{}, path, anyJob, func(ctx context.Context, comm ranks.Comm, j *lifecycle.Job) error {
		link, err := lifecycle.MeasureLink(comm)
		if err != nil {
			return err
		}
		alone := -1
		if comm.Rank() == 0 {
			alone = 0
		}
		one, err := comm.Split(alone, 0)
		if err != nil || one == nil {
			return err
		}
		n := c.ranks
		if n == 0 {
			n = ranks.Cores() // as run has it
		}
		p, err := j.Plan(ctx, one, n, link)
		if err != nil {
			return err
		}
		return p.Write(c.stdout)
	})
}
