package cli

import "context"

// plan prints what a run would cost.
func plan(ctx context.Context, c *call) error {
	path, err := c.one("plan")
	if err != nil {
		return err
	}
	return onRankZero(ctx, func() error {
		j, err := c.load(path)
		if err != nil {
			return err
		}
		return j.Plan(ctx, c.stdout, c.ranks)
	})
}
