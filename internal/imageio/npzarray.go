package imageio

import (
	"archive/zip"
	"fmt"
	"io"
)

// packedZip is the Packing of a frame in an npz file.
const packedZip = "npz"

// arrayOfNpz is the npy file of an array in an npz file: of the one called name, or, for "", of
// the only one.
func arrayOfNpz(r io.ReaderAt, size int64, name string) (io.ReaderAt, int64, error) {
	if what := otherZip(r, size); what != "" {
		return nil, 0, fmt.Errorf("the file is %s, not an array that can be read: save it as npy, npz or FITS", what)
	}
	packed, err := openNpz(r, size, parseNpyRecords)
	if err != nil {
		return nil, 0, err
	}
	var found *packedArray
	var list []string
	for i := range packed {
		p := &packed[i]
		if p.name == name || name == "" && len(packed) == 1 {
			found = p
		}
		list = append(list, fmt.Sprintf("%s %s", shortened(p.name), shapeString(p.header.shape)))
	}
	switch {
	case found == nil && name == "":
		return nil, 0, fmt.Errorf("an npz file with %d arrays, %s: choose one by its name, as in FILE.npz[%s]", len(packed), Listed(list), shortened(packed[0].name))
	case found == nil:
		return nil, 0, fmt.Errorf("no array [%s] in this npz file; it has %s", shortened(name), Listed(list))
	}
	if found.file.Method == zip.Store {
		begin, err := found.file.DataOffset()
		if err == nil {
			err = found.open(func(io.Reader) error { return nil }) // compares the checksum
		}
		return io.NewSectionReader(r, begin, found.length), found.length, err
	}
	return unpacked(int64(found.file.CompressedSize64), func() (io.Reader, error) { return found.file.Open() }, "compressed in an npz file")
}
