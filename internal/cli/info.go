package cli

import (
	"context"
	"errors"
	"fmt"

	"tessera/internal/imageio"
	"tessera/internal/jobs"
	"tessera/psfmodel"
)

// info prints what is in each file; one that cannot be read does not keep the
// others from being shown.
func info(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usageError{"tessera info: which file?"}
	}
	return onRankZero(ctx, c.stderr, func() error {
		var all []error
		for _, path := range c.args {
			text, err := imageio.Info(path)
			if err != nil && psfmodel.Info(path) == "" {
				all = append(all, err)
				continue
			}
			if _, err := fmt.Fprint(c.stdout, text+jobs.Info(path)); err != nil {
				return err
			}
		}
		return ofInput(errors.Join(all...))
	})
}
