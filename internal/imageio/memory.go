package imageio

import (
	"fmt"
	"io"
)

// spareBytes is the memory that a reader may take for numbers, beyond the length of the file,
// before it is known that the file holds them.
const spareBytes = 32 << 20

// cheap tells whether memory for so many numbers may be taken before it is known that a file
// of so many bytes holds them. Where it may not, a reader of compressed data or of text goes
// through the file once without keeping the numbers: so an error takes at most twice the
// length of the file and 64 MB.
func cheap(numbers int64, size int64) bool { return numbers <= (spareBytes+size)/8 }

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
