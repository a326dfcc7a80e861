package jobs

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/jobs/scdl"
	"tessera/internal/jobs/tppa"
	"tessera/internal/tables"
)

// reading is how a kind of job reads one file of a family of formats. A kind without one fails
// TestFormats.
type reading struct {
	family string
	sets   func(t *testing.T, dir, path string) []string
}

func at(key string, more ...string) func(*testing.T, string, string) []string {
	return func(_ *testing.T, _, path string) []string { return append([]string{key + "=" + path}, more...) }
}

var readings = map[string]reading{
	"tikhonov":  {"frame", at("image.path", "blur.kind=gaussian", "blur.size=3", "output.pictures=false")},
	"two-layer": {"frame", at("image.path", "output.pictures=false", "layers.tile=8")},
	"tv":        {"frame", at("image.path", "blur.kind=gaussian", "blur.size=3", "output.pictures=false", "tv.lambda=0.01", "tv.tolerance=0.01")},
	"tppa": {"frame", func(t *testing.T, dir, path string) []string {
		return append(model(t, dir), "image.path="+path, "output.pictures=false", "tv.tolerance=0.01", "tv.noise=0.02")
	}},
	"tppa-train":    {"pictures", at("data.truth", "data.validation=1", "tppa.steps=1", "tppa.layers=2", "output.pictures=false")},
	"mlpatch-train": {"pictures", at("data.truth", "data.validation=1", "mlpatch.steps=1", "mlpatch.hidden=[4]", "mlpatch.side=3", "mlpatch.block=4", "mlpatch.batch=1", "mlpatch.blocks=1", "output.pictures=false")},
	"mlpatch-denoise": {"frame", func(t *testing.T, dir, path string) []string {
		return append(patchModel(t, dir), "image.path="+path, "output.pictures=false", "tv.rule=none", "noise.sigma=0.02")
	}},
	"mlpatch-admm": {"frame", func(t *testing.T, dir, path string) []string {
		return append(patchModel(t, dir), "image.path="+path, "output.pictures=false", "tv.rule=none", "noise.sigma=0.02", "admm.max_iterations=2")
	}},
	"mlpatch-superres": {"frame", at("image.path", "simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "superres.scale=1.5", "superres.tests=[2]", "mlpatch.steps=2", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.batch=3", "mlpatch.block=8", "mlpatch.blocks=3", "output.pictures=false")},
	"darkmatter": {"frame", func(_ *testing.T, _, path string) []string {
		return []string{"shear.e1=" + path, "shear.e2=" + path, "shear.sigma=0.1", "shear.pixel=1", "noise.realisations=2", "output.pictures=false"}
	}},
	"kernel":      {"table", at("observations.path", "kernel.width=5", "evaluate.shape=[4, 4]")},
	"deep-kernel": {"table", at("observations.path", "deep.steps=1", "deep.starts=1", "evaluate.shape=[4, 4]")},
	"psf": {"stack", func(t *testing.T, dir, path string) []string {
		return []string{"stack.path=" + path, "psf.path=" + jobtest.WriteNpy(t, dir, "psf.npy", []float64{0, 1, 0, 1, 4, 1, 0, 1, 0}, 3, 3), "psf.iterations=5"}
	}},
	"scdl-train": {"matrix", func(_ *testing.T, _, path string) []string {
		return []string{"data.high=" + path, "data.low=" + path, "data.samples=rows", "data.held_out=0.1", "scdl.atoms=4", "scdl.iterations=2"}
	}},
	"scdl-spectra": {"matrix", func(t *testing.T, dir, path string) []string {
		return append(trained(t, dir, "simulate.count=300", "simulate.high=25"), "data.low="+path, "data.samples=rows")
	}},
	"scdl-upscale": {"frame", func(t *testing.T, dir, path string) []string {
		folder := filepath.Join(dir, "pictures")
		picture(t, folder, "a.png", 40, 40)
		return append(trained(t, dir, "patches.images="+folder, "patches.count=300"), "image.path="+path, "image.peak=1")
	}},
}

// gzipped compresses a file and returns the path of the result.
func gzipped(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return written(t, path+".gz", out.Bytes())
}

func written(t *testing.T, path string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// families are the same numbers in all formats that a family of readers claims.
func families(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	const rows, cols, count = 16, 20, 40
	in := func(name string) string { return filepath.Join(dir, name) }
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(name string, b []byte) string { return written(t, in(name), b) }
	// A frame of whole numbers over 255, which an 8-bit picture holds exactly: those of a JPEG file.
	grey := make([]int, rows*cols)
	for i := range grey {
		grey[i] = int(math.Round(130 + 60*math.Sin(float64(i%cols)/3) + 40*math.Cos(float64(i/cols)/2)))
	}
	lossy, grey := greyJPEG(t, grey, rows, cols)
	f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
	deep := image.NewGray16(image.Rect(0, 0, cols, rows))
	for i, v := range grey {
		f.Data[i] = float64(v) / 255
		deep.SetGray16(i%cols, i/cols, color.Gray16{Y: uint16(257 * v)})
	}
	var png16 bytes.Buffer
	ok(png.Encode(&png16, deep))
	ok(imageio.WriteFITS(in("frame.fits"), f))
	ok(imageio.WritePNG(in("frame.png"), f, imageio.Linear(0, 1)))
	frame := map[string]string{
		"npy": jobtest.WriteNpy(t, dir, "frame.npy", f.Data, rows, cols), "npy (1, rows, cols)": jobtest.WriteNpy(t, dir, "frame1.npy", f.Data, 1, rows, cols),
		"npy (rows, cols, 1)": jobtest.WriteNpy(t, dir, "frame2.npy", f.Data, rows, cols, 1), "FITS": in("frame.fits"), "PNG": in("frame.png"),
		"FITS, gzip": gzipped(t, in("frame.fits")), "npy, gzip": gzipped(t, in("frame.npy")), "npz": npzFile(t, in("frame.npz"), f.Data, rows, cols),
		"npy, column-major": put("fortran.npy", fortranFile(f.Data, rows, cols)), "FITS extension": put("ext.fits", inExtension("SCI", f.Data, cols, rows)),
		"FITS (1, 1, rows, cols)": put("axes.fits", inExtension("SCI", f.Data, cols, rows, 1, 1)), "FITS, 16 bits with BSCALE": put("scaled.fits", scaled(grey, "0.00392156862745098", cols, rows)),
		"FITS, tiles": put("frame.fits.fz", inTiles(f.Data, cols, rows)), "JPEG": put("frame.jpg", lossy), "PNG, 16 bits": put("deep.png", png16.Bytes()),
		"TIFF":          put("frame.tif", tiffFile(rows, cols, 1, 1, func(i int) []byte { return []byte{byte(grey[i])} })),
		"TIFF, 16 bits": put("deep.tif", tiffFile(rows, cols, 2, 1, func(i int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(257*grey[i])) })),
		"TIFF, real":    put("real.tif", tiffFile(rows, cols, 8, 3, func(i int) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(f.Data[i])) })),
	}
	frame["FITS, tiles, gzip"], frame["PNG, gzip"] = gzipped(t, in("frame.fits.fz")), gzipped(t, in("frame.png"))

	table := &imageio.Table{Names: []string{"x", "y", "value", "error"}, Rows: count, Cols: 4}
	lines := []string{"x,y,value,error"}
	columns := make([]imageio.Member, 4)
	for k, name := range table.Names {
		columns[k] = imageio.Member{Name: name, Array: imageio.Array{Shape: []int{count}}}
	}
	for i := range count {
		row := []float64{math.Mod(float64(i)*7.25, 16), math.Mod(float64(i)*4.75, 16), 3 + math.Sin(float64(i)), 0.125}
		table.Data = append(table.Data, row...)
		lines = append(lines, fmt.Sprintf("%g,%g,%g,%g", row[0], row[1], row[2], row[3]))
		for k, v := range row {
			columns[k].Data = append(columns[k].Data, v)
		}
	}
	text := strings.Join(lines, "\n") + "\n"
	ok(imageio.WriteTable(in("table.fits"), table))
	ok(imageio.WriteNpz(in("table.npz"), columns))
	wide := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(c), byte(c>>8))
	}
	tabs := strings.ReplaceAll(text, ",", "\t")
	tableFiles := map[string]string{
		"CSV": written(t, in("table.csv"), []byte(text)), "tabs": written(t, in("tabs.tsv"), []byte(tabs)),
		"blanks": written(t, in("blanks.txt"), []byte("# "+strings.ReplaceAll(text, ",", "  "))), "CR": written(t, in("cr.csv"), []byte(strings.ReplaceAll(text, "\n", "\r"))),
		"CRLF": written(t, in("crlf.csv"), []byte(strings.ReplaceAll(text, "\n", "\r\n"))), "UTF-16": written(t, in("wide.csv"), wide),
		"byte order mark": written(t, in("bom.csv"), []byte("\ufeff"+text)), "semicolons and decimal commas": written(t, in("comma.csv"), []byte(strings.NewReplacer(",", ";", ".", ",").Replace(text))),
		"IPAC":      written(t, in("t.tbl"), []byte(ipac(lines))),
		"CSV, gzip": gzipped(t, in("table.csv")), "FITS": in("table.fits"), "FITS, gzip": gzipped(t, in("table.fits")), "npz": in("table.npz"),
		"npy records": put("records.npy", recordsFile(table.Names, table.Data)), "npy records, gzip": gzipped(t, put("packed.npy", recordsFile(table.Names, table.Data))),
		"MRT": put("mrt.txt", []byte(mrt(lines))),
	}

	const stamps, side = 5, 9
	data := stampsOf(stamps, side)
	for i := range data {
		data[i] += 0.01 * math.Sin(float64(7*i))
	}
	w, err := imageio.CreateStack(in("stack.fits"), stamps, side, side, false, nil)
	ok(err)
	ok(w.Write(data))
	ok(w.Close())
	stack := map[string]string{
		"npy": jobtest.WriteNpy(t, dir, "stack.npy", data, stamps, side, side), "npy (count, 1, rows, cols)": jobtest.WriteNpy(t, dir, "stack1.npy", data, stamps, 1, side, side),
		"npy (count, rows, cols, 1)": jobtest.WriteNpy(t, dir, "stack2.npy", data, stamps, side, side, 1), "FITS": in("stack.fits"), "FITS, gzip": gzipped(t, in("stack.fits")), "npy, gzip": gzipped(t, in("stack.npy")),
		"npz": npzFile(t, in("stack.npz"), data, stamps, side, side), "FITS extension": put("stackext.fits", inExtension("STAMPS", data, side, side, stamps)),
		"FITS, an extension each": put("each.fits", eachInExtension(data, side)), "FITS, VIGNET": put("vignet.fits", vignettes(data, side)),
		"FITS, tiles": put("stack.fits.fz", inTiles(data, side, side, stamps)),
	}

	m := &imageio.Frame{Channels: 1, Rows: count, Cols: 9, Data: make([]float64, count*9)}
	var csv strings.Builder
	for i := range m.Data {
		m.Data[i] = 1 + math.Sin(float64(i)/3) + 0.3*math.Cos(float64(i*i))
		csv.WriteString(fmt.Sprint(m.Data[i]) + map[bool]string{true: "\n", false: ","}[i%9 == 8])
	}
	ok(imageio.WriteFITS(in("matrix.fits"), m))
	ok(imageio.WriteTable(in("matrixtable.fits"), &imageio.Table{Rows: count, Cols: 9, Data: m.Data}))
	matrix := map[string]string{
		"npy": jobtest.WriteNpy(t, dir, "matrix.npy", m.Data, count, 9), "FITS image": in("matrix.fits"), "FITS table": in("matrixtable.fits"), "CSV": written(t, in("matrix.csv"), []byte(csv.String())),
		"FITS, gzip": gzipped(t, in("matrix.fits")), "CSV, gzip": gzipped(t, in("matrix.csv")), "npy, gzip": gzipped(t, in("matrix.npy")),
		"npz": npzFile(t, in("matrix.npz"), m.Data, count, 9), "npy, column-major": put("fortranmatrix.npy", fortranFile(m.Data, count, 9)),
		"npy records": put("matrixrecords.npy", recordsFile(strings.Split("abcdefgh0", ""), m.Data)), "FITS extension": put("matrixext.fits", inExtension("SPECTRA", m.Data, 9, count)),
		"FITS, tiles": put("matrix.fits.fz", inTiles(m.Data, 9, count)), "tabs": put("matrix.tsv", []byte(strings.ReplaceAll(csv.String(), ",", "\t"))),
		"semicolons and decimal commas": put("comma.txt", []byte(strings.NewReplacer(",", ";", ".", ",").Replace(csv.String()))), "CR": put("crmatrix.csv", []byte(strings.ReplaceAll(csv.String(), "\n", "\r"))),
	}
	pictures := slices.Concat(f.Data, f.Data, f.Data)
	pictureStack := map[string]string{
		"npy": jobtest.WriteNpy(t, dir, "pictures.npy", pictures, 3, rows, cols), "npy, gzip": gzipped(t, in("pictures.npy")), "npz": npzFile(t, in("pictures.npz"), pictures, 3, rows, cols),
		"FITS": put("pictures.fits", inExtension("", pictures, cols, rows, 3)), "FITS, tiles": put("pictures.fits.fz", inTiles(pictures, cols, rows, 3)),
	}
	return map[string]map[string]string{"pictures": pictureStack, "frame": frame, "table": tableFiles, "stack": stack, "matrix": matrix}
}

// ipac is a table as IPAC writes it.
func ipac(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		bar := " "
		if i == 0 {
			bar = "|"
		}
		for _, field := range strings.Split(line, ",") {
			fmt.Fprintf(&b, "%s%22s", bar, field)
		}
		b.WriteString(strings.TrimSpace(bar) + "\n")
	}
	return b.String()
}

// mrt is a machine-readable table, as the journals of the AAS have them.
func mrt(lines []string) string {
	var b strings.Builder
	b.WriteString("Title: A map\nAuthors: Nobody\nTable: Observations\n" + strings.Repeat("=", 80) + "\nByte-by-byte Description of file: mrt.txt\n" + strings.Repeat("-", 80) +
		"\n   Bytes Format Units  Label  Explanations\n" + strings.Repeat("-", 80) + "\n")
	for k, name := range strings.Split(lines[0], ",") {
		fmt.Fprintf(&b, "%4d-%4d F25.9  ---    %s  A number\n", 26*k+1, 26*k+25, name)
	}
	b.WriteString(strings.Repeat("-", 80) + "\n")
	for _, line := range lines[1:] {
		for _, field := range strings.Split(line, ",") {
			fmt.Fprintf(&b, "%25s ", field)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The same numbers in any format give any job the same answer, and the run says of the file what
// info says of it. In short, the jobs of a family, which have one reader, share its formats, so that each format is read
// by a job.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	all := families(t, dir)
	jobsOf := map[string]int{} // by family
	for _, r := range readings {
		jobsOf[r.family]++
	}
	place := map[string]int{} // of the next job in its family
	for _, k := range Kinds() {
		r, known := readings[k.Name]
		if !known {
			t.Fatalf("no reading of a job %q in formats_test.go", k.Name)
		}
		mine := place[r.family]
		place[r.family]++
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			var first []float64
			var firstFormat string
			for i, format := range slices.Sorted(maps.Keys(all[r.family])) {
				if i > 0 && i%jobsOf[r.family] != mine && testing.Short() {
					continue
				}
				path := all[r.family][format]
				out := filepath.Join(t.TempDir(), "out")
				sets := append(r.sets(t, work, path), fmt.Sprintf("output.dir=%q", out))
				metrics := runOn(t, 1, k.Name, sets)
				j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
				if err != nil {
					t.Fatal(err)
				}
				answer := answerOf(t, out, j.Answer)
				switch {
				case first == nil:
					first, firstFormat = answer, format
				case !(jobtest.Farthest(first, answer) < 1e-6):
					t.Errorf("%s gives another answer than %s: %g apart", format, firstFormat, jobtest.Farthest(first, answer))
				}
				info, err := imageio.Info(path)
				if err != nil {
					t.Fatal(err)
				}
				info += frames.Info(path) + tables.Info(path) + scdl.Info(path) + tppa.Info(path)
				said := false
				for _, in := range metrics["inputs"].([]any) {
					in := in.(map[string]any)
					if in["file"] != path {
						continue
					}
					said = true
					keys := []string{"axes", "units", "note"}
					switch k.Name {
					case "scdl-train":
						keys = keys[:2] // the note tells how many samples are held out
					case "tppa-train", "mlpatch-train":
						keys = keys[:1] // the largest value is that of the pictures that are learned from
					}
					for _, key := range keys {
						if text, _ := in[key].(string); text != "" && !strings.Contains(squeezeBlanks(info), text) {
							t.Errorf("%s: the run says %q, info:\n%s", format, text, info)
						}
					}
				}
				if !said {
					t.Errorf("%s: the run says nothing of %s", format, path)
				}
			}
		})
	}
}

func squeezeBlanks(s string) string { return strings.Join(strings.Fields(s), " ") }

// answerOf are the numbers in the file that scaling studies compare.
func answerOf(t *testing.T, dir, name string) []float64 {
	t.Helper()
	path := filepath.Join(dir, name)
	if strings.HasSuffix(name, ".npz") {
		members, err := imageio.ReadNpz(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var all []float64
		for _, m := range members {
			all = append(all, m.Data...)
		}
		return all
	}
	a, err := imageio.ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}
