package jobs

import (
	"tessera/internal/config"
	"tessera/internal/jobs/kernel"
	"tessera/internal/jobs/mlpatch"
	"tessera/internal/jobs/psf"
	"tessera/internal/jobs/scdl"
	"tessera/internal/jobs/tikhonov"
	"tessera/internal/jobs/tppa"
	"tessera/internal/jobs/tv"
	"tessera/internal/lifecycle"
)

// Kind is one sort of job that a config can ask for.
type Kind struct {
	Name string                            // the value of job = "..."
	Load func(*config.File) *lifecycle.Job // problems go to the file
}

// Kinds lists them all. A new job is one line here.
func Kinds() []Kind {
	return []Kind{
		{"tikhonov", tikhonov.Load},
		{"two-layer", tikhonov.LoadTwoLayer},
		{"kernel", kernel.Load},
		{"deep-kernel", kernel.LoadDeep},
		{"psf", psf.Load},
		{"scdl-train", scdl.LoadTrain},
		{"scdl-spectra", scdl.LoadSpectra},
		{"scdl-upscale", scdl.LoadUpscale},
		{"tv", tv.Load},
		{"tppa-train", tppa.LoadTrain},
		{"tppa", tppa.Load},
		{"mlpatch-train", mlpatch.LoadTrain},
		{"mlpatch-denoise", mlpatch.Load},
		{"mlpatch-admm", mlpatch.LoadADMM},
		{"mlpatch-superres", mlpatch.LoadSuper},
		{"darkmatter", mlpatch.LoadDark},
	}
}

// Load reads a config's text, with sets laid over it, into a job. name is what
// messages call the file. The error is a *config.Error with every problem.
func Load(name string, text []byte, sets []string) (*lifecycle.Job, error) {
	f, err := config.Parse(name, text, sets)
	if err != nil {
		return nil, err
	}
	asked := f.String("job")
	var names []string
	for _, k := range Kinds() {
		if k.Name == asked {
			j := k.Load(f)
			j.Kind = k.Name
			j.Merge = f.Merge
			return j, f.Err()
		}
		names = append(names, k.Name)
	}
	// Without knowing the job nothing else in the file can be judged.
	f.OneOf("job", asked, names...)
	return nil, f.Err()
}
