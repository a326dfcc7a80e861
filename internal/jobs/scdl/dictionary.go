package scdl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// Names of the files of a dictionary.
const (
	dictionaryName = "dictionary.npz"
	headerName     = "dictionary.toml"
)

// dictionarySection names the directory of an scdl-train job's result.
type dictionarySection struct {
	Dir string `toml:"dir"`
}

// checkDictionary records a problem unless dir holds a dictionary, and returns it; nil after
// a problem.
func checkDictionary(f *config.File, dir string) *dictionary {
	d, err := readDictionary(dir)
	if err != nil {
		f.Fail("dictionary.dir", "%v", err)
		return nil
	}
	return d
}

// dictionary is what an scdl-train job leaves for other jobs: dictionary.npz, which
// numpy.load opens too, with the matrices
//
//	high, low          P x atoms and M x atoms: the coupled pair
//	linear             P x M: least squares from low to high samples
//	raw_high, raw_low  as high and low: samples as atoms, a baseline
//
// and dictionary.toml, which says how they were made.
type dictionary struct {
	Pair   *scdl.Pair
	Raw    *scdl.Pair
	Linear *scdl.Linear
	Head   dictionaryHead
}

// dictionaryHead is dictionary.toml.
type dictionaryHead struct {
	Atoms         int    `toml:"atoms"`
	High          int    `toml:"high"`
	Low           int    `toml:"low"`
	Normalisation string `toml:"normalisation"` // joint | sequential | spark

	// Files of samples, or a folder of pictures; all empty = simulated spectra.
	HighFile string `toml:"high_file"`
	LowFile  string `toml:"low_file"`
	Images   string `toml:"images"`

	Scale     int     `toml:"scale"`
	Patch     int     `toml:"patch"`
	HighPatch int     `toml:"high_patch"`
	Blur      float64 `toml:"blur"`

	Training trainingHead `toml:"training"`
}

// trainingHead says how a dictionary was learned.
type trainingHead struct {
	Digest     string  `toml:"training_digest"`
	Samples    int     `toml:"samples"`
	Seed       uint64  `toml:"seed"`
	Method     string  `toml:"method"`
	Iterations int     `toml:"iterations"`
	Lambda     float64 `toml:"lambda"`
	C1         float64 `toml:"c1"`
	C2         float64 `toml:"c2"`
	C3         float64 `toml:"c3"`
	Beta       float64 `toml:"beta"`
	Step       float64 `toml:"step"`
	Start      string  `toml:"start"`
	Precision  string  `toml:"precision"`
}

const headerText = `# Coupled dictionaries. The file dictionary.npz, which numpy.load opens, has the arrays
# high (high x atoms) and low (low x atoms), the pair; linear (high x low), least squares;
# raw_high and raw_low, samples as atoms.
atoms = %d
high = %d               # numbers of a high sample
low = %d
normalisation = %q      # joint: both halves of an atom divided by the length of the high one
high_file = %s
low_file = %s
images = %s             # folder of the pictures; empty if the samples are not patches
scale = %d              # high pixels for a low pixel, along an axis
patch = %d              # rows and columns of a low patch, low pixels
high_patch = %d         # rows and columns of a high patch, high pixels
blur = %g               # standard deviation, high pixels

[training]
training_digest = %q    # SHA-256 of the samples, the same for any number of ranks
samples = %d
seed = %d
method = %q
iterations = %d         # done
lambda = %g
c1 = %g
c2 = %g
c3 = %g
beta = %g
step = %g
start = %q
precision = %q
`

func (h *dictionaryHead) write(w io.Writer) error {
	t := &h.Training
	_, err := fmt.Fprintf(w, headerText, h.Atoms, h.High, h.Low, h.Normalisation, quoted(h.HighFile), quoted(h.LowFile),
		quoted(h.Images), h.Scale, h.Patch, h.HighPatch, h.Blur,
		t.Digest, t.Samples, t.Seed, t.Method, t.Iterations, t.Lambda, t.C1, t.C2, t.C3, t.Beta, t.Step, t.Start, t.Precision)
	return err
}

// quoted is a file's name as a TOML string, which has the escapes of a JSON string.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a form
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
}

// grid is the grid of dictionaries of pictures.
func (h *dictionaryHead) grid() scdl.Grid {
	return scdl.Grid{Scale: h.Scale, Patch: h.Patch, Blur: h.Blur}
}

// check returns what is wrong with the numbers of a header.
func (h *dictionaryHead) check() error {
	const most = 1 << 24
	if h.Atoms < 1 || h.High < 1 || h.Low < 1 || h.Atoms > most || h.High > most || h.Low > most {
		return fmt.Errorf("%d atoms of %d and %d numbers", h.Atoms, h.High, h.Low)
	}
	if h.Images == "" {
		return nil
	}
	if err := h.grid().Check(); err != nil {
		return err
	}
	if side := h.grid().High(); h.High != side*side || h.Low != h.Patch*h.Patch {
		return fmt.Errorf("samples of %d and %d numbers from patches of %d and %d pixels a side; train the dictionaries again if an earlier version did, in which pixels were no areas",
			h.High, h.Low, side, h.Patch)
	}
	return nil
}

// write writes the dictionary to a folder, the header last.
func (d *dictionary) write(dir string) error {
	matrix := func(name string, rows, cols int, data []float64) imageio.Member {
		return imageio.Member{Name: name, Array: imageio.Array{Shape: []int{rows, cols}, Data: data}}
	}
	p := d.Pair
	err := imageio.WriteNpz(filepath.Join(dir, dictionaryName), []imageio.Member{
		matrix("high", p.P, p.Atoms, transposed(p.High, p.P)),
		matrix("low", p.M, p.Atoms, transposed(p.Low, p.M)),
		matrix("linear", p.P, p.M, d.Linear.Map),
		matrix("raw_high", p.P, d.Raw.Atoms, transposed(d.Raw.High, p.P)),
		matrix("raw_low", p.M, d.Raw.Atoms, transposed(d.Raw.Low, p.M)),
	})
	if err != nil {
		return err
	}
	return imageio.WriteAtomic(filepath.Join(dir, headerName), d.Head.write)
}

// read reads a dictionary on rank 0 and sends it to all ranks; other hosts need not see the
// files. Collective; the error is the same on all ranks.
func (s *dictionarySection) read(comm ranks.Comm) (*dictionary, error) {
	d := &dictionary{}
	err := ranks.OnRoot(comm, func() (err error) {
		d, err = readDictionary(s.Dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, d.share(comm)
}

func readDictionary(dir string) (*dictionary, error) {
	path := filepath.Join(dir, headerName)
	text, err := imageio.ReadText(path, 1<<20)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	d := &dictionary{}
	f, err := config.Parse(path, text, nil)
	if err == nil {
		f.Decode(&d.Head)
		err = f.Err()
	}
	if err != nil {
		// Not the user's config but a file that does not fit.
		return nil, errors.New(err.Error())
	}
	if err := d.Head.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, dictionaryName)
	h := &d.Head
	d.Pair = &scdl.Pair{P: h.High, M: h.Low, Atoms: h.Atoms}
	d.Raw = &scdl.Pair{P: h.High, M: h.Low, Atoms: h.Atoms}
	d.Linear = &scdl.Linear{P: h.High, M: h.Low}
	wanted := []wantedArray{
		{"high", &d.Pair.High, h.High, h.Atoms}, {"low", &d.Pair.Low, h.Low, h.Atoms}, {"linear", &d.Linear.Map, h.High, h.Low},
		{"raw_high", &d.Raw.High, h.High, h.Atoms}, {"raw_low", &d.Raw.Low, h.Low, h.Atoms},
	}
	members, err := imageio.ReadNpz(path, func(all []imageio.Member) ([]string, error) { return choose(all, wanted) })
	if err != nil {
		return nil, err
	}
	for _, want := range wanted {
		m, err := find(members, want.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if want.to != &d.Linear.Map {
			m = transposed(m, want.cols)
		}
		*want.to = m
	}
	return d, nil
}

// took is what was taken from a dictionary.
func (d *dictionary) took(dir string) lifecycle.Input {
	return lifecycle.Input{
		File: filepath.Join(dir, dictionaryName), Part: "npz, arrays high, low, linear, raw_high, raw_low",
		Axes: fmt.Sprintf("%d atoms, high of %d and low of %d numbers", d.Pair.Atoms, d.Pair.P, d.Pair.M),
	}
}

// wantedArray is a matrix of dictionary.npz, and where it goes.
type wantedArray struct {
	name       string
	to         *[]float64
	rows, cols int
}

// choose holds the shapes of the wanted arrays against the header, before any is unpacked,
// and returns their names. Other arrays of the file are left alone.
func choose(all []imageio.Member, wanted []wantedArray) ([]string, error) {
	var names []string
	for _, w := range wanted {
		i := slices.IndexFunc(all, func(m imageio.Member) bool { return m.Name == w.name })
		if i < 0 {
			return nil, fmt.Errorf("no array %q: not what an scdl-train job writes", w.name)
		}
		if s := all[i].Shape; len(s) != 2 || s[0] != w.rows || s[1] != w.cols {
			return nil, fmt.Errorf("%s has shape %v, %s says [%d %d]", w.name, s, headerName, w.rows, w.cols)
		}
		names = append(names, w.name)
	}
	return names, nil
}

// find returns the member of a name, whose numbers must be finite.
func find(members []imageio.Member, name string) ([]float64, error) {
	i := slices.IndexFunc(members, func(m imageio.Member) bool { return m.Name == name })
	for _, v := range members[i].Data {
		if v-v != 0 {
			return nil, fmt.Errorf("%s holds %g", name, v)
		}
	}
	return members[i].Data, nil
}

// allocate makes arrays of the sizes in the header.
func (d *dictionary) allocate() {
	h := &d.Head
	pair := func() *scdl.Pair {
		return &scdl.Pair{P: h.High, M: h.Low, Atoms: h.Atoms, High: make([]float64, h.High*h.Atoms), Low: make([]float64, h.Low*h.Atoms)}
	}
	d.Pair, d.Raw = pair(), pair()
	d.Linear = &scdl.Linear{P: h.High, M: h.Low, Map: make([]float64, h.High*h.Low)}
}

// share sends the dictionary from rank 0 to all ranks, without the record of its training.
// Collective.
func (d *dictionary) share(comm ranks.Comm) error {
	h := &d.Head
	pictures := 0
	if h.Images != "" {
		pictures = 1
	}
	blur := []float64{h.Blur}
	if err := errors.Join(ranks.Share(comm, &h.Atoms, &h.High, &h.Low, &pictures, &h.Scale, &h.Patch), comm.Bcast(blur, 0)); err != nil {
		return err
	}
	h.Blur = blur[0]
	if comm.Rank() != 0 {
		d.allocate()
	}
	for _, x := range [][]float64{d.Pair.High, d.Pair.Low, d.Raw.High, d.Raw.Low, d.Linear.Map} {
		if err := comm.Bcast(x, 0); err != nil {
			return err
		}
	}
	return nil
}

// ofPictures returns an error unless the dictionaries were learned from pictures.
func (d *dictionary) ofPictures(dir string) error {
	if d.Head.Images == "" {
		return fmt.Errorf("%s: dictionaries of spectra, want some learned from pictures", filepath.Join(dir, headerName))
	}
	return nil
}
