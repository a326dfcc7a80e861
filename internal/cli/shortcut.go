package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/shown"
	"tessera/psfmodel"
)

// shortcut is a command that runs a job on a file without a config. It writes the config that
// it stands for, and does what run does with it.
type shortcut struct {
	name, file, job string
	long            string
	psf             bool // it wants -psf or -fwhm
	resumable       bool // its job keeps checkpoints: it has -resume
	write           func(b *bytes.Buffer, o *shortcutOptions, file string)
}

// shortcutOptions are the flags of these commands.
type shortcutOptions struct {
	psf    string
	fwhm   float64
	mask   string
	sigma  string
	truth  string
	lambda string
	values string
	places string
	sphere bool
	save   string
}

// shortcuts lists them.
func shortcuts() []shortcut {
	return []shortcut{
		{
			name: "restore", file: "FRAME", job: "tikhonov", psf: true,
			long: `Restores a blurred, noisy frame with missing pixels (NaN, flags, -mask) by
Tikhonov regularisation with differences of neighbours; lambda by "auto".`,
			write: func(b *bytes.Buffer, o *shortcutOptions, file string) {
				o.frame(b, file)
				fmt.Fprintf(b, "\n[tikhonov]\nregulariser = \"gradient\"\nlambda = %s\n", o.number("auto"))
			},
		},
		{
			name: "tv", file: "FRAME", job: "tv", psf: true,
			long: `Restores a frame as "tessera restore" does, by total variation, which keeps edges
sharp, to the minimum by alternating directions (ADMM); lambda by "discrepancy".`,
			write: func(b *bytes.Buffer, o *shortcutOptions, file string) {
				o.frame(b, file)
				fmt.Fprintf(b, "\n[tv]\nmethod = \"admm\"\nlambda = %s\n", o.number("discrepancy"))
			},
		},
		{
			name: "fit", file: "TABLE", job: "kernel",
			long: `Fits scattered observations, a table of coordinates, values and sigmas (CSV, npy,
FITS), with a compact kernel; width and lambda by leave-one-out.`,
			write: func(b *bytes.Buffer, o *shortcutOptions, file string) {
				fmt.Fprintf(b, "\n[observations]\npath = %s\n", config.Quote(file))
				if o.values != "" {
					fmt.Fprintf(b, "columns = [%s]\n", quoted(o.values))
				}
				if o.sphere {
					fmt.Fprint(b, "distance = \"great-circle\"\n")
				}
				// Wide kernels are ill-conditioned: rounding keeps some fits above 1e-8.
				fmt.Fprintf(b, "\n[kernel]\nchoose = \"leave-one-out\"\nspread = %t\ntolerance = 1e-6\n", !o.sphere)
				if o.places != "" {
					fmt.Fprintf(b, "\n[evaluate]\npath = %s\n", config.Quote(o.places))
				}
			},
		},
		{
			name: "stamps", file: "STACK", job: "psf", psf: true, resumable: true,
			long: `Deconvolves a stack of galaxy stamps (count, side, side), each with its own PSF or
all with one, with sparse starlet coefficients.`,
			write: func(b *bytes.Buffer, o *shortcutOptions, file string) {
				fmt.Fprintf(b, "\n[stack]\npath = %s\n", config.Quote(file))
				if o.mask != "" {
					fmt.Fprintf(b, "mask = %s\n", config.Quote(o.mask))
				}
				if o.truth != "" {
					fmt.Fprintf(b, "truth = %s\n", config.Quote(o.truth))
				}
				fmt.Fprintf(b, "\n[psf]\npath = %s\nmode = \"sparse\"\n", config.Quote(o.psf))
			},
		},
	}
}

// setsPSF tells whether a value of -set says what the PSF of a frame is.
func setsPSF(sets []string) bool {
	return slices.ContainsFunc(sets, func(s string) bool {
		return strings.HasPrefix(s, "blur.") || strings.HasPrefix(s, "psf_model.")
	})
}

// frame writes where a frame and its PSF are. Without a flag for the PSF the values of -set say it.
func (o *shortcutOptions) frame(b *bytes.Buffer, file string) {
	fmt.Fprintf(b, "\n[image]\npath = %s\n", config.Quote(file))
	if o.mask != "" {
		fmt.Fprintf(b, "mask = %s\n", config.Quote(o.mask))
	}
	if o.sigma != "" {
		fmt.Fprintf(b, "sigma = %s\n", config.Quote(o.sigma))
	}
	if o.truth != "" {
		fmt.Fprintf(b, "truth = %s\n", config.Quote(o.truth))
	}
	switch {
	case o.psf == "none":
		fmt.Fprint(b, "\n[blur]\nkind = \"none\"\n")
	case psfmodel.Varies(o.psf) != "":
		fmt.Fprintf(b, "\n[psf_model]\npath = %s\n", config.Quote(o.psf))
	case o.psf != "":
		fmt.Fprintf(b, "\n[blur]\nkind = \"file\"\npath = %s\n", config.Quote(o.psf))
	case o.fwhm != 0:
		fmt.Fprintf(b, "\n[blur]\nkind = \"moffat\"\nfwhm = %g\n", o.fwhm)
	}
}

// number is lambda: -lambda, a number or a rule, or the default rule.
func (o *shortcutOptions) number(rule string) string {
	switch {
	case o.lambda == "":
		return config.Quote(rule)
	case strings.ContainsAny(o.lambda[:1], "0123456789.+-"):
		return o.lambda
	}
	return config.Quote(o.lambda)
}

// quoted is a list of words, "a,b" as "a", "b".
func quoted(list string) string {
	words := strings.Split(list, ",")
	for i, w := range words {
		words[i] = config.Quote(strings.TrimSpace(w))
	}
	return strings.Join(words, ", ")
}

// command is the shortcut as a command of the program.
func (s shortcut) command() Command {
	args := s.file + " [flags]"
	if s.psf {
		args = s.file + " -psf PSF"
	}
	return Command{
		Name: s.name, Args: args,
		Short: map[string]string{
			"restore": "restore your own frame: Tikhonov regularisation", "tv": "restore your own frame: total variation",
			"fit": "fit your own table of observations", "stamps": "deconvolve your own stack of stamps",
		}[s.name],
		Long: s.long + `

It prints the config that it stands for, with the values of -set, which -save CONFIG keeps
for tessera run. The result goes into -out, out/` + s.name + ` if it is not given. -set changes
any other key.`,
		Flags: func(fs *flag.FlagSet, o *options) {
			rankFlag(fs, o)
			fs.StringVar(&o.out, "out", "", "write the result into `DIR`")
			setFlag(fs, o)
			fs.BoolVar(&o.force, "force", false, "replace an existing result")
			if s.resumable {
				resumeFlag(fs, o)
			}
			wordFlags(fs, o)
			fs.StringVar(&o.shortcut.save, "save", "", "also write the config into the file `CONFIG`")
			switch s.job {
			case "tikhonov", "tv":
				fs.StringVar(&o.shortcut.psf, "psf", "", "the PSF is the image, or the model of a PSF that varies, in `FILE`; none = no blur")
				fs.Float64Var(&o.shortcut.fwhm, "fwhm", 0, "the PSF is a Moffat profile of this `WIDTH` in pixels")
				fs.StringVar(&o.shortcut.mask, "mask", "", "pixels that are 0 in `FILE` are missing")
				fs.StringVar(&o.shortcut.sigma, "sigma", "", "standard deviations of the pixels are in `FILE`")
				fs.StringVar(&o.shortcut.truth, "truth", "", "compare the result with the true frame in `FILE`")
				fs.StringVar(&o.shortcut.lambda, "lambda", "", "`NUMBER` or rule instead of the default rule")
			case "psf":
				fs.StringVar(&o.shortcut.psf, "psf", "", "the PSFs, one for each stamp or one for all, are in `FILE`")
				fs.StringVar(&o.shortcut.mask, "mask", "", "pixels that are 0 in `FILE` are missing")
				fs.StringVar(&o.shortcut.truth, "truth", "", "compare the result with the true stamps in `FILE`")
			case "kernel":
				fs.StringVar(&o.shortcut.values, "columns", "", "coordinates, value and sigma are the columns `NAME,...`")
				fs.BoolVar(&o.shortcut.sphere, "sphere", false, "the coordinates are longitude and latitude in degrees: distances are along great circles")
				fs.StringVar(&o.shortcut.places, "places", "", "evaluate the fit at the places in `FILE` instead of on a grid")
			}
		},
		Run: func(ctx context.Context, c *call) error { return s.run(ctx, c) },
	}
}

// run writes the config and runs it.
func (s shortcut) run(ctx context.Context, c *call) error {
	o := &c.shortcut
	if len(c.args) != 1 {
		return usageError{fmt.Sprintf("tessera %s: %d files, want one %s", s.name, len(c.args), s.file)}
	}
	file := c.args[0]
	if strings.EqualFold(filepath.Ext(file), ".toml") {
		return usageError{fmt.Sprintf("tessera %s: %s is a config: tessera run %s", s.name, shown.Line(file), shown.Line(file))}
	}
	if o.fwhm != 0 && !(o.fwhm > 0 && o.fwhm <= math.MaxFloat64) {
		return usageError{fmt.Sprintf("tessera %s: -fwhm %g: want a number of pixels, more than 0", s.name, o.fwhm)}
	}
	if s.psf && o.psf == "" && o.fwhm == 0 && !(s.job != "psf" && setsPSF(c.sets)) {
		how := "-psf FILE"
		if s.job != "psf" {
			how = "-psf FILE, -fwhm PIXELS or, for a frame without blur, -psf none"
		}
		return usageError{fmt.Sprintf("tessera %s: which PSF? Give %s", s.name, how)}
	}
	if o.psf != "" && o.fwhm != 0 {
		return usageError{fmt.Sprintf("tessera %s: -psf and -fwhm both say what the PSF is: give one", s.name)}
	}
	for _, f := range []string{file, o.psf, o.mask, o.sigma, o.truth, o.places} {
		if f != "" && f != "none" {
			if err := present(f); err != nil {
				return usageError{fmt.Sprintf("tessera %s: %v", s.name, err)}
			}
		}
	}
	if c.out == "" {
		c.out = filepath.Join("out", s.name)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\njob = %q\n", c.line, s.job)
	s.write(&b, o, file)
	fmt.Fprintf(&b, "\n[output]\ndir = %s\n", config.Quote(c.out))
	c.out = "" // it is in the config
	c.written = b.Bytes()
	c.args = []string{"the config of tessera " + s.name}
	return run(ctx, c)
}

// announce prints the config of a command that wrote it, with the values of -set, and keeps
// it where -save says. For one rank.
func (c *call) announce(j *lifecycle.Job) error {
	text, err := j.Merge(c.written)
	if err != nil {
		return err
	}
	if path := c.shortcut.save; path != "" && !(c.resume && kept(path, text)) {
		flags := os.O_CREATE | os.O_WRONLY | os.O_EXCL
		if c.force {
			flags = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		}
		f, err := os.OpenFile(path, flags, 0o666)
		if errors.Is(err, fs.ErrExist) {
			return usageError{fmt.Sprintf("tessera: %s exists; -force replaces it", shown.Line(path))}
		}
		if err != nil {
			return err
		}
		if _, err := f.Write(text); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if !c.quiet && !c.json {
		for line := range strings.Lines(string(text)) {
			fmt.Fprint(c.stdout, "    "+line)
		}
		fmt.Fprintln(c.stdout)
	}
	return nil
}

// kept tells whether the file already holds this config, but for its first line, which has
// the command.
func kept(path string, text []byte) bool {
	there, err := readConfig(path)
	_, a, _ := bytes.Cut(there, []byte("\n"))
	_, b, _ := bytes.Cut(text, []byte("\n"))
	return err == nil && bytes.Equal(a, b)
}

// text is the config of a command: the one that it wrote, or the file's. For one rank.
func (c *call) text(path string) ([]byte, error) {
	if c.written != nil {
		return c.written, nil
	}
	return readConfig(path)
}
