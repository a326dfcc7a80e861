package scdl

import (
	"context"
	"math"
	"strings"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/scdl"
)

// upscaledName is the file of the result.
const upscaledName = "solution.npy"

// upscaleSettings is everything an scdl-upscale config may say.
type upscaleSettings struct {
	Job        string            `toml:"job"`
	Seed       uint64            `toml:"seed"`
	Dictionary dictionarySection `toml:"dictionary"`
	Image      smallSection      `toml:"image"`
	Code       codeSection       `toml:"code"`
	Output     upscaledOutput    `toml:"output"`
}

// smallSection names the picture.
type smallSection struct {
	Path           string  `toml:"path"`            // to upscale
	Truth          string  `toml:"truth"`           // to degrade first and to compare the result with; then path is not used
	BackProjection int     `toml:"back_projection"` // iterations
	Peak           float64 `toml:"peak"`            // value of white; 0 = from the file
}

// upscaledOutput is the section [output].
type upscaledOutput struct {
	Dir     string        `toml:"dir"`
	Formats config.Words  `toml:"formats"` // of figures: png, svg, pdf
	Origin  frames.Origin `toml:"origin"`  // of pictures
}

func upscaleDefaults() upscaleSettings {
	return upscaleSettings{
		Seed: 1, Dictionary: dictionarySection{Dir: "out/scdl-grey"}, Image: smallSection{BackProjection: 10},
		Code: codeSection{Method: "ridge", Lambda: 0.5, Iterations: 200}, Output: upscaledOutput{Dir: "out/upscale", Formats: report.Usual(), Origin: frames.OriginAuto},
	}
}

// LoadUpscale makes a job of a config.
func LoadUpscale(f *config.File) *lifecycle.Job {
	c := upscaleDefaults()
	f.Decode(&c)
	f.Want(c.Dictionary.Dir != "", "dictionary.dir", "a directory that an scdl-train job with pictures has written")
	f.Want(c.Image.Path != "" || c.Image.Truth != "", "image.path", "a picture, or in image.truth one that is degraded first and compared with the result")
	if c.Image.Truth != "" {
		c.Image.Path = ""
	}
	f.Want(c.Image.BackProjection >= 0 && c.Image.BackProjection <= 1000, "image.back_projection", "0 to 1000 iterations")
	f.Want(c.Image.Peak >= 0 && !math.IsInf(c.Image.Peak, 0), "image.peak", "the value of white, more than 0; 0 = from the file")
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	c.Output.Origin.Check(f)
	return &lifecycle.Job{
		Dir:     c.Output.Dir,
		Answer:  upscaledName,
		Files:   upscaleFiles(),
		Metrics: &upscaleMetrics{},
		CheckFiles: func() error {
			c.checkFiles(f)
			return f.Err()
		},
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, upscaleFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&upscaleRun{Run: base, c: &c, m: &upscaleMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles compares the picture with the dictionaries.
func (c *upscaleSettings) checkFiles(f *config.File) {
	d := checkDictionary(f, c.Dictionary.Dir)
	if d != nil {
		if err := d.ofPictures(c.Dictionary.Dir); err != nil {
			f.Fail("dictionary.dir", "%v", err)
			d = nil
		}
	}
	key, path := c.picture()
	s := frames.CheckFrame(f, key, path)
	if s == nil {
		return
	}
	if s.Channels != 1 && s.Channels != 3 {
		f.Fail(key, "has %d channels, want 1 or 3", s.Channels)
	}
	if float64(s.Channels)*float64(s.Rows)*float64(s.Cols) <= mostChecked && (s.Format == "npy" || s.Format == "fits") {
		box := imageio.Box{R1: s.Rows, C1: s.Cols}
		whole, err := imageio.ReadBox(path, box)
		if err == nil {
			err = (&pictureFile{path: path, cols: s.Cols}).finite(whole.Data, box)
		}
		if err != nil {
			f.Fail(key, "%v", err)
			return
		}
	}
	if d != nil {
		rows, cols := c.highSize(d.Head.grid(), s.Rows, s.Cols)
		if err := d.Head.grid().CheckPicture(rows, cols); err != nil {
			f.Fail(key, "%s", strings.TrimPrefix(err.Error(), "scdl: "))
		}
	}
}

// picture is the key of the picture to read, and its path.
func (c *upscaleSettings) picture() (key, path string) {
	if c.Image.Truth != "" {
		return "image.truth", c.Image.Truth
	}
	return "image.path", c.Image.Path
}

// highSize is the size of the result for a picture of rows x cols pixels.
func (c *upscaleSettings) highSize(g scdl.Grid, rows, cols int) (int, int) {
	if c.Image.Truth != "" {
		return rows, cols
	}
	return g.Scale * rows, g.Scale * cols
}
