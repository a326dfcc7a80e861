package imageio

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// readers are the functions that read a file by its path. TestReadersAreListed holds the table
// to be complete; FuzzReaders and TestMemoryOnTheWayToAnError go through it.
var readers = map[string]func(path string) error{
	"Open": func(path string) error {
		f, _, err := Open(path)
		if err == nil {
			f.Close()
		}
		return err
	},
	"ReadText":    func(path string) error { _, err := ReadText(path, 1000); return err },
	"ReadFrame":   func(path string) error { _, err := ReadFrame(path); return err },
	"ReadBox":     func(path string) error { _, err := ReadBox(path, Box{0, 1, 0, 1}); return err },
	"Stat":        func(path string) error { _, err := Stat(path); return err },
	"ReadPlane":   func(path string) error { _, err := ReadPlane(path); return err },
	"Info":        func(path string) error { _, err := Info(path); return err },
	"StatMatrix":  func(path string) error { _, _, err := StatMatrix(path); return err },
	"ReadMatrix":  func(path string) error { _, err := ReadMatrix(path, Box{0, 1, 0, 1}); return err },
	"ReadNpy":     func(path string) error { _, err := ReadNpy(path); return err },
	"ReadNpyRows": func(path string) error { _, err := ReadNpyRows(path, 0, 1); return err },
	"StatNpy":     func(path string) error { _, err := StatNpy(path); return err },
	"ReadNpz":     func(path string) error { _, err := ReadNpz(path, nil); return err },
	"StatStack":   func(path string) error { _, err := StatStack(path); return err },
	"ReadStack":   func(path string) error { _, err := ReadStack(path, 0, 1); return err },
	"ReadTable":   func(path string) error { _, err := ReadTable(path); return err },
	"ReadFields":  func(path string) error { _, _, err := ReadFields(path); return err },
	"ReadCell":    func(path string) error { _, _, _, err := ReadCell(path, "A", "B"); return err },
	"SampleTable": func(path string) error { _, _, err := SampleTable(path, 10); return err },
	"TableNames":  func(path string) error { _, err := TableNames(path); return err },
	"Units":       func(path string) error { _, _, err := Units(path); return err },
}

func TestReadersAreListed(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// These write a file, or look at its name alone.
	others := regexp.MustCompile(`^(Write.*|Create.*|OpenParts|OfUnit|FileOf|Exists)$`)
	found := 0
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || others.MatchString(f.Name.Name) || len(f.Type.Params.List) == 0 ||
				len(f.Type.Params.List[0].Names) == 0 || f.Type.Params.List[0].Names[0].Name != "path" {
				continue
			}
			found++
			if readers[f.Name.Name] == nil {
				t.Errorf("%s of %s is not in the table of readers", f.Name.Name, path)
			}
		}
	}
	if found < len(readers) {
		t.Errorf("%d readers in the sources, %d in the table", found, len(readers))
	}
}

// What is no ordinary file is refused at once: a pipe without a writer would block, a device
// need not end.
func TestNotOrdinary(t *testing.T) {
	dir := t.TempDir()
	pipe, link, socket := filepath.Join(dir, "pipe.fits"), filepath.Join(dir, "link.npy"), filepath.Join(dir, "s")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ path, want string }{
		{pipe, "not an ordinary file but a pipe"}, {link, "not an ordinary file but a pipe"}, {"/dev/zero", "not an ordinary file but a device"},
		{dir, "not an ordinary file but a directory"}, {socket, "not an ordinary file but a socket"},
	} {
		for _, name := range slices.Sorted(maps.Keys(readers)) {
			if err := readers[name](c.path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s of %s: %v, want %q", name, c.path, err, c.want)
			}
		}
	}
}

func TestReadText(t *testing.T) {
	path := save(t, "a.toml", []byte("12345"))
	if text, err := ReadText(path, 5); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := ReadText(path, 4); err == nil || !strings.Contains(err.Error(), "longer than 4 bytes") {
		t.Error(err)
	}
	if _, err := ReadText(path+"x", 4); !os.IsNotExist(err) {
		t.Error(err)
	}
	if _, err := os.Stat("/proc/self/status"); err == nil {
		if text, err := ReadText("/proc/self/status", 1<<16); err != nil || len(text) == 0 {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// Whatever the length and number of the names in a file, what is said about it stays short.
func TestMessagesAreBounded(t *testing.T) {
	const many, long = 3000, 1 << 20
	name := strings.Repeat("n", long)
	npyHead := func(dict string) []byte {
		n := len(dict)
		return append([]byte("\x93NUMPY\x02\x00"+string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})), dict...)
	}
	headers := []any{cards(8, nil)}
	for range many {
		headers = append(headers, strings.Replace(cards(8, nil, "EXTNAME = 'SOMETHING'"), "SIMPLE  =                    T", "XTENSION= 'IMAGE   '          ", 1))
	}
	good := string(npyBytes("<f8", false, []int{1}, make([]byte, 8)))
	var members [][2]string
	for i := range many {
		members = append(members, [2]string{fmt.Sprint(i, ".npy"), good})
	}
	for title, b := range map[string][]byte{
		"npy key":         npyHead("{'" + name[:long-100] + "': 3}"),
		"npy type":        npyHead("{'descr': '" + name[:long-100] + "', 'fortran_order': False, 'shape': (1,)}"),
		"npz name":        zipped(t, false, [2]string{name[:60000], good}),
		"npz array":       zipped(t, false, [2]string{name[:60000] + ".npy", "hello, hello"}),
		"many npz arrays": zipped(t, false, members...),
		"many FITS units": fitsBytes(headers...),
		"CSV name":        []byte(name + ",b\n1\n"),
		"CSV field":       []byte("a,b\n1," + name + "\n"),
		"CSV names":       []byte(strings.Repeat("name,", long/5) + "last\nx\n"),
		"text":            []byte(name),
	} {
		path := save(t, "file", b)
		for _, reader := range slices.Sorted(maps.Keys(readers)) {
			if err := readers[reader](path); err != nil && len(err.Error()) > 1500+len(path) {
				t.Errorf("%s, %s: a message of %d bytes", title, reader, len(err.Error()))
			}
		}
		if text, err := Info(path); err == nil && len(text) > 20000 {
			t.Errorf("%s: info of %d bytes", title, len(text))
		}
	}
	long1 := filepath.Join(t.TempDir(), "a.fits") + "[" + name + "]"
	if err := os.WriteFile(long1[:strings.IndexByte(long1, '[')], fitsBytes(cards(8, nil)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFrame(long1); err == nil || len(err.Error())-len(long1) > 1500 {
		t.Errorf("a message of %d bytes about a name of %d", len(err.Error()), len(long1))
	}
}

// A small file whose arrays are long when unpacked costs what is asked of it.
func TestNpzBomb(t *testing.T) {
	const count = 1 << 20 // 8 MB of zeros in some kB
	zeros := string(npyBytes("<f8", false, []int{count}, make([]byte, 8*count)))
	small := string(npyBytes("<f8", false, []int{1}, make([]byte, 8)))
	path := save(t, "bomb.npz", zipped(t, true, [2]string{"a.npy", zeros}, [2]string{"w.npy", small}, [2]string{"b.npy", zeros}))
	for _, c := range []struct {
		name string
		read func() error
	}{
		{"refused by its shapes", func() error {
			_, err := ReadNpz(path, func(all []Member) ([]string, error) {
				if len(all) != 3 || all[0].Name != "a" || all[0].Shape[0] != count || all[0].Data != nil {
					t.Errorf("%+v", all)
				}
				return nil, fs.ErrInvalid
			})
			if err == nil {
				return fmt.Errorf("accepted")
			}
			return nil
		}},
		{"one of three", func() error {
			list, err := ReadNpz(path, func([]Member) ([]string, error) { return []string{"w"}, nil })
			if err == nil && (len(list) != 1 || list[0].Name != "w" || len(list[0].Data) != 1) {
				t.Errorf("read %v", list)
			}
			return err
		}},
		{"info", func() error { _, err := Info(path); return err }},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.read()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err != nil || took > 6<<20 {
			t.Errorf("%s: %v; it took %d bytes of memory", c.name, err, took)
		}
	}
}
