package cli

import (
	"context"
	"errors"
	"fmt"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/jobs/mlpatch"
	"tessera/internal/jobs/scdl"
	"tessera/internal/jobs/tppa"
	"tessera/internal/tables"
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
			model := psfmodel.Info(path)
			if err != nil && model == "" {
				all = append(all, err)
				continue
			}
			if _, err := fmt.Fprint(c.stdout, text+frames.Info(path)+tables.Info(path)+scdl.Info(path)+tppa.Info(path)+mlpatch.Info(path)+model); err != nil {
				return err
			}
		}
		return ofInput(errors.Join(all...))
	})
}
