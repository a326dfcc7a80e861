package imageio

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// zipped packs files as they are; deflated where compress says so.
func zipped(t testing.TB, compress bool, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f[0], Method: zip.Store}
		if compress {
			h.Method = zip.Deflate
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNpzRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	want := []Member{
		{"high", Array{Shape: []int{2, 3}, Data: []float64{1, 2, 3, 4, 5, 6}}},
		{"empty", Array{Shape: []int{0, 4}, Data: []float64{}}},
		{"number", Array{Shape: []int{}, Data: []float64{7}}},
	}
	for range 2 { // an older file is replaced
		if err := WriteNpz(path, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadNpz(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range got {
		if m.Name != want[i].Name || m.Type != "float64" || !slices.Equal(m.Shape, want[i].Shape) || !slices.Equal(m.Data, want[i].Data) {
			t.Errorf("got %v, want %v", m, want[i])
		}
	}
	// What a reader that goes through the file once relies on: sizes before the data.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if flags := b[6]; flags&8 != 0 {
		t.Error("sizes come after the data")
	}
	text, err := Info(path)
	if err != nil || !strings.Contains(text, "npz, 3 arrays") || !strings.Contains(text, "float64 (2, 3), 1 to 6") {
		t.Errorf("info: %v\n%s", err, text)
	}
}

func TestNpzCompressed(t *testing.T) {
	one := string(npyBytes("<f4", false, []int{1}, []byte{0, 0, 0x80, 0x3f}))
	columns := string(npyBytes("|u1", true, []int{2, 2}, []byte{1, 2, 3, 4}))
	got, err := ReadNpz(save(t, "c.npz", zipped(t, true, [2]string{"a.npy", one}, [2]string{"b.npy", columns})), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Data[0] != 1 || got[0].Type != "float32" || !slices.Equal(got[1].Data, []float64{1, 3, 2, 4}) {
		t.Errorf("got %v", got)
	}
}

func TestNpzBad(t *testing.T) {
	good := string(npyBytes("<f8", false, []int{1}, make([]byte, 8)))
	broken := zipped(t, false, [2]string{"a.npy", good})
	broken[bytes.Index(broken, []byte(good))+len(good)-1] ^= 1 // the checksum knows
	huge := zipped(t, true, [2]string{"a.npy", good})
	sizes := bytes.Index(huge, []byte("PK\x01\x02")) + 24
	copy(huge[sizes:], "\xf0\xff\xff\xf0")
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"text", "not an npz file", []byte("hello")},
		{"nothing", "without arrays", zipped(t, false)},
		{"stranger", `holds "readme.txt"`, zipped(t, false, [2]string{"readme.txt", "hello"})},
		{"twice", "two arrays named a", zipped(t, false, [2]string{"a.npy", good}, [2]string{"a.npy", good})},
		{"not an array", "a.npy: not an npy file", zipped(t, false, [2]string{"a.npy", "hello, hello"})},
		{"too long", "77 bytes, want 76", zipped(t, false, [2]string{"a.npy", good + "x"})},
		{"too short", "needs 1 elements", zipped(t, false, [2]string{"a.npy", good[:len(good)-1]})},
		{"objects", "Python objects", zipped(t, false, [2]string{"a.npy", string(npyBytes("|O8", false, []int{1}, make([]byte, 8)))})},
		{"broken", "a.npy: zip: checksum error", broken},
		{"huge", "packed into", huge},
	} {
		_, err := ReadNpz(save(t, "x.npz", c.b), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, members := range [][]Member{nil, {{Name: ""}}, {{Name: "a/b"}}, {{"a", Array{Shape: []int{2}, Data: []float64{1}}}}} {
		path := filepath.Join(t.TempDir(), "x.npz")
		if err := WriteNpz(path, members); err == nil {
			t.Errorf("wrote %v", members)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("left a file behind")
		}
	}
}

func FuzzNpz(f *testing.F) {
	good := string(npyBytes("<f8", false, []int{1}, make([]byte, 8)))
	f.Add(zipped(f, false, [2]string{"a.npy", good}))
	f.Add(zipped(f, true, [2]string{"a.npy", good}, [2]string{"b.npy", good}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		members, err := readNpz(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		for _, m := range members {
			if n, err := product(m.Shape); err != nil || n != len(m.Data) {
				t.Errorf("%s: %d values for shape %v", m.Name, len(m.Data), m.Shape)
			}
		}
	})
}

// A file that numpy wrote.
func TestNpzNumpy(t *testing.T) {
	const path = "../../../shared/data/reference/scdl_out_hs100_A64_it100_asis.npz"
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	members, err := ReadNpz(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	for _, m := range members {
		shapes[m.Name] = shapeString(m.Shape)
	}
	if shapes["dh"] != "(25, 64)" || shapes["dl"] != "(9, 64)" || shapes["err_h"] != "(100,)" {
		t.Errorf("shapes %v", shapes)
	}
}
