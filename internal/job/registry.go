package job

import "tessera/internal/config"

// kind is one sort of job that a config can ask for.
type kind struct {
	name string
	load func(*config.File) *Job // problems go to the file
}

func kinds() []kind {
	return []kind{
		{"tikhonov", loadTikhonov},
		{"two-layer", loadTwoLayer},
		{"kernel", loadKernel},
		{"deep-kernel", loadDeep},
		{"psf", loadPSF},
		{"scdl-train", loadSCDL},
		{"scdl-spectra", loadSpectra},
		{"scdl-upscale", loadUpscale},
	}
}

// Load reads a config's text, with sets laid over it, into a job. name is what
// messages call the file. The error is a *config.Error with every problem.
func Load(name string, text []byte, sets []string) (*Job, error) {
	f, err := config.Parse(name, text, sets)
	if err != nil {
		return nil, err
	}
	asked := f.String("job")
	var names []string
	for _, k := range kinds() {
		if k.name == asked {
			j := k.load(f)
			j.Kind = k.name
			return j, f.Err()
		}
		names = append(names, k.name)
	}
	// Without knowing the job nothing else in the file can be judged.
	f.OneOf("job", asked, names...)
	return nil, f.Err()
}
