package report

import (
	"bytes"
	"fmt"
	"image/png"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// figures are one of each kind.
var figures = map[string]func(path string, formats ...string) error{
	"panel": examplePanel().Write, "colour": colourPanel().Write, "mosaic": exampleMosaic().Write, "plot": example().Write,
}

// A PDF file has the images and the fonts of the figure. Only the formats that were asked for are written.
func TestPDF(t *testing.T) {
	dir := t.TempDir()
	for name, write := range figures {
		path := filepath.Join(dir, name)
		if err := write(path, PDF); err != nil {
			t.Fatal(err)
		}
		if files, _ := filepath.Glob(path + ".*"); len(files) != 1 {
			t.Errorf("%s: files %v", name, files)
		}
		file := read(t, path+".pdf")
		if !bytes.HasPrefix(file, []byte("%PDF-")) || !bytes.Contains(file, []byte("/FontFile2")) {
			t.Errorf("%s: no PDF file with its fonts", name)
		}
		if err := write(path, SVG); err != nil {
			t.Fatal(err)
		}
		if drawn := bytes.Contains(read(t, path+".svg"), []byte("<image ")); drawn != bytes.Contains(file, []byte("/Subtype /Image")) {
			t.Errorf("%s: images in the PDF file: %t, want %t", name, !drawn, drawn)
		}
	}
	if err := example().Write(filepath.Join(dir, "x"), "eps"); err == nil || !strings.Contains(err.Error(), "want png, svg or pdf") {
		t.Errorf("a format that there is not: %v", err)
	}
}

// Ghostscript draws the PDF file as the PNG file is.
func TestPDFLooksTheSame(t *testing.T) {
	gs, err := exec.LookPath("gs")
	if err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("Ghostscript takes seconds")
	}
	dir := t.TempDir()
	for name, write := range figures {
		path := filepath.Join(dir, name)
		if err := write(path, PNG, PDF); err != nil {
			t.Fatal(err)
		}
		drawn := path + "-gs.png"
		if text, err := exec.Command(gs, "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=png16m", fmt.Sprintf("-r%d", dpi), "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-o", drawn, path+".pdf").CombinedOutput(); err != nil || len(text) > 0 {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
		a, err := png.Decode(bytes.NewReader(read(t, path+".png")))
		if err != nil {
			t.Fatal(err)
		}
		b, err := png.Decode(bytes.NewReader(read(t, drawn)))
		if err != nil {
			t.Fatal(err)
		}
		x, y := reduced(a), reduced(b)
		if d := x.Rect.Size().Sub(y.Rect.Size()); max(d.X, -d.X, d.Y, -d.Y) > 1 {
			t.Fatalf("%s: %v and %v", name, x.Rect, y.Rect)
		}
		box, far, all := x.Rect.Intersect(y.Rect), 0, 0
		for r := range box.Dy() {
			for c := range box.Dx() {
				p, q := x.RGBAAt(c, r), y.RGBAAt(c, r)
				all++
				for _, v := range [][2]uint8{{p.R, q.R}, {p.G, q.G}, {p.B, q.B}} {
					if max(v[0], v[1])-min(v[0], v[1]) > 60 {
						far++
						break
					}
				}
			}
		}
		if far > all/200 {
			t.Errorf("%s: %d of %d blocks differ", name, far, all)
		}
	}
}
