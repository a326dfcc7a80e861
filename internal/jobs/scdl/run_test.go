package scdl

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
)

// kinds are the jobs of this package.
var kinds = map[string]func(*config.File) *lifecycle.Job{"scdl-train": LoadTrain, "scdl-spectra": LoadSpectra, "scdl-upscale": LoadUpscale}

const trainJob = `
job = "scdl-train"
[scdl]
atoms = 8
iterations = 3
`

// spectra simulates matched samples; a sample is a row.
func spectra(count int) (high, low *imageio.Table) {
	sim := simulate.Spectra{Seed: 3, High: 9, Noise: 0.01}
	high = &imageio.Table{Rows: count, Cols: 9, Data: make([]float64, 9*count)}
	low = &imageio.Table{Rows: count, Cols: sim.Low(), Data: make([]float64, sim.Low()*count)}
	for k := range count {
		sim.Draw(k, high.Data[k*high.Cols:(k+1)*high.Cols], low.Data[k*low.Cols:(k+1)*low.Cols])
	}
	return high, low
}

// turned has a sample a column.
func turned(t *imageio.Table) *imageio.Table {
	return &imageio.Table{Rows: t.Cols, Cols: t.Rows, Data: transposed(t.Data, t.Cols)}
}

// matrixForms are the formats of the file of a matrix.
var matrixForms = []string{"a.csv", "c.npy", "f.npy", "image.fits", "table.fits"}

func writeMatrix(t *testing.T, path, form string, m *imageio.Table) {
	t.Helper()
	var err error
	switch form {
	case "f.npy":
		head := fmt.Sprintf("{'descr': '<f8', 'fortran_order': True, 'shape': (%d, %d), }\n", m.Rows, m.Cols)
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
		b = append(b, head...)
		if b, err = binary.Append(b, binary.LittleEndian, transposed(m.Data, m.Cols)); err == nil {
			err = os.WriteFile(path, b, 0o666)
		}
	case "image.fits":
		err = imageio.WriteFITS(path, &imageio.Frame{Channels: 1, Rows: m.Rows, Cols: m.Cols, Data: m.Data})
	default:
		err = imageio.WriteTable(path, m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The same samples give the same dictionaries and predictions to the last bit whatever
// format their files have, on the same number of ranks. 100 samples are two tiles, so that
// one of three ranks has no tile to learn from.
func TestSCDLForms(t *testing.T) {
	high, low := spectra(100)
	counts := []int{1, 2, 3}
	if testing.Short() {
		counts = counts[1:2]
	}
	for _, n := range counts {
		var dictionary, predicted []byte
		for _, form := range matrixForms {
			for _, samples := range []string{"rows", "columns"} {
				dir := t.TempDir()
				h, l := filepath.Join(dir, "high-"+form), filepath.Join(dir, "low-"+form)
				turn := func(m *imageio.Table) *imageio.Table { return m }
				if samples == "columns" {
					turn = turned
				}
				writeMatrix(t, h, form, turn(high))
				writeMatrix(t, l, form, turn(low))
				order := fmt.Sprintf("data.samples=%q", samples)
				out, err := jobtest.Run(t, LoadTrain, n, trainJob, order, fmt.Sprintf("data.high=%q", h), fmt.Sprintf("data.low=%q", l))
				if err != nil {
					t.Fatalf("%s, %s, %d ranks: %v", form, samples, n, err)
				}
				got := file(t, filepath.Join(out, "dictionary.npz"))
				if dictionary == nil {
					dictionary = got
				} else if !bytes.Equal(got, dictionary) {
					t.Errorf("%s, %s, %d ranks: other dictionaries", form, samples, n)
				}
				m := jobtest.Metrics(t, out)
				if m["samples"].(float64)+m["held_out"].(float64) != 100 || m["held_out"].(float64) < 1 {
					t.Errorf("%s, %s, %d ranks: %v samples and %v held out", form, samples, n, m["samples"], m["held_out"])
				}

				out, err = jobtest.Run(t, LoadSpectra, n, "job = \"scdl-spectra\"", order, fmt.Sprintf("dictionary.dir=%q", out),
					fmt.Sprintf("data.low=%q", l), fmt.Sprintf("data.truth=%q", h))
				if err != nil {
					t.Fatalf("%s, %s, %d ranks: %v", form, samples, n, err)
				}
				a, err := imageio.ReadNpy(filepath.Join(out, "solution.npy"))
				if err != nil {
					t.Fatal(err)
				}
				if samples == "columns" {
					a.Data = transposed(a.Data, a.Shape[1])
				}
				got, _ = binary.Append(nil, binary.LittleEndian, a.Data)
				if predicted == nil {
					predicted = got
				} else if !bytes.Equal(got, predicted) {
					t.Errorf("%s, %s, %d ranks: other predictions", form, samples, n)
				}
			}
		}
	}
}

func file(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// More ranks than samples to learn from, held-out samples and samples to predict.
func TestSCDLFewSamples(t *testing.T) {
	high, low := spectra(3)
	dir := t.TempDir()
	h, l := filepath.Join(dir, "high.npy"), filepath.Join(dir, "low.csv")
	writeMatrix(t, h, "", high)
	writeMatrix(t, l, "", low)
	for _, heldOut := range []string{"0.0", "0.5"} {
		out, err := jobtest.Run(t, LoadTrain, 7, trainJob, "scdl.atoms=1", "seed=4", "data.samples=\"rows\"", "data.held_out="+heldOut,
			fmt.Sprintf("data.high=%q", h), fmt.Sprintf("data.low=%q", l))
		if err != nil {
			t.Fatal(err)
		}
		out, err = jobtest.Run(t, LoadSpectra, 7, "job = \"scdl-spectra\"", "data.samples=\"rows\"", fmt.Sprintf("dictionary.dir=%q", out),
			fmt.Sprintf("data.low=%q", l), fmt.Sprintf("data.truth=%q", h))
		if err != nil {
			t.Fatal(err)
		}
		if m := jobtest.Metrics(t, out); m["samples"].(float64) != 3 || m["quality"] == nil {
			t.Errorf("%v samples, %v", m["samples"], m["quality"])
		}
	}
}

// The samples of a rank are those of the list of all samples.
func TestHeldOut(t *testing.T) {
	for _, h := range []heldOut{{1, 0}, {1, 0.2}, {7, 0.5}, {9, 0.97}} {
		const count = 500
		lists := map[bool][]int{}
		for k := range count {
			held := rand.New(rand.NewPCG(h.seed, uint64(k)|1<<40)).Float64() < h.fraction
			lists[held] = append(lists[held], k)
		}
		if n := h.learned(count, count); n != len(lists[false]) {
			t.Errorf("%+v: %d to learn from, want %d", h, n, len(lists[false]))
		}
		if n := h.learned(count, 3); n != 3 {
			t.Errorf("%+v: counted to %d, want 3", h, n)
		}
		for held, list := range lists {
			for _, size := range []int{1, 3, 40, 700} {
				for rank := range size {
					lo, hi := halo.Split(len(list), size, rank)
					first, keep := h.cover(held, lo, hi)
					var got []int
					for i, ok := range keep {
						if ok {
							got = append(got, first+i)
						}
					}
					if !slices.Equal(got, list[lo:hi]) || len(keep) > 0 && !(keep[0] && keep[len(keep)-1]) {
						t.Fatalf("%+v, %v, rank %d of %d: %v, want %v", h, held, rank, size, got, list[lo:hi])
					}
				}
			}
		}
	}
}

// The check reports what is wrong with the shapes of files of samples, and with their numbers. The run reports
// it too, once, whichever rank finds it.
func TestSCDLBadFiles(t *testing.T) {
	dir := t.TempDir()
	numbers := func(lines, n int) string {
		return strings.Repeat(strings.TrimSuffix(strings.Repeat("1,", n), ",")+"\n", lines)
	}
	for name, text := range map[string]string{
		"good.csv": numbers(200, 3), "ragged.csv": numbers(150, 3) + "1,2\n" + numbers(49, 3), "nan.csv": numbers(190, 3) + "1,nan,2\n" + numbers(9, 3),
		"word.csv": numbers(199, 3) + "1,2,x\n", "short.csv": numbers(199, 3), "empty.csv": "", "comments.csv": "# a\n# b\n",
		"one.csv": "5\n", "few.csv": numbers(7, 3),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		high, low  string
		check, run string // parts of the messages; "" = none from the check
	}{
		{"good.csv", "ragged.csv", "line 151: 2 fields, where the first line has 3", "line 151: 2 fields"},
		{"good.csv", "nan.csv", "line 191, column 2: NaN", "nan.csv: line 191, column 2: NaN"},
		{"word.csv", "good.csv", `line 200, column 3: "x" is not a number`, `word.csv: line 200, column 3: "x" is not a number`},
		{"good.csv", "short.csv", "short.csv has 199: they do not match", "they do not match"},
		{"empty.csv", "good.csv", "data.high", "the file is empty"},
		{"good.csv", "comments.csv", "no numbers in it", "comments.csv: no numbers in it"},
		{"good.csv", "none.csv", "no such file", "none.csv: no such file"},
	} {
		sets := []string{`data.samples="rows"`, fmt.Sprintf("data.high=%q", filepath.Join(dir, c.high)), fmt.Sprintf("data.low=%q", filepath.Join(dir, c.low))}
		j, err := jobtest.Parse(LoadTrain, trainJob, sets...)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.CheckFiles(); (err == nil) != (c.check == "") || err != nil && !strings.Contains(err.Error(), c.check) {
			t.Errorf("%s, %s: the check says %v, want %q", c.high, c.low, err, c.check)
		}
		for _, n := range []int{1, 3} {
			_, err := jobtest.Run(t, LoadTrain, n, trainJob, sets...)
			if err == nil || strings.Count(err.Error(), c.run) != 1 {
				t.Errorf("%s, %s, %d ranks: %v, want %q", c.high, c.low, n, err, c.run)
			}
		}
	}
}

// There are no more atoms than samples to learn from, on any number of ranks.
func TestFewSamples(t *testing.T) {
	for _, n := range []int{1, 3, 7} {
		out, err := jobtest.Run(t, LoadTrain, n, "job = 'scdl-train'\n[simulate]\ncount = 40\n[data]\nheld_out = 0.25\n[scdl]\natoms = 128\niterations = 3")
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, out)
		if atoms, learned := m["atoms"].(float64), m["samples"].(float64); atoms != learned || !(atoms > 20 && atoms < 40) {
			t.Errorf("on %d ranks: %g atoms of %g samples", n, atoms, learned)
		}
	}
}
