package psf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/internal/report"
	"tessera/psf"
	"tessera/ranks"
)

// settings is everything a psf config may say.
type settings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Stack      stackSection                `toml:"stack"`
	PSF        psfSection                  `toml:"psf"`
	Simulate   fieldSection                `toml:"simulate"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     stampsOutput                `toml:"output"`
}

// stackSection names files of stamps, all of the same shape.
type stackSection struct {
	Path         string          `toml:"path"`
	Mask         string          `toml:"mask"`          // 0 = missing
	MaskMajority bool            `toml:"mask_majority"` // true: the mask may cover more than half of the pixels
	Weights      string          `toml:"weights"`       // inverse variances with psf.noise = "weights", otherwise relative
	Outliers     frames.Outliers `toml:"outliers"`      // what happens to values far from all others
	Truth        string          `toml:"truth"`         // the stamps as they are, to compare the result with
}

// psfSection names the PSFs and fills psf.Options.
type psfSection struct {
	Path   string `toml:"path"`
	Index  string `toml:"index"`  // table of one column: for each stamp the number of its PSF, from 0
	Centre string `toml:"centre"` // of a PSF of even side: same = the pixel (side-1)/2, rounded down; half = side/2
	Strict bool   `toml:"strict"` // refuse PSFs that do not sum to 1

	Mode           string         `toml:"mode"`
	Border         string         `toml:"border"`
	Precision      string         `toml:"precision"`
	Iterations     int            `toml:"iterations"`
	CheckEvery     int            `toml:"check_every"`
	Tolerance      float64        `toml:"tolerance"`
	Noise          string         `toml:"noise"`
	Sigma          float64        `toml:"sigma"` // standard deviation of the noise, with noise = "given"
	Start          string         `toml:"start"`
	StartPath      string         `toml:"start_path"`
	Positivity     bool           `toml:"positivity"`
	Debias         bool           `toml:"debias"` // remove the bias of the flux after the last iteration
	Compat         string         `toml:"compat"`
	Wavelet        string         `toml:"wavelet"`
	Scales         int            `toml:"scales"`
	Thresholds     config.Numbers `toml:"thresholds"`
	Reweightings   int            `toml:"reweightings"`
	StampTolerance float64        `toml:"stamp_tolerance"`
	Still          float64        `toml:"still"`
	Balance        bool           `toml:"balance"`
	Threshold      string         `toml:"threshold"`
	Factor         float64        `toml:"factor"`
	Block          int            `toml:"block"`
	Settle         int            `toml:"settle"`
	Tau            float64        `toml:"tau"`
	SigmaDual      float64        `toml:"sigma_dual"`
	Rho            float64        `toml:"rho"`
}

// fieldSection describes the survey that the job simulates where stack.path is empty.
type fieldSection struct {
	Count int     `toml:"count"` // stamps
	Side  int     `toml:"side"`  // rows and columns of a stamp and of a PSF, pixels, odd
	PSFs  int     `toml:"psfs"`  // different PSFs over the field
	SNR   float64 `toml:"snr"`   // mean over the stamps of their root mean square, divided by the noise
}

// stampsOutput says where the result goes and what is drawn of it.
type stampsOutput struct {
	Dir     string        `toml:"dir"`
	Formats config.Words  `toml:"formats"` // of figures: png, svg, pdf
	Origin  frames.Origin `toml:"origin"`  // of mosaic.png
	Mosaic  int           `toml:"mosaic"`  // stamps in mosaic.png
	Window  float64       `toml:"window"`  // standard deviation of the Gaussian weight in the measure of ellipticity, pixels; 0 = no weight
}

// sfDeconvolve is the value of psf.compat that names the program.
const sfDeconvolve = "sf_deconvolve"

// Values of psf.centre.
const (
	centreSame = "same" // as mode "same" of SciPy's convolutions
	centreHalf = "half"
)

// Names of the files of the solution.
const (
	solutionName = "solution.npy"
	solutionFITS = "solution.fits"
	tableName    = "stamps.csv"
)

func defaults() settings {
	return settings{
		Seed:  1,
		Stack: stackSection{Outliers: frames.OutliersReport},
		PSF: psfSection{
			Centre: centreSame, Mode: string(psf.Sparse), Border: string(psf.Zero), Precision: string(psf.Single),
			Iterations: 150, CheckEvery: 10, Still: 1e-3, Noise: string(psf.Differences), Start: string(psf.FromZero), Positivity: true, Compat: "none",
			Wavelet: "linear", Scales: 3, Thresholds: config.Numbers{3, 3, 4}, Balance: true,
			Threshold: string(psf.Reweighted), Block: 32, Rho: 0.8,
		},
		Simulate:   fieldSection{Count: 1000, Side: 41, PSFs: 600, SNR: 2},
		Checkpoint: lifecycle.CheckpointSection{Every: 600},
		Output:     stampsOutput{Dir: "out/psf", Formats: report.Usual(), Origin: frames.OriginAuto, Mosaic: 12, Window: 5},
	}
}

func (s *psfSection) check(f *config.File) {
	f.OneOf("psf.mode", s.Mode, string(psf.Sparse), string(psf.LowRank))
	f.OneOf("psf.border", s.Border, string(psf.Zero), string(psf.Wrap))
	f.OneOf("psf.precision", s.Precision, string(psf.Single), string(psf.Double))
	f.OneOf("psf.centre", s.Centre, centreSame, centreHalf)
	f.OneOf("psf.noise", s.Noise, string(psf.Differences), string(psf.DifferencesPerStamp), string(psf.MAD), string(psf.MADPerStamp), string(psf.Given), string(psf.FromWeights))
	f.OneOf("psf.start", s.Start, string(psf.FromZero), string(psf.FromOnes), string(psf.FromWiener), string(psf.FromGiven))
	f.OneOf("psf.compat", s.Compat, "none", sfDeconvolve)
	f.OneOf("psf.wavelet", s.Wavelet, "linear", "b3")
	f.OneOf("psf.threshold", s.Threshold, string(psf.Reweighted), string(psf.Soft), string(psf.Hard))
	f.Want(s.Iterations >= 1, "psf.iterations", "1 or more")
	f.Want(s.CheckEvery >= 1, "psf.check_every", "1 or more iterations")
	f.Want(s.Tolerance >= 0 && s.Tolerance < 1, "psf.tolerance", "a fraction of the cost; 0 = run all iterations")
	f.Want(s.StampTolerance >= 0 && s.StampTolerance < 1, "psf.stamp_tolerance", "a fraction of a stamp's cost; 0 = run all iterations")
	f.Want(s.Still >= 0 && s.Still < 1, "psf.still", "the fraction by which an iteration may change the stack when it ends; 0 = run all iterations")
	given := psf.NoiseRule(s.Noise) == psf.Given
	f.Want(s.Sigma >= 0 && !math.IsInf(s.Sigma, 0) && (s.Sigma > 0 || !given), "psf.sigma", `the noise's standard deviation, more than 0 with psf.noise = "given"`)
	f.Want((s.StartPath != "") == (s.Start == string(psf.FromGiven)), "psf.start_path", `a stack, with psf.start = "given" and only then`)
	f.Want(!s.Debias || s.Positivity, "psf.debias", "false with psf.positivity = false: without the bound the flux has no bias")
	f.Want(s.Scales >= 1 && s.Scales <= 8, "psf.scales", "1 to 8")
	f.Want(len(s.Thresholds) == s.Scales, "psf.thresholds", "as many numbers as psf.scales says, %d, the finest scale first", s.Scales)
	for _, k := range s.Thresholds {
		f.Want(k >= 0 && !math.IsInf(k, 0), "psf.thresholds", "numbers, 0 or more, in units of the noise")
	}
	f.Want(s.Reweightings >= 0 && s.Reweightings <= 100, "psf.reweightings", "0 to 100")
	f.Want(s.Factor >= 0 && !math.IsInf(s.Factor, 0), "psf.factor", "more than 0; 0 = 0.6 for reweighted thresholds, else 1")
	f.Want(s.Block >= 1, "psf.block", "1 or more singular vectors")
	f.Want(s.Settle >= 0, "psf.settle", "iterations; 0 = a third of psf.iterations")
	f.Want(s.Tau >= 0 && s.SigmaDual >= 0, "psf.tau", "psf.tau and psf.sigma_dual 0 or more; 0 = from the operators' norms")
	f.Want(s.Rho > 0 && s.Rho < 2, "psf.rho", "more than 0 and less than 2")
}

// mostPixels is the largest simulated survey, so that no size overflows. A run is refused for
// its memory long before.
const mostPixels = 1 << 48

func (s *fieldSection) check(f *config.File) {
	f.Want(s.Side >= 3 && s.Side <= 255 && s.Side%2 == 1, "simulate.side", "an odd number of pixels, 3 to 255")
	side := max(3, min(s.Side, 255))
	f.Want(s.Count >= 1 && s.Count <= mostPixels/(side*side), "simulate.count", "1 to %d stamps of %d x %d pixels, %d pixels in all", mostPixels/(side*side), side, side, mostPixels)
	f.Want(s.PSFs >= 1 && s.PSFs <= 1<<24, "simulate.psfs", "1 to 2^24")
	f.Want(s.SNR > 0 && !math.IsInf(s.SNR, 0), "simulate.snr", "more than 0")
}

// compatibleDefaults are the defaults with psf.compat = "sf_deconvolve".
func compatibleDefaults() settings {
	c := defaults()
	s := &c.PSF
	s.Precision, s.Start, s.Threshold, s.Factor = string(psf.Double), string(psf.FromOnes), string(psf.Hard), 1
	s.CheckEvery, s.Tolerance, s.Still, s.Reweightings, s.Balance = 1, 3e-4, 0, 1, false
	s.Tau, s.SigmaDual, s.Noise = 0.5, 0.5, string(psf.MAD)
	return c
}

// Load makes a job of a config.
func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	if f.String("psf.compat") == sfDeconvolve {
		c = compatibleDefaults()
	}
	f.Decode(&c)
	c.PSF.check(f)
	c.Stack.Outliers.Check(f, "stack.outliers")
	c.Simulate.check(f)
	f.Want(c.Stack.Path == "" || c.PSF.Path != "", "psf.path", "the PSFs of the stamps in stack.path")
	for key, path := range map[string]string{"psf.path": c.PSF.Path, "psf.index": c.PSF.Index, "stack.truth": c.Stack.Truth} {
		f.Want(c.Stack.Path != "" || path == "", key, "stack.path with it; without, the job simulates stamps, PSFs and truth")
	}
	f.Want(c.PSF.Noise != string(psf.FromWeights) || c.Stack.Weights != "", "stack.weights", `a stack, as psf.noise is "weights"`)
	c.Checkpoint.Check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	c.Output.Origin.Check(f)
	f.Want(c.Output.Mosaic >= 0 && c.Output.Mosaic <= 60, "output.mosaic", "0 to 60 stamps")
	f.Want(c.Output.Window >= 0, "output.window", "pixels; 0 = none")
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     solutionName,
		Files:      resultFiles(),
		Metrics:    &metrics{},
		Resumable:  true,
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, resultFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&run{Run: base, c: &c, m: &metrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: func(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
			return c.plan(ctx, comm, n, link)
		},
	}
}

// options are those of psf.Deconvolve that the config sets.
func (c *settings) options() psf.Options {
	s := &c.PSF
	o := psf.Options{
		Mode: psf.Mode(s.Mode), Border: psf.Border(s.Border), Precision: psf.Precision(s.Precision),
		Noise: psf.NoiseRule(s.Noise), Sigma: s.Sigma, Start: psf.Start(s.Start), Wavelet: psf.Wavelet(s.Wavelet),
		Scales: s.Scales, Thresholds: s.Thresholds, Reweightings: s.Reweightings,
		Threshold: psf.Threshold(s.Threshold), Factor: s.Factor, Block: s.Block, Settle: s.Settle,
		MaxIterations: s.Iterations, CheckEvery: s.CheckEvery, Tolerance: s.Tolerance, StampTolerance: s.StampTolerance, Still: s.Still, Balance: s.Balance,
		Tau: s.Tau, SigmaDual: s.SigmaDual, Rho: s.Rho, AnySign: !s.Positivity, Seed: c.Seed,
		SaveEvery: time.Duration(c.Checkpoint.Every * float64(time.Second)),
	}
	if s.Compat == sfDeconvolve {
		o.Compatible = true
	}
	return o
}

// checkFiles compares the shapes of all files that the config names.
func (c *settings) checkFiles(f *config.File) error {
	s := &c.Stack
	count, side := c.Simulate.Count, c.Simulate.Side
	if s.Path != "" {
		st := statStack(f, "stack.path", s.Path)
		switch {
		case st == nil:
			count = 0 // not known
		case st.Count == 0:
			f.Fail("stack.path", "holds no stamps")
			count = 0
		case st.Square() != nil:
			f.Fail("stack.path", "%v", st.Square())
			count = 0
		default:
			count, side = st.Count, st.Rows
		}
		c.checkPSFs(f, count)
	}
	for key, path := range map[string]string{
		"stack.mask": s.Mask, "stack.weights": s.Weights, "stack.truth": s.Truth, "psf.start_path": c.PSF.StartPath,
	} {
		if path == "" {
			continue
		}
		if st := statStack(f, key, path); st != nil && count > 0 && (st.Count != count || st.Rows != side || st.Cols != side) {
			f.Fail(key, "holds %d stamps of %d x %d pixels, want %d of %d x %d as the stack has", st.Count, st.Rows, st.Cols, count, side, side)
		}
	}
	return f.Err()
}

// checkPSFs compares the PSFs with a stack of count stamps; 0 if that is not known.
func (c *settings) checkPSFs(f *config.File, count int) {
	p := statStack(f, "psf.path", c.PSF.Path)
	switch {
	case p == nil:
		return
	case p.Count == 0:
		f.Fail("psf.path", "holds no PSFs")
	case p.Square() != nil:
		f.Fail("psf.path", "%v", p.Square())
	case p.Count*p.Rows*p.Cols <= checkedPSFs && markedPSF(c.PSF.Path, p) != "":
		f.Fail("psf.path", "%s", markedPSF(c.PSF.Path, p))
	case c.PSF.Index == "" && count > 0 && p.Count != 1 && p.Count != count:
		f.Fail("psf.path", "holds %d PSFs for %d stamps: want one for each, one for all, or psf.index with the number of the PSF of each stamp", p.Count, count)
	}
	if c.PSF.Index == "" {
		return
	}
	if _, err := readIndex(c.PSF.Index, count, p.Count); err != nil {
		f.Fail("psf.index", "%v", err)
	}
}

// checkedPSFs is the number of values of a file of PSFs up to which they are read before the run; a larger file is read by its ranks.
const checkedPSFs = 1 << 23

// markedPSF says which value of the PSFs marks a missing one; "" = none does, or the file cannot be read, which the run says.
func markedPSF(path string, p *imageio.Stack) string {
	s, err := imageio.ReadStack(path, 0, p.Count)
	if err != nil {
		return ""
	}
	i := outliers.FirstMark(s.Data)
	if i < 0 {
		return ""
	}
	n := p.Rows * p.Cols
	return fmt.Sprintf("PSF %d: row %d, column %d is %.6g, which marks a missing value; %s", i/n, i%n/p.Cols, i%p.Cols, s.Data[i], knownPSF)
}

// statStack records a problem unless the file at key is a stack.
func statStack(f *config.File, key, path string) *imageio.Stack {
	s, err := imageio.StatStack(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		f.Fail(key, "%v", err)
		return nil
	}
	return s
}
