package imageio

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// verify decodes the tiles of a box without keeping their numbers where these take more
// memory than the file.
func (t *tiledNumbers) verify(ax [3]axis) error {
	count, each := int64(1), int64(3) // a tile takes memory for its integers and its values
	for _, a := range ax {
		count *= int64(a.hi - a.lo)
	}
	for _, side := range t.size {
		each *= int64(side)
	}
	if cheap(t.r, max(count, each), t.bytes) {
		return nil
	}
	return t.each(ax, func(i int, lo, hi []int) error {
		if t.sound[i] {
			return nil
		}
		n := 1
		for k := range lo {
			n *= hi[k] - lo[k]
		}
		if err := t.verifyTile(i, n, hi[0]-lo[0]); err != nil {
			return err
		}
		if t.sound == nil {
			t.sound = map[int]bool{}
		}
		t.sound[i] = true
		return nil
	})
}

// verifyTile finds what is wrong with a tile of n numbers in lines of side.
func (t *tiledNumbers) verifyTile(i, n, side int) error {
	row, err := t.readRow(t.r, i)
	if err != nil {
		return err
	}
	width := max(t.bitpix, -t.bitpix) / 8
	switch {
	case row.packed.count > 0:
		data, err := t.heapBytes(t.r, t.packed, row.packed)
		if err != nil {
			return err
		}
		switch t.algorithm {
		case "RICE_1":
			return riceInto(nil, data, n, t.block, t.bytepix)
		case "PLIO_1":
			return plioInto(nil, data, n)
		case "HCOMPRESS_1":
			return hcompressHolds(data, n, side)
		case "GZIP_1", "GZIP_2":
			if t.bitpix < 0 && !t.quantised {
				return inflates(data, n, width, width)
			}
			return inflates(data, n, 1, 8)
		}
		_, err = t.raw(row, i, n, side)
		return err
	case row.gzipped.count > 0:
		data, err := t.heapBytes(t.r, t.gzipped, row.gzipped)
		if err != nil {
			return err
		}
		return inflates(data, n, width, width)
	}
	_, err = t.raw(row, i, n, side) // as long as it is in the file
	return err
}

// inflates tells whether gzip unpacks to n numbers of least to most bytes, without keeping
// them.
func inflates(data []byte, n, least, most int) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	z.Multistream(false)
	got, err := io.Copy(io.Discard, io.LimitReader(z, int64(n)*int64(most)+1))
	if err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	if size := got / int64(n); size*int64(n) != got || size < int64(least) || size > int64(most) || size&(size-1) != 0 {
		return fmt.Errorf("%d bytes of %d numbers of %d bytes", got, n, most)
	}
	return nil
}
