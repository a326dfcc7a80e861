package jobs

import (
	"tessera/internal/frames"
	"tessera/internal/jobs/kernel"
	"tessera/internal/jobs/mlpatch"
	"tessera/internal/jobs/psf"
	"tessera/internal/jobs/scdl"
	"tessera/internal/jobs/tppa"
	"tessera/internal/tables"
	"tessera/psfmodel"
)

// Info says as what the jobs would read a file, and by which keys of their configs, in lines; "" of one that no job reads.
func Info(path string) string {
	text := ""
	for _, reading := range []func(path string) string{frames.Info, tables.Info, kernel.Info, psf.Info, scdl.Info, tppa.Info, mlpatch.Info, psfmodel.Info} {
		text += reading(path)
	}
	return text
}
