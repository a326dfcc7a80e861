package imageio

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every kind of shape: what is the picture, and which cards of coordinates stay valid.
func TestFITSAxes(t *testing.T) {
	wcs := func(n string, ctype string) []string {
		return []string{"CTYPE" + n + "  = '" + ctype + "'", "CRPIX" + n + "  = " + n, "CRVAL" + n + "A = 5", "CUNIT" + n + "  = 'deg'", "PC" + n + "_" + n + "   = 1"}
	}
	all := slices.Concat([]string{"WCSAXES = 4", "WCSAXESA= 4"}, wcs("1", "RA---TAN"), wcs("2", "DEC--TAN"), wcs("3", "FREQ"), wcs("4", "STOKES"),
		[]string{"PC1_3   = 0.5", "CD3_1   = 0.5", "PV2_1   = 7", "PS4_0   = 'x'", "PV3_1   = 'drop' / &", "A_ORDER = 2", "BUNIT   = 'Jy'"})
	plain := []string{"CRPIX1  = 1", "CRPIX2  = 2", "CRPIX3  = 3", "CD1_2   = 12", "CD3_2   = 32"}
	for _, c := range []struct {
		axes       []int // NAXIS1 first
		cards      []string
		shape      [3]int
		want, gone []string
	}{
		{[]int{4, 3}, all[:12], [3]int{1, 3, 4}, []string{"WCSAXES = 4", "CRPIX2  = 2"}, nil}, // axes without data stay
		{[]int{4, 3, 1}, all, [3]int{1, 3, 4}, []string{"WCSAXES =                    2", "WCSAXESA=                    2", "CTYPE2  = 'DEC--TAN'", "PV2_1   = 7", "A_ORDER = 2", "BUNIT   = 'Jy'"},
			[]string{"CTYPE3", "CTYPE4", "CRVAL3A", "PC3_3", "PC1_3", "CD3_1", "PS4_0", "PV3_1"}},
		{[]int{4, 3, 5, 1}, all, [3]int{5, 3, 4}, []string{"WCSAXES =                    3", "CTYPE3  = 'FREQ'", "PC1_3   = 0.5"}, []string{"CTYPE4", "PS4_0"}},
		{[]int{4, 3, 1, 5}, all, [3]int{5, 3, 4}, []string{"WCSAXES =                    3", "CTYPE3  = 'STOKES'", "CRPIX3  = 4", "PS3_0   = 'x'", "CRVAL3A = 5"}, []string{"CTYPE4", "FREQ", "PC1_3"}},
		{[]int{4, 3, 2, 5}, all, [3]int{10, 3, 4}, []string{"WCSAXES =                    2", "CTYPE1  = 'RA---TAN'"}, []string{"CTYPE3", "CTYPE4", "PC1_3"}},
		{[]int{1, 4, 3}, plain, [3]int{1, 3, 4}, []string{"CRPIX1  = 2", "CRPIX2  = 3", "CD2_1   = 32"}, []string{"CRPIX3", "CD1_2", "CD1_1"}},
		{[]int{3, 4, 6}, plain, [3]int{3, 6, 4}, []string{"CRPIX1  = 2", "CRPIX2  = 3", "CRPIX3  = 1", "CD2_1   = 32", "CD3_1   = 12"}, nil},
		{[]int{3, 4, 6}, []string{"CTYPE1  = 'RA---TAN'", "CRPIX1  = 1"}, [3]int{6, 4, 3}, []string{"CRPIX1  = 1"}, nil}, // three columns of sky
		{[]int{1, 1, 2}, nil, [3]int{2, 1, 1}, nil, nil},
		{[]int{3, 4, 3}, nil, [3]int{3, 4, 3}, nil, nil}, // three channels of three columns
	} {
		n, _ := product(c.axes)
		path := save(t, "cube.fits", fitsBytes(cards(8, c.axes, c.cards...), make([]uint8, n)))
		f, err := ReadFrame(path)
		if err != nil {
			t.Errorf("%v: %v", c.axes, err)
			continue
		}
		if got := [3]int{f.Channels, f.Rows, f.Cols}; got != c.shape || len(f.Data) != n {
			t.Errorf("%v: %v, want %v", c.axes, got, c.shape)
		}
		var text strings.Builder
		for _, card := range f.Header {
			text.WriteString("\n" + string(card))
			if len(card) != cardBytes {
				t.Errorf("%v: card of %d bytes: %q", c.axes, len(card), card)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(text.String(), "\n"+want) {
				t.Errorf("%v: no card %q in%s", c.axes, want, text.String())
			}
		}
		for _, gone := range c.gone {
			if strings.Contains(text.String(), gone) {
				t.Errorf("%v: %q is kept in%s", c.axes, gone, text.String())
			}
		}
		s, err := StatStack(path)
		if err == nil && s.Header == nil && len(c.cards) > 0 {
			t.Errorf("%v: a stack without header", c.axes)
		}
	}
}

// Values of a colour-last array come to their places.
func TestFITSColourLast(t *testing.T) {
	stored := make([]uint8, 5*4*3)
	for i := range stored {
		stored[i] = uint8(i)
	}
	f, err := ReadFrame(save(t, "rgb.fits", fitsBytes(cards(8, []int{3, 4, 5}), stored)))
	if err != nil {
		t.Fatal(err)
	}
	for c := range 3 {
		for i := range 20 {
			if got := f.Data[c*20+i]; got != float64(3*i+c) {
				t.Fatalf("channel %d, pixel %d: %g, want %d", c, i, got, 3*i+c)
			}
		}
	}
}

// Keywords in lower case or with the value indicator out of place mean what they say, and are
// written as the standard has them.
func TestCardsOfScripts(t *testing.T) {
	for _, c := range []struct{ bzero, exptime string }{
		{"BZERO   = 32768", "EXPTIME = 3.5"}, {"bzero   = 32768", "exptime = 3.5"}, {"BZERO= 32768", "ExpTime = 3.5"},
		{"bzero   =32768", "EXPTIME=3.5"}, {"Bzero  =                32768", "exptime=3.5"},
	} {
		f, err := ReadFrame(save(t, "camera.fits", fitsBytes(cards(16, []int{2, 1}, c.bzero, c.exptime, "comment  is kept"), []int16{-32768, 32767})))
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		v, ok := f.Header.Get("EXPTIME")
		if f.Data[0] != 0 || f.Data[1] != 65535 || f.Type != "uint16" || !ok || v != "3.5" {
			t.Errorf("%+v: %v %s, EXPTIME %q", c, f.Data, f.Type, v)
		}
		for _, card := range f.Header {
			if card.Key() != strings.ToUpper(card.Key()) {
				t.Errorf("%+v: keeps %q", c, card)
			}
		}
	}
	if _, err := ReadFrame(save(t, "camera.fits", fitsBytes(cards(16, []int{2, 1}, "bzero   = many"), []int16{1, 2}))); err == nil || !strings.Contains(err.Error(), "BZERO") {
		t.Errorf("an offset that is no number: %v", err)
	}
}

// What a unit takes from the primary one.
func TestInherited(t *testing.T) {
	primary := []string{"FILTER  = 'F200W'", "CTYPE1  = 'RA---TAN'", "CD1_1   = 3", "EXTNAME = 'PRIMARY'", "HISTORY one"}
	for _, c := range []struct {
		name       string
		axes       []int // of the primary unit
		more       []string
		want, gone []string
	}{
		{"empty primary", nil, nil, []string{"FILTER", "CD1_1", "HISTORY"}, nil},
		{"INHERIT = T", nil, []string{"INHERIT = T"}, []string{"FILTER"}, []string{"INHERIT"}},
		{"INHERIT = F", nil, []string{"INHERIT = F"}, nil, []string{"FILTER"}},
		{"data in the primary", []int{1, 1}, nil, nil, []string{"FILTER"}},
		{"coordinates of its own", nil, []string{"CTYPE1  = 'GLON-TAN'", "PC1_1   = 1"}, []string{"FILTER", "PC1_1"}, []string{"CD1_1"}},
		{"a value of its own", nil, []string{"FILTER  = 'own'"}, []string{"FILTER"}, nil},
	} {
		list := []any{cards(8, c.axes, primary...)}
		if len(c.axes) > 0 {
			list = append(list, []uint8{1})
		}
		list = append(list, extension("IMAGE", 8, []int{2, 2}, append([]string{"EXTNAME = 'SCI'"}, c.more...)...), []uint8{1, 2, 3, 4})
		f, err := Stat(save(t, "a.fits", fitsBytes(list...)))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range c.want {
			if _, ok := f.Header.card(key); !ok {
				t.Errorf("%s: no %s", c.name, key)
			}
		}
		for _, key := range c.gone {
			if _, ok := f.Header.card(key); ok {
				t.Errorf("%s: %s is kept", c.name, key)
			}
		}
		if v, _ := f.Header.Get("EXTNAME"); v != "SCI" || f.HDU != 1 {
			t.Errorf("%s: unit %d, %q", c.name, f.HDU, v)
		}
	}
}

// Tables of a distortion come along, whole and once; cards of tables that are not there go.
func TestLookupTables(t *testing.T) {
	sci := extension("IMAGE", 8, []int{2, 2}, "EXTNAME = 'SCI'", "CPDIS1  = 'LOOKUP'", "DP1     = 'EXTVER: 2'", "CPDIS2  = 'Lookup'", "DP2     = 'EXTVER: 9'", "DP2     = 'NAXES: 2'", "D2IMDIS1= 'LOOKUP'", "D2IM1   = 'EXTVER: 1'")
	table := func(name string, version string) string {
		return extension("IMAGE", 8, []int{3, 1}, "EXTNAME = '"+name+"'", "EXTVER  = "+version)
	}
	path := save(t, "hst.fits", fitsBytes(cards(8, nil), sci, []uint8{1, 2, 3, 4}, table("WCSDVARR", "1"), []uint8{1, 1, 1}, table("WCSDVARR", "2"), []uint8{2, 2, 2},
		table("D2IMARR", "1"), []uint8{3, 3, 3}))
	f, err := ReadFrame(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"CPDIS1": true, "DP1": true, "CPDIS2": false, "DP2": false, "D2IMDIS1": true} {
		if _, ok := f.Header.card(key); ok != want {
			t.Errorf("%s is there: %v, want %v", key, ok, want)
		}
	}
	out := filepath.Join(t.TempDir(), "out.fits")
	if err := WriteFITS(out, f); err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]float64{"[WCSDVARR,2]": 2, "[D2IMARR]": 3} {
		g, err := ReadFrame(out + unit)
		if err != nil || g.Data[0] != want || g.Cols != 3 {
			t.Errorf("%s: %+v %v", unit, g, err)
		}
	}
	if _, err := Stat(out + "[WCSDVARR,1]"); err == nil {
		t.Error("a table that no card refers to came along")
	}
	// The parts of several processes give the same bytes.
	parts := filepath.Join(t.TempDir(), "parts.fits")
	w, err := CreateParts(parts, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBox(Box{R1: 2, C1: 2}, f.Data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Publish(); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(out)
	b, _ := os.ReadFile(parts)
	if !bytes.Equal(a, b) {
		t.Errorf("%d bytes from one process, %d from several", len(a), len(b))
	}
}

// Of several planes SCI is the picture, wherever it stands.
func TestScienceUnit(t *testing.T) {
	path := save(t, "a.fits", fitsBytes(cards(8, nil), extension("IMAGE", 8, []int{2, 2}, "EXTNAME = 'DQ'"), make([]uint8, 4),
		extension("IMAGE", 8, []int{3}, "EXTNAME = 'LINE'"), make([]uint8, 3), extension("IMAGE", 8, []int{2, 2}, "EXTNAME = 'SCI'"), []uint8{7, 7, 7, 7}))
	if f, err := ReadFrame(path); err != nil || f.Data[0] != 7 {
		t.Errorf("%v %v, want the unit SCI", f, err)
	}
	units, chosen, err := Units(path)
	if err != nil || chosen != 3 || len(units) != 4 || units[1].Name != "DQ" || OfUnit(path, units[1]) != path+"[DQ,1]" {
		t.Errorf("%+v, chosen %d, %v", units, chosen, err)
	}
}

// Every format reads the same in gzip, in memory and when it is too large for that.
func TestGzip(t *testing.T) {
	pixels := make([]uint8, 6000*3000) // more than is held
	for i := range pixels {
		pixels[i] = uint8(i % 251)
	}
	small := &Frame{Channels: 1, Rows: 2, Cols: 3, Data: []float64{0, 1, 0, 1, 1, 0}}
	dir := t.TempDir()
	png := filepath.Join(dir, "a.png")
	if err := WritePNG(png, small, Linear(0, 1)); err != nil {
		t.Fatal(err)
	}
	picture, _ := os.ReadFile(png)
	for name, file := range map[string][]byte{
		"large.fits": fitsBytes(cards(8, nil), extension("IMAGE", 8, []int{3000, 6000}), pixels), "small.fits": fitsBytes(cards(8, []int{2, 2}), []uint8{1, 2, 3, 4}),
		"a.npy": npyBytes("|u1", false, []int{2, 3}, pixels[:6]), "a.png": picture,
	} {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		z.Write(file)
		z.Close()
		want, err := ReadFrame(save(t, name, file))
		if err != nil {
			t.Fatal(err)
		}
		path := save(t, name+".gz", b.Bytes())
		got, err := ReadFrame(path)
		if err != nil || different(got.Data, want.Data) != 0 || got.ReadsBoxes() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		box := Box{R0: want.Rows / 2, R1: want.Rows, C0: 1, C1: want.Cols}
		cut, err := ReadBox(path, box)
		if w := want.Cols - 1; err != nil || cut.Data[0] != want.Data[box.R0*want.Cols+1] || cut.Data[len(cut.Data)-1] != want.Data[len(want.Data)-1] || len(cut.Data) != w*(box.R1-box.R0) {
			t.Errorf("%s: a box: %v", name, err)
		}
		for _, n := range []int{5, b.Len() / 2, b.Len() - 3} {
			if _, err := ReadFrame(save(t, name+".gz", b.Bytes()[:n])); err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s, %d bytes of %d: %v", name, n, b.Len(), err)
			}
		}
	}
}

// The headers of a large compressed file are read without the rest of it, and rightly where its
// last bytes do not give its length.
func TestGzipHeaders(t *testing.T) {
	pixels := make([]uint8, 3000*3000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = uint8(r.IntN(16))
	}
	file := fitsBytes(cards(8, []int{3000, 3000}), pixels, extension("IMAGE", 8, []int{2, 2}, "EXTNAME = 'DQ'"), []uint8{1, 2, 3, 4})
	pack := func(b []byte) []byte {
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		z.Write(b)
		z.Close()
		return out.Bytes()
	}
	whole := pack(file)
	one := pack(file[:2880+len(pixels)]) // the last unit is cut off
	damaged := bytes.Clone(pack(fitsBytes(cards(8, []int{3000, 3000}), pixels)))
	damaged[len(damaged)/2] ^= 0x55
	for name, c := range map[string]struct {
		file  []byte
		units int
		reads bool
	}{
		"whole": {whole, 2, true}, "in two parts": {append(pack(file[:3000000]), pack(file[3000000:])...), 2, true},
		"damaged in the middle": {damaged, 1, false}, "without its padding": {one, 1, true},
	} {
		path := save(t, "a.fits.gz", c.file)
		f, err := Stat(path)
		if err != nil || f.Rows != 3000 || f.Packing != packedGzip {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		units, chosen, err := Units(path)
		if err != nil || len(units) != c.units || chosen != 0 {
			t.Errorf("%s: %d units, %v, want %d", name, len(units), err, c.units)
		}
		if _, err := ReadFrame(path); (err == nil) != c.reads {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := save(t, "b.fits.gz", pack(fitsBytes(cards(8, []int{3000, 3000}), pixels)))
	if took, err := tookMemory(func() error { _, err := Stat(path); return err }); err != nil || took > 1<<20 {
		t.Errorf("%v, %d bytes of memory", err, took)
	}
}

func FuzzGunzip(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(fitsBytes(cards(8, []int{2, 2}), []uint8{1, 2, 3, 4}))
	z.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		r, size, err := gunzip(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		start := make([]byte, 9)
		if n, _ := r.ReadAt(start, 0); int64(n) > size {
			t.Fatalf("%d bytes of %d", n, size)
		}
		r.ReadAt(start, size-1)
	})
}
