package cli

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// good are files that the commands can read, beside which each of the bad ones is tried.
func good(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	stamps, plane := make([]float64, 3*9*9), make([]float64, 32*32)
	for i := range stamps {
		stamps[i] = 1 / float64(1+(i%9-4)*(i%9-4)+(i/9%9-4)*(i/9%9-4))
	}
	for i := range plane {
		plane[i] = float64(i%7) + float64(i/32)
	}
	files := map[string]string{"FRAME": filepath.Join(dir, "frame.npy"), "STAMPS": filepath.Join(dir, "stamps.npy"), "PSF": filepath.Join(dir, "psf.npy"), "TABLE": filepath.Join(dir, "table.csv"), "FIT": filepath.Join(dir, "fit")}
	for path, a := range map[string]struct {
		shape []int
		data  []float64
	}{files["FRAME"]: {[]int{32, 32}, plane}, files["STAMPS"]: {[]int{3, 9, 9}, stamps}, files["PSF"]: {[]int{9, 9}, stamps[:81]}} {
		if err := imageio.WriteNpy(path, a.shape, a.data); err != nil {
			t.Fatal(err)
		}
	}
	table := "x,y,value\n"
	for i := range 30 {
		table += fmt.Sprintf("%d,%d,%d\n", i%6, i/6, i%4)
	}
	if err := os.WriteFile(files["TABLE"], []byte(table), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	if code := Main([]string{"fit", files["TABLE"], "-out", files["FIT"], "-quiet", "-set", "kernel.choose=none", "-set", "kernel.width=3.0"}, &out, &said); code != done {
		t.Fatalf("fit: %d: %s", code, said.String())
	}
	return files
}

// reading are the ways in which each command reads a file of the user: BAD stands for one that it cannot read, OUT for a path
// where nothing is. A command that reads none has an empty list.
func reading() map[string][]string {
	return map[string][]string{
		"run": {"run BAD -out OUT"}, "check": {"check BAD"}, "plan": {"plan BAD -ranks 2"}, "slurm": {"slurm BAD -nodes 1"},
		"scale":    {"scale strong BAD -ranks 1 -out OUT", "scale weak BAD -ranks 1 -out OUT", "scale report BAD"},
		"simulate": {"simulate observations -from BAD -out OUT.csv"},
		"info":     {"info BAD", "info FRAME BAD"},
		"predict":  {"predict FIT BAD", "predict BAD TABLE"},
		"psf":      {"psf BAD -at 1,1", "psf BAD -draw OUT.png", "psf BAD -grid 1x1 -out OUT.fits", "psf FRAME -stars BAD -out OUT.fits"},
		"restore":  {"restore BAD -psf none -out OUT", "restore FRAME -psf BAD -out OUT", "restore FRAME -psf none -sigma BAD -out OUT", "restore FRAME -psf none -mask BAD -out OUT", "restore FRAME -psf none -truth BAD -out OUT"},
		"tv":       {"tv BAD -psf none -out OUT", "tv FRAME -psf BAD -out OUT", "tv FRAME -psf none -sigma BAD -out OUT", "tv FRAME -psf none -mask BAD -out OUT", "tv FRAME -psf none -truth BAD -out OUT"},
		"fit":      {"fit BAD -out OUT", "fit TABLE -places BAD -out OUT"},
		"stamps":   {"stamps BAD -psf PSF -out OUT", "stamps STAMPS -psf BAD -out OUT", "stamps STAMPS -psf PSF -mask BAD -out OUT"},
		"doctor":   nil, "completion": nil, "man": nil, "version": nil, "help": nil,
	}
}

// One rule for all commands: what is wrong with the input or the usage is exit status 2, and the message names the file; 1 is
// left for what ran and failed.
func TestStatusOfBadInput(t *testing.T) {
	files := good(t)
	dir := t.TempDir()
	bad := map[string]string{"missing.npy": "", "empty.npy": "", "words.txt": "hello world\n", "cut.npy": "\x93NUMPY\x01\x00\x76\x00{'descr'", "cut.fits": "SIMPLE  =                    T", "folder": "", "cut.png": "\x89PNG\r\n\x1a\n"}
	for name, text := range bad {
		path := filepath.Join(dir, name)
		var err error
		switch name {
		case "missing.npy":
		case "folder":
			err = os.Mkdir(path, 0o777)
		default:
			err = os.WriteFile(path, []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ways := reading()
	for _, c := range commands() {
		list, known := ways[c.Name]
		if !known {
			t.Errorf("how does tessera %s read files? It is not in the table of this test", c.Name)
		}
		for _, way := range list {
			for name := range bad {
				var args []string
				for _, word := range strings.Fields(way) {
					for key, path := range files {
						if word == key {
							word = path
						}
					}
					if word == "BAD" {
						word = filepath.Join(dir, name)
					}
					args = append(args, strings.Replace(word, "OUT", filepath.Join(dir, "out"), 1))
				}
				var out, said bytes.Buffer
				if code := Main(args, &out, &said); code != misused || !strings.Contains(said.String(), name) {
					t.Errorf("%s, with %s: exit status %d, want %d and the name: %s", way, name, code, misused, said.String())
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "out*")); len(left) > 0 {
					t.Fatalf("%s, with %s: left %v", way, name, left)
				}
			}
		}
		if len(list) == 0 && c.Name != "completion" && c.Name != "help" {
			var out, said bytes.Buffer
			if code := Main([]string{c.Name, "nonsense"}, &out, &said); code != misused {
				t.Errorf("%s nonsense: exit status %d, want %d: %s", c.Name, code, misused, said.String())
			}
		}
	}
}

// A place for the result that cannot be one is wrong usage, too.
func TestStatusOfBadPlace(t *testing.T) {
	files := good(t)
	for _, way := range []string{
		"restore FRAME -psf none -out TABLE", "tv FRAME -psf none -out TABLE/under", "fit TABLE -out TABLE", "stamps STAMPS -psf PSF -out TABLE",
		"simulate survey -count 2 -out TABLE", "simulate observations -out TABLE/a.csv", "simulate observations -out MISSING/a.csv", "simulate observations -out a.xyz",
		"predict FIT TABLE -out MISSING/a.csv", "predict FIT TABLE -out TABLE/a.csv", "psf PSF -at 1,1 -out MISSING/a.npy",
	} {
		args := strings.Fields(way)
		for i, word := range args {
			for key, path := range files {
				if head, rest, _ := strings.Cut(word, "/"); head == key {
					args[i] = filepath.Join(path, rest)
				}
			}
			args[i] = strings.Replace(args[i], "MISSING", filepath.Join(filepath.Dir(files["TABLE"]), "missing"), 1)
		}
		var out, said bytes.Buffer
		if code := Main(args, &out, &said); code != misused || !slices.ContainsFunc(args, func(a string) bool {
			return strings.Contains(said.String(), filepath.Base(strings.TrimSuffix(a, "/under")))
		}) {
			t.Errorf("%s: exit status %d, want %d and the place: %s", way, code, misused, said.String())
		}
	}
}

// The command that makes PSFs of stars reads the frame as the jobs do: what marks missing values is none of its stars, and it says how many
// pixels are missing and how many stars each cell has.
func TestStarsOfMarkedFrame(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 60, 60
	data := make([]float64, rows*cols)
	for i := range data {
		y, x := float64(i/cols)-30.2, float64(i%cols)-29.7
		data[i] = 10 + 0.05*math.Sin(float64(i*i%977)) + 100*math.Exp(-(y*y+x*x)/4)
	}
	data[15*cols+15], data[40*cols+12] = 1e30, 1e30
	frame, out := filepath.Join(dir, "frame.npy"), filepath.Join(dir, "psfs.fits")
	if err := imageio.WriteNpy(frame, []int{rows, cols}, data); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := told("psf", frame, "-grid", "1x1", "-size", "11", "-out", out)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, want := range []string{"2 of 3600 values missing", "marks missing values", "1 of 1 stars used", "stars of a cell: 1", "made of 1 or 2 stars"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q, want ... %s ...", stdout, want)
		}
	}
}

// A cube whose images have different sums says with the PSF of a place what was done about them.
func TestSumsOfCubeAreSaid(t *testing.T) {
	dir := t.TempDir()
	cube, table := filepath.Join(dir, "cube.npy"), filepath.Join(dir, "places.csv")
	data := make([]float64, 2*9)
	data[4], data[9+4] = 1, 100
	if err := imageio.WriteNpy(cube, []int{2, 3, 3}, data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table, []byte("row,col\n0,0\n0,9\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := told("psf", cube, "-positions", table, "-at", "0,4")
	if status != 0 || !strings.Contains(stdout, "the images have sums of 1 to 100: each is divided by its own before interpolation") {
		t.Errorf("status %d, %q %q", status, stdout, stderr)
	}
}
