package imageio

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

// Unit is a header-data unit of a FITS file, as a reader finds it.
type Unit struct {
	Index   int
	Name    string // EXTNAME, in capitals
	Type    string // EXTTYPE, in capitals
	Version int    // EXTVER; 1 where nothing is said
	Shape   []int  // of an image, the slowest axis first; nil of other units
	Header  Header // with what it inherits from the primary unit
}

// Units lists the units of a FITS file, nil for a file in another format. The unit that
// ReadFrame would read of the path has the index chosen.
func Units(path string) (list []Unit, chosen int, err error) {
	name, want := resolve(path)
	if r, size, ok := openHeaders(name); ok {
		list, chosen, err = unitsOf(path, r, size, want)
		r.Close()
		if err == nil {
			return list, chosen, nil
		}
	}
	r, size, err := open(name)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	return unitsOf(path, r, size, want)
}

func unitsOf(path string, r io.ReaderAt, size int64, want string) (list []Unit, chosen int, err error) {
	var start [len(fitsMagic)]byte
	if n, _ := r.ReadAt(start[:], 0); string(start[:n]) != fitsMagic {
		return nil, 0, nil
	}
	found, primary, err := findUnit(r, size, want)
	if err != nil {
		return nil, 0, fmt.Errorf("imageio: %s: %w", path, err)
	}
	for u, err := range units(r, size) {
		if err != nil {
			if _, lazy := r.(*opened); lazy && r.(*opened).guessed {
				return nil, 0, err
			}
			break
		}
		v := Unit{Index: u.index, Name: u.name(), Version: 1, Header: u.inherited(primary)}
		if u.image() {
			v.Shape = reversed(u.axes)
		}
		if text, ok := u.header.Get("EXTVER"); ok {
			v.Version, _ = strconv.Atoi(text)
		}
		if text, ok := u.header.Get("EXTTYPE"); ok {
			v.Type = text
		}
		list = append(list, v)
	}
	return list, found.index, nil
}

// OfUnit is the path of another unit of the file in a path, by name where it has one.
func OfUnit(path string, u Unit) string {
	name, _ := resolve(path)
	if u.Name == "" {
		return fmt.Sprintf("%s[%d]", name, u.Index)
	}
	return fmt.Sprintf("%s[%s,%d]", name, u.Name, u.Version)
}

// FileOf is a path without the unit that it chooses, and that unit.
func FileOf(path string) (name, unit string) { return resolve(path) }

// Exists tells whether there is a file of that name.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
