package frames

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// hdu is a unit of a FITS file that a test makes: cards, and int32 or float32 values.
type hdu struct {
	name   string
	cards  []string
	shape  []int
	values []float64
	whole  bool // int32, else float32
}

// fitsFile writes units behind an empty primary unit with some cards.
func fitsFile(t *testing.T, path string, primary []string, list ...hdu) string {
	t.Helper()
	var b bytes.Buffer
	head := func(cards ...string) {
		for _, c := range append(cards, "END") {
			fmt.Fprintf(&b, "%-80s", c)
		}
		for b.Len()%2880 != 0 {
			b.WriteByte(' ')
		}
	}
	head(append([]string{"SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"}, primary...)...)
	for _, u := range list {
		bitpix := -32
		if u.whole {
			bitpix = 32
		}
		cards := []string{"XTENSION= 'IMAGE   '", fmt.Sprintf("BITPIX  = %20d", bitpix), fmt.Sprintf("NAXIS   = %20d", len(u.shape))}
		for i := range u.shape {
			cards = append(cards, fmt.Sprintf("NAXIS%-3d= %20d", i+1, u.shape[len(u.shape)-1-i]))
		}
		cards = append(cards, "PCOUNT  =                    0", "GCOUNT  =                    1")
		if u.name != "" {
			cards = append(cards, fmt.Sprintf("EXTNAME = '%s'", u.name))
		}
		head(append(cards, u.cards...)...)
		for _, v := range u.values {
			if u.whole {
				binary.Write(&b, binary.BigEndian, int32(v))
			} else {
				binary.Write(&b, binary.BigEndian, float32(v))
			}
		}
		for b.Len()%2880 != 0 {
			b.WriteByte(0)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every product of the specification: what is taken of it, and which weights come of it. A
// value of flags f stands at pixel k of the planes as flags[k]; sigma is 2 everywhere but at the
// pixels of noSigma, and the frame is NaN at pixel 7.
func TestPlanesOfProducts(t *testing.T) {
	const rows, cols, n = 4, 6, 24
	dir := t.TempDir()
	fill := func(v float64, at map[int]float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = v
		}
		for k, x := range at {
			out[k] = x
		}
		return out
	}
	nan := math.NaN()
	frame := fill(5, map[int]float64{7: nan})
	shape := []int{rows, cols}
	flags := func(at map[int]float64) []float64 { return fill(0, at) }
	sci := hdu{name: "SCI", shape: shape, values: frame}
	numbered := func(u hdu, version int) hdu {
		u.cards = append(slices.Clone(u.cards), fmt.Sprintf("EXTVER  = %20d", version))
		return u
	}
	for _, c := range []struct {
		name, path string
		set        func(*ImageSection)
		weight     float64 // of a good pixel
		missing    []int
		said       string
	}{
		{"JWST cal", fitsFile(t, filepath.Join(dir, "jw_cal.fits"), []string{"TELESCOP= 'JWST'"}, sci,
			hdu{name: "DQ", shape: shape, values: flags(map[int]float64{0: 1, 1: 4, 2: 1024, 3: 5}), whole: true},
			hdu{name: "ERR", shape: shape, values: fill(2, map[int]float64{9: nan, 10: 0})},
			hdu{name: "VAR_POISSON", shape: shape, values: fill(9, nil)}), nil, 0.25, []int{0, 2, 3, 7, 9, 10}, "JWST"},
		{"JWST i2d", fitsFile(t, filepath.Join(dir, "jw_i2d.fits"), []string{"TELESCOP= 'JWST'"}, sci,
			hdu{name: "ERR", shape: shape, values: fill(0.5, nil)},
			hdu{name: "WHT", shape: shape, values: fill(700, map[int]float64{4: 0, 5: nan})}), nil, 4, []int{4, 5, 7}, "coverage"},
		{"JWST s3d", fitsFile(t, filepath.Join(dir, "s3d.fits"), nil,
			hdu{name: "FLUX", shape: shape, values: frame, cards: []string{"ERREXT  = 'NOISE'", "ERRTYPE = 'IVAR'", "MASKEXT = 'BADPIX'"}},
			hdu{name: "NOISE", shape: shape, values: fill(3, map[int]float64{6: 0})},
			hdu{name: "BADPIX", shape: shape, values: flags(map[int]float64{8: 1}), whole: true}), nil, 3, []int{6, 7, 8}, "ERREXT"},
		{"HST flc, second chip", fitsFile(t, filepath.Join(dir, "hst_flc.fits"), []string{"TELESCOP= 'HST'"},
			numbered(sci, 1), numbered(hdu{name: "ERR", shape: shape, values: fill(9, nil)}, 1), numbered(hdu{name: "DQ", shape: shape, values: fill(1, nil), whole: true}, 1),
			numbered(sci, 2), numbered(hdu{name: "ERR", shape: shape, values: fill(2, nil)}, 2),
			numbered(hdu{name: "DQ", shape: shape, values: flags(map[int]float64{1: 16, 2: 4096}), whole: true}, 2)) + "[SCI,2]", nil, 0.25, []int{1, 2, 7}, "[DQ,2]"},
		{"HST flc, flags by name and ignored", filepath.Join(dir, "hst_flc.fits") + "[SCI,2]",
			func(s *ImageSection) { s.DQBad, s.DQIgnored = Flags{"HOT", "4096"}, Flags{"4096"} }, 0.25, []int{1, 7}, "HOT"},
		{"HST drz", fitsFile(t, filepath.Join(dir, "hst_drz.fits"), []string{"TELESCOP= 'HST'"}, sci,
			hdu{name: "WHT", shape: shape, values: fill(8, map[int]float64{3: 0})}, hdu{name: "CTX", shape: shape, values: fill(1, nil), whole: true}), nil, 8, []int{3, 7}, "weights"},
		{"LSST", fitsFile(t, filepath.Join(dir, "lsst.fits"), nil,
			hdu{shape: shape, values: frame, cards: []string{"EXTTYPE = 'IMAGE'"}},
			hdu{shape: shape, values: flags(map[int]float64{1: 32, 2: 1, 3: 33, 5: 2}), whole: true, cards: []string{"EXTTYPE = 'MASK'",
				"MP_BAD  =                    0", "MP_SAT  =                    1", "HIERARCH MP_DETECTED = 5"}},
			hdu{shape: shape, values: fill(4, nil), cards: []string{"EXTTYPE = 'VARIANCE'"}}), nil, 0.25, []int{2, 3, 5, 7}, "EXTTYPE"},
		{"none", filepath.Join(dir, "jw_cal.fits"), func(s *ImageSection) { s.Planes = PlanesNone }, 1, []int{7}, ""},
		{"sigma by name beats what is found", filepath.Join(dir, "jw_cal.fits"), func(s *ImageSection) { s.Variance = filepath.Join(dir, "jw_cal.fits[VAR_POISSON]") },
			1. / 9, []int{0, 2, 3, 7}, "variances"},
		{"DECam, codes", decamFiles(t, dir, "V4.1", frame, flags(map[int]float64{0: 1, 1: 8, 2: 7})), nil, 6, []int{0, 2, 7}, "DECam"},
		{"DECam, flags", decamFiles(t, dir, "V2.9", frame, flags(map[int]float64{0: 1, 1: 8, 2: 9})), nil, 6, []int{0, 1, 2, 7}, "DECam"},
		{"ZTF", ztfFiles(t, dir, frame, flags(map[int]float64{0: 2, 1: 2048, 2: 2050, 3: 3, 4: 256})), nil, 1, []int{3, 4, 7}, "ZTF"},
	} {
		for _, apart := range []bool{false, true} {
			s := DefaultImage()
			s.Path = c.path
			if c.set != nil {
				c.set(&s)
			}
			jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
				read := func() (*Observation, error) { return ReadObservation(comm, &s, nil) }
				if apart {
					read = func() (*Observation, error) { return readApart(t.Context(), comm, &s) }
				}
				o, err := read()
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				w, err := o.Frame.GatherTo(comm, 0, o.Weights, 1)
				if err != nil || comm.Rank() > 0 {
					return err
				}
				var missing []int
				for i, v := range w {
					if v == 0 {
						missing = append(missing, i)
					} else if math.Abs(v/c.weight-1) > 1e-6 {
						return fmt.Errorf("%s: weight %d is %g, want %g", c.name, i, v, c.weight)
					}
				}
				if !slices.Equal(missing, c.missing) {
					return fmt.Errorf("%s, apart %v: missing are %v, want %v; inputs %v", c.name, apart, missing, c.missing, o.Inputs)
				}
				if said := fmt.Sprint(o.Inputs); !strings.Contains(said, c.said) || !strings.Contains(said, "1 of 24 values missing") {
					return fmt.Errorf("%s, apart %v: inputs %s, want %q", c.name, apart, said, c.said)
				}
				return nil
			})
		}
	}
}

// decamFiles are the three files of an exposure, each with two CCDs.
func decamFiles(t *testing.T, dir, version string, frame, flags []float64) string {
	dir = filepath.Join(dir, version)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	cards := []string{"INSTRUME= 'DECam'", fmt.Sprintf("PLVER   = '%s'", version)}
	two := func(kind string, values []float64, whole bool) string {
		other := make([]float64, len(values))
		return fitsFile(t, filepath.Join(dir, "c4d_"+kind+"_g_v1.fits"), cards,
			hdu{name: "N1", shape: []int{4, 6}, values: other, whole: whole}, hdu{name: "S3", shape: []int{4, 6}, values: values, whole: whole})
	}
	weights := make([]float64, len(frame))
	for i := range weights {
		weights[i] = 6
	}
	two("oow", weights, false)
	two("ood", flags, true)
	return two("ooi", frame, false) + "[S3]"
}

func ztfFiles(t *testing.T, dir string, frame, flags []float64) string {
	cards := []string{"INSTRUME= 'ZTF/MOSAIC'"}
	shape := []int{4, 6}
	fitsFile(t, filepath.Join(dir, "ztf_1_mskimg.fits"), cards, hdu{shape: shape, values: flags, whole: true})
	return fitsFile(t, filepath.Join(dir, "ztf_1_sciimg.fits"), cards, hdu{shape: shape, values: frame})
}

// Frames of which nothing was observed, and masks of the wrong sense, are refused with the
// key and the line that mends it, by check and by run, gathered and apart.
func TestSenseless(t *testing.T) {
	const n = 24
	dir := t.TempDir()
	plane := func(name string, value func(i int) float64) string {
		data := make([]float64, n)
		for i := range data {
			data[i] = value(i)
		}
		return jobtest.WriteNpy(t, dir, name, data, 4, 6)
	}
	one := plane("one.npy", func(int) float64 { return 1 })
	zero := plane("zero.npy", func(int) float64 { return 0 })
	few := plane("few.npy", func(i int) float64 { return float64(min(1, i/20)) })
	nans := plane("nan.npy", func(int) float64 { return math.NaN() })
	fraction := plane("fraction.npy", func(i int) float64 { return float64(i%2) / 4 })
	left := plane("left.npy", func(i int) float64 { return float64(i / 12) })
	right := plane("right.npy", func(i int) float64 { return float64(1 - i/12) })
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i % 3)
	}
	units := fitsFile(t, filepath.Join(dir, "units.fits"), nil, hdu{name: "SCI", shape: []int{4, 6}, values: make([]float64, n)},
		hdu{name: "DQ", shape: []int{4, 6}, values: values, whole: true}, hdu{name: "ERR", shape: []int{4, 6}, values: values},
		hdu{name: "LEVELS", shape: []int{4, 6}, values: values, whole: true}, hdu{name: "IVAR", shape: []int{4, 6}, values: values})
	lossyMask := filepath.Join(dir, "mask.jpg")
	if err := os.WriteFile(lossyMask, jpegFile(t), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		section ImageSection
		want    string
	}{
		{ImageSection{Path: nans}, "nothing was observed"},
		{ImageSection{Path: one, Mask: zero}, "image.dq = "},
		{ImageSection{Path: one, Mask: nans}, "nothing was observed"},
		{ImageSection{Path: one, Weights: zero}, "nothing was observed"},
		{ImageSection{Path: one, Sigma: zero}, "nothing was observed"},
		{ImageSection{Path: one, Variance: nans}, "nothing was observed"},
		{ImageSection{Path: one, DQ: one}, "nothing was observed"},
		{ImageSection{Path: one, Mask: left, Weights: right}, "nothing was observed"},
		{ImageSection{Path: one, DQ: fraction}, "the value 0.25 at row 0, column 1; flags are whole numbers"},
		{ImageSection{Path: one, Mask: few}, "image.mask_majority = true"},
		{ImageSection{Path: one, Mask: few, MaskMajority: true}, ""},
		{ImageSection{Path: one, Mask: units + "[DQ]"}, "image.dq = "},
		{ImageSection{Path: one, Mask: units + "[LEVELS]"}, "image.dq = "},
		{ImageSection{Path: one, Weights: units + "[ERR]"}, "image.sigma = "},
		{ImageSection{Path: one, Variance: units + "[ERR]"}, "image.sigma = "},
		{ImageSection{Path: one, Sigma: units + "[IVAR]"}, "image.weights = "},
		{ImageSection{Path: one, Sigma: units + "[DQ]"}, "image.dq = "},
		{ImageSection{Path: one, DQ: units + "[DQ]", DQBad: Flags{"NO_SUCH"}}, "NO_SUCH"},
		{ImageSection{Path: one, Mask: lossyMask}, "JPEG"},
		{ImageSection{Path: one, DQ: lossyMask}, "JPEG"},
	} {
		problems := checked(t, &c.section)
		if c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
			t.Errorf("%+v: check says %q, want %q", c.section, problems, c.want)
		}
		for _, apart := range []bool{false, true} {
			jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
				read := func() (*Observation, error) { return ReadObservation(comm, &c.section, nil) }
				if apart {
					read = func() (*Observation, error) { return readApart(t.Context(), comm, &c.section) }
				}
				_, err := read()
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					return fmt.Errorf("%+v, apart %v: got %v, want %q", c.section, apart, err, c.want)
				}
				return nil
			})
		}
	}
}

// Channels with missing pixels of their own keep them where a job takes that, and otherwise a
// pixel that is missing in one channel is missing in all. The truth may have holes, too.
func TestChannelsOfTheirOwn(t *testing.T) {
	const n = 12
	dir := t.TempDir()
	data := make([]float64, 2*n)
	data[3], data[n+5], data[6], data[n+6] = math.NaN(), math.Inf(1), math.NaN(), math.NaN()
	path := jobtest.WriteNpy(t, dir, "cube.npy", data, 2, 2, 6)
	sigma := make([]float64, 2*n)
	for i := range sigma {
		sigma[i] = 1 + float64(i/n)
	}
	planes := jobtest.WriteNpy(t, dir, "sigma.npy", sigma, 2, 2, 6)
	for _, c := range []struct {
		section ImageSection
		truth   bool
		want    map[int]float64 // weights that are not as the others
		others  []float64       // by channel, or of all
	}{
		{ImageSection{Path: path}, false, map[int]float64{3: 0, 5: 0, 6: 0}, []float64{1}},
		{ImageSection{Path: path, PerChannel: true}, false, map[int]float64{3: 0, n + 5: 0, 6: 0, n + 6: 0}, []float64{1, 1}},
		{ImageSection{Path: path, PerChannel: true, Sigma: planes}, false, map[int]float64{3: 0, n + 5: 0, 6: 0, n + 6: 0}, []float64{1, 0.25}},
		{ImageSection{Path: path, Sigma: planes}, false, map[int]float64{3: 0, 5: 0, 6: 0}, []float64{0.25}},
		{ImageSection{PerChannel: true}, true, map[int]float64{3: 0, n + 5: 0, 6: 0, n + 6: 0}, []float64{1, 1}},
		{ImageSection{}, true, map[int]float64{3: 0, 5: 0, 6: 0}, []float64{1}},
	} {
		for _, apart := range []bool{false, true} {
			jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
				src := &Source{Image: &c.section, Simulate: &SimulateSection{}, Apart: apart}
				if c.truth {
					src.Simulate.From = path
				}
				k, err := BlurPSF(comm, &BlurSection{Kind: "none"})
				if err != nil {
					return err
				}
				o, err := src.Observe(t.Context(), comm, k)
				if err != nil {
					return err
				}
				w, err := o.Frame.GatherTo(comm, 0, o.Weights, len(c.others))
				if err != nil || comm.Rank() > 0 {
					return err
				}
				for i, v := range w {
					want, special := c.want[i]
					if !special {
						want = c.others[i/n]
					}
					if v != want {
						return fmt.Errorf("%+v, apart %v: weight %d is %g, want %g", c.section, apart, i, v, want)
					}
				}
				return nil
			})
		}
	}
}

func TestDescribeFrame(t *testing.T) {
	f := &imageio.Frame{Channels: 3, Rows: 4, Cols: 5, Stored: []int{5, 4, 3}, Format: "jpeg", Type: "uint8", Turned: 6}
	got := DescribeFrame("a.jpg", f, 2, 60).String()
	for _, want := range []string{"a.jpg: jpeg, uint8", "4 rows x 5 columns x 3 channels, stored as (5, 4, 3)", "2 of 60 values missing", "0 to 1 of 255", "orientation 6"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: want %q in it", got, want)
		}
	}
}

// Shapes that no machine holds are refused before anything is allocated, whether they come
// from a config or from a file of holes.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	sparse := filepath.Join(dir, "sparse.fits")
	fitsFile(t, sparse, nil)
	head := fmt.Sprintf("%-80s%-80s%-80s%-80s%-80s%-80s", "SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 1000000", "NAXIS2  = 1000000", "END")
	if err := os.WriteFile(sparse, []byte(fmt.Sprintf("%-2880s", head)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 2880*(1+1_000_000_000_000/2880+1)); err != nil {
		t.Skip("the file system has no files of holes: ", err)
	}
	for want, c := range map[string]*simulatedFrame{
		"lower the size of " + sparse:       {Image: ImageSection{Path: sparse}},
		"lower the size of " + sparse + ",": {Simulate: SimulateSection{From: sparse}},
		"simulate.rows":                     {Simulate: SimulateSection{Rows: 1 << 20, Cols: 1 << 17, Channels: 1}},
		"simulate.channels":                 {Simulate: SimulateSection{Rows: 1 << 15, Cols: 1 << 15, Channels: 128}},
	} {
		for _, gather := range []Gather{GatherAlways, GatherNever} {
			jobtest.OnRanks(t, 2, func(comm ranks.Comm) error {
				if err := gather.Settle(comm, c.source()); err == nil || !strings.Contains(err.Error(), want) {
					return fmt.Errorf("%s: got %v, want %q", gather, err, want)
				}
				return nil
			})
		}
	}
	for _, s := range []SimulateSection{{Rows: 1 << 20, Cols: 1 << 20, Channels: 1}, {Rows: 1, Cols: 1, Channels: 1, Galaxies: 2_000_000_000}} {
		f, err := config.Parse("a.toml", []byte("job = \"a\"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Check(f)
		if err := f.Err(); err == nil || !strings.Contains(err.Error(), "simulate.") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
