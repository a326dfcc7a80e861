package imageio

import (
	"fmt"
	"io"

	"tessera/internal/hostmemory"
)

// spareBytes is the memory that a reader may take for numbers, beyond the length of the file,
// before it is known that the file holds them.
const spareBytes = 32 << 20

// cheap tells whether memory for so many numbers may be taken before it is known that a part of
// so many bytes of the file r holds them. Of a file that is compressed as a whole the bytes do not
// count: these are the unpacked ones, which may be many more than the file has. Where it may not, a reader of compressed data or of text goes
// through the file once without keeping the numbers: so an error takes at most twice the
// length of the file and 64 MB.
func cheap(r io.ReaderAt, numbers, size int64) bool {
	switch o := r.(type) {
	case *opened:
		if o.gzip {
			size = 0
		}
	case *chunks, *unpacker:
		size = 0
	}
	return numbers <= (spareBytes+size)/8
}

// room refuses numbers for which the host has far too little memory.
func room(numbers int64) error {
	const large = 1 << 27 // numbers: for fewer the system is not asked
	if numbers < large {
		return nil
	}
	if has := hostmemory.Total(); 8*float64(numbers) > 2*has {
		return fmt.Errorf("%d numbers need %.3g GB of memory, and this host has %.3g GB: give a file with fewer", numbers, 8e-9*float64(numbers), 1e-9*has)
	}
	return nil
}

// holds unpacks so many bytes without keeping them.
func holds(r io.Reader, want int64) error {
	n, err := io.CopyN(io.Discard, r, want)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%d of %d bytes: %w", n, want, err)
	}
	return nil
}
