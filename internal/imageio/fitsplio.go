package imageio

import (
	"encoding/binary"
	"fmt"
)

// plio decodes n numbers of a mask from a line list of IRAF: words of 16 bits, the upper four
// bits an instruction and the lower twelve its argument d. h is the current value, 1 at first.
//
//	0     d zeros                4  d times h         5  d-1 zeros, then h
//	1     h = d + 4096 x next word
//	2, 3  h += d, h -= d         6, 7  as 2 and 3, then h once
//
// What the list does not reach is 0. Source: FITS Standard 4.0, section 10.4.3.
func plio(data []byte, n int) ([]int64, error) {
	out := make([]int64, n)
	return out, plioInto(out, data, n)
}

// plioInto decodes into out, or, where that is nil, only finds what is wrong.
func plioInto(out []int64, data []byte, n int) error {
	words := make([]int, len(data)/2)
	for i := range words {
		words[i] = int(int16(binary.BigEndian.Uint16(data[2*i:])))
	}
	if len(words) < 4 {
		return errTileEnds
	}
	// The header of an old list has its length in one word, that of a new one in two.
	length, at := words[2], 3
	if length <= 0 {
		if len(words) < 7 {
			return errTileEnds
		}
		length, at = words[4]<<15+words[3], words[1]
	}
	if length > len(words) || at < 3 || at > len(words) {
		return fmt.Errorf("a line list of %d words that announces %d from %d on", len(words), length, at)
	}
	x, high := 0, int64(1)
	run := func(d int, fill bool) error {
		if x+d > n {
			return fmt.Errorf("a line list of more than %d numbers", n)
		}
		for i := x; fill && out != nil && i < x+d; i++ {
			out[i] = high
		}
		x += d
		return nil
	}
	for ; at < length; at++ {
		d := words[at] & 0xfff
		var err error
		switch code := words[at] >> 12 & 0xf; code {
		case 0, 4:
			err = run(d, code == 4)
		case 5:
			if err = run(d, false); err == nil && d > 0 && out != nil {
				out[x-1] = high
			}
		case 1:
			if at++; at >= length {
				return errTileEnds
			}
			high = int64(words[at])<<12 + int64(d)
		case 2, 6:
			high += int64(d)
			if code == 6 {
				err = run(1, true)
			}
		case 3, 7:
			high -= int64(d)
			if code == 7 {
				err = run(1, true)
			}
		default:
			err = fmt.Errorf("instruction %d in a line list", code)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
