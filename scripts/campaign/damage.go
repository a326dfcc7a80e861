package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"encoding/binary"
)

// damage changes a file. It returns false where the file has no place for it.
type damage struct {
	name string
	do   func(rng *rand.Rand, path string) (bool, error)
}

// bytesOf makes a damage of a function of the content.
func bytesOf(name string, change func(rng *rand.Rand, b []byte) []byte) damage {
	return damage{name, func(rng *rand.Rand, path string) (bool, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		after := change(rng, append([]byte(nil), b...))
		if after == nil || string(after) == string(b) {
			return false, nil
		}
		return true, os.WriteFile(path, after, 0o666)
	}}
}

// flip makes a damage that changes a bit of a byte between two fractions of the file.
func flip(name string, lo, hi float64) damage {
	return bytesOf(name, func(rng *rand.Rand, b []byte) []byte {
		from, to := int(lo*float64(len(b))), int(hi*float64(len(b)))
		if to <= from {
			return nil
		}
		b[from+rng.IntN(to-from)] ^= 1 << rng.IntN(8)
		return b
	})
}

// class makes a damage that changes a bit of a byte of a class.
func class(name string, of func(byte) bool) damage {
	return bytesOf(name, func(rng *rand.Rand, b []byte) []byte {
		var at []int
		for i, c := range b {
			if of(c) {
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return nil
		}
		b[at[rng.IntN(len(at))]] ^= 1 << rng.IntN(7)
		return b
	})
}

// in tells whether a byte is one of a set.
func in(set string) func(byte) bool {
	return func(c byte) bool { return strings.IndexByte(set, c) >= 0 }
}

// replaced makes a damage that puts something else in the place of a file.
func replaced(name string, by func(path string) error) damage {
	return damage{name, func(_ *rand.Rand, path string) (bool, error) {
		if err := os.Remove(path); err != nil {
			return false, err
		}
		return true, by(path)
	}}
}

// damages are one of each class of bytes and of each thing that happens to files.
var damages = []damage{
	flip("bit of the first bytes", 0, 0.02),
	flip("bit of the first half", 0, 0.5),
	flip("bit of the second half", 0.5, 1),
	flip("bit of the last bytes", 0.98, 1),
	class("digit", in("0123456789")),
	class("letter", func(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }),
	class("punctuation", in(`"{}[](),:=.'-+`)),
	class("zero", in("\x00")),
	class("high byte", func(c byte) bool { return c >= 0x80 }),
	bytesOf("number changed", func(rng *rand.Rand, b []byte) []byte {
		// The first digits of a text, or eight bytes at a multiple of eight.
		for i, c := range b {
			if '0' <= c && c <= '9' && rng.IntN(4) == 0 {
				words := []string{"1e999", "-1", "99999999999999999999", "nan", "0", "1e-320", "1e300"}
				return append(append(append([]byte(nil), b[:i]...), words[rng.IntN(len(words))]...), b[i+1:]...)
			}
		}
		return nil
	}),
	bytesOf("value changed", func(rng *rand.Rand, b []byte) []byte {
		if len(b) < 200 {
			return nil
		}
		at := len(b) - 8*(1+rng.IntN((len(b)-150)/8))
		values := []float64{math.Inf(1), math.NaN(), 1e300, 1e-320, -1e18, 0}
		binary.LittleEndian.PutUint64(b[at:], math.Float64bits(values[rng.IntN(len(values))]))
		return b
	}),
	bytesOf("zeros", func(rng *rand.Rand, b []byte) []byte {
		from := rng.IntN(len(b) + 1)
		clear(b[from:min(len(b), from+512)])
		return b
	}),
	bytesOf("noise", func(rng *rand.Rand, b []byte) []byte {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}),
	bytesOf("cut off", func(rng *rand.Rand, b []byte) []byte { return b[:rng.IntN(len(b)+1)] }),
	bytesOf("last byte missing", func(_ *rand.Rand, b []byte) []byte { return b[:max(0, len(b)-1)] }),
	bytesOf("longer", func(rng *rand.Rand, b []byte) []byte { return append(b, b[:min(len(b), 1+rng.IntN(64))]...) }),
	bytesOf("twice", func(_ *rand.Rand, b []byte) []byte { return append(b, b...) }),
	bytesOf("long line", func(_ *rand.Rand, b []byte) []byte { return append([]byte(strings.Repeat("x", 1<<20)), b...) }),
	bytesOf("control characters", func(rng *rand.Rand, b []byte) []byte {
		at := rng.IntN(len(b) + 1)
		return append(append(append([]byte(nil), b[:at]...), "\x1b[31m\x07\u202e"...), b[at:]...)
	}),
	replaced("empty", func(path string) error { return os.WriteFile(path, nil, 0o666) }),
	replaced("missing", func(string) error { return nil }),
	replaced("a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }),
	replaced("a folder", func(path string) error { return os.Mkdir(path, 0o777) }),
	replaced("a device", func(path string) error { return os.Symlink("/dev/zero", path) }),
}

// swapped puts another file of the same folder in the place of one.
func swapped(rng *rand.Rand, path string) (bool, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	var others []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != filepath.Base(path) {
			others = append(others, e.Name())
		}
	}
	if len(others) == 0 {
		return false, nil
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(path), others[rng.IntN(len(others))]))
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(path, b, 0o666)
}

// copyFolder copies the ordinary files of a folder, with its folders.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(at, 0o777)
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, b, 0o666)
	})
}

// filesOf are the ordinary files below a folder, relative to it.
func filesOf(folder string) (names []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var rel string
			rel, err = filepath.Rel(folder, path)
			names = append(names, rel)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s has no files", folder)
	}
	return names, err
}
