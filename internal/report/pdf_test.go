package report

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image/png"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// objects are those of a PDF file, found through its index, which has to be right.
func objects(t *testing.T, file []byte) (list [][]byte) {
	t.Helper()
	end := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(file)
	if end == nil || !bytes.HasPrefix(file, []byte("%PDF-1.4\n")) {
		t.Fatal("not a PDF file with an index")
	}
	at, _ := strconv.Atoi(string(end[1]))
	for i, line := range regexp.MustCompile(`(\d{10}) 00000 n `).FindAllSubmatch(file[at:], -1) {
		from, _ := strconv.Atoi(string(line[1]))
		head := fmt.Sprintf("%d 0 obj\n", i+1)
		if !bytes.HasPrefix(file[from:], []byte(head)) {
			t.Fatalf("object %d does not begin at %d", i+1, from)
		}
		body := file[from+len(head):]
		list = append(list, body[:bytes.Index(body, []byte("\nendobj\n"))])
	}
	return list
}

// unpacked is what a stream holds.
func unpacked(t *testing.T, object []byte) []byte {
	t.Helper()
	_, data, found := bytes.Cut(object, []byte("stream\n"))
	if !found {
		t.Fatalf("no stream in %q", object)
	}
	z, err := zlib.NewReader(bytes.NewReader(bytes.TrimSuffix(data, []byte("\nendstream"))))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var figures = map[string]func(path string, formats ...string) error{
	"panel": examplePanel().Write, "colour": colourPanel().Write, "mosaic": exampleMosaic().Write, "plot": example().Write,
}

// A PDF file has the texts of the figure, its fonts, the pixels of its images, and the same bytes
// each time. Only the formats that were asked for are written.
func TestPDF(t *testing.T) {
	dir := t.TempDir()
	for name, write := range figures {
		path, again := filepath.Join(dir, name), filepath.Join(dir, name+"2")
		for _, to := range []string{path, again} {
			if err := write(to, PDF); err != nil {
				t.Fatal(err)
			}
		}
		if files, _ := filepath.Glob(path + ".*"); len(files) != 1 {
			t.Errorf("%s: files %v", name, files)
		}
		file := read(t, path+".pdf")
		if !bytes.Equal(file, read(t, again+".pdf")) {
			t.Errorf("%s: the same figure gave different bytes", name)
		}
		list := objects(t, file)
		content := string(unpacked(t, list[3]))
		if !strings.Contains(content, " Tj ET") {
			t.Errorf("%s: no text in %q", name, content[:200])
		}
		if err := write(path, SVG); err != nil {
			t.Fatal(err)
		}
		svg := read(t, path+".svg")
		for _, m := range regexp.MustCompile(`(?s)<text[^>]*>([^<&]*)</text>`).FindAllSubmatch(svg, -1) {
			if text := strings.TrimSpace(string(m[1])); !strings.Contains(content, fmt.Sprintf("<%X>", latin(text))) {
				t.Errorf("%s: the text %q is not in the PDF file", name, text)
			}
		}
		if images := bytes.Count(svg, []byte("<image ")); strings.Count(content, " Do Q") != images || bytes.Count(file, []byte("/Subtype /Image")) != images {
			t.Errorf("%s: %d images, want %d", name, strings.Count(content, " Do Q"), images)
		}
		for _, o := range list {
			var cols, rows int
			if at := bytes.Index(o, []byte("/Width ")); at >= 0 {
				if _, err := fmt.Sscanf(string(o[at:]), "/Width %d /Height %d", &cols, &rows); err != nil || len(unpacked(t, o)) != 3*rows*cols {
					t.Errorf("%s: an image of %d x %d pixels has %d bytes", name, rows, cols, len(unpacked(t, o)))
				}
			}
			if at := bytes.Index(o, []byte("/Length1 ")); at >= 0 {
				size := 0
				if _, err := fmt.Sscanf(string(o[at:]), "/Length1 %d", &size); err != nil || len(unpacked(t, o)) != size || size < 10000 {
					t.Errorf("%s: a font of %d bytes, want %d", name, len(unpacked(t, o)), size)
				}
			}
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
