// Package imageio reads the images users have and writes what a run leaves behind.
//
// In: npy (every real numpy type, both byte orders, C and Fortran order), FITS
// (primary array or image extension), PNG and JPEG; the content of the file
// decides, not its name. Out: npy, FITS, PNG, each written beside its final name
// and renamed when complete, so a crash never leaves half a file. Several arrays go
// in one npz file, as numpy.savez and numpy.load have it.
//
// A Frame is channels x rows x cols float64, row-major, channel planes first.
// What a pixel value means depends on the format:
//
//	npy   the number in the file, whatever its type (a uint8 array is 0..255)
//	FITS  BZERO + BSCALE * stored; BLANK and NaN become NaN
//	PNG   sample / largest sample, so 0..1; no gamma is removed; alpha 0 becomes NaN
//	JPEG  as PNG, 8 bit
//
// NaN is a missing pixel everywhere. Integers beyond 2^53 are rounded to the
// nearest float64.
//
// Which array is an image? (rows, cols) is grey. Of three axes the first is the
// channel, unless the last has length 3 or 4 and the first is neither 1 nor 3:
// then it is (rows, cols, colour), as Python's imaging libraries store it, and a
// fourth colour is alpha. Leading axes of length 1 beyond three are dropped.
// A Stack is the exception: many images of one size, read and written a few at a
// time, whose first axis counts the images whatever the lengths.
//
// Row 0 is the first row in the file and the top row of every PNG written.
//
// Every size a file claims is checked against the file's length before memory is
// taken for it. A reader holds one float64 per pixel asked for and a buffer of
// 256 KiB; PNG and JPEG hold the decoded image besides, and text a line. ReadBox,
// ReadMatrix and ReadNpyRows read only the bytes they need where the format has random
// access.
//
// FITS is coded here rather than by astrogo/fitsio, which reads every unit of a file
// whole, does not apply BSCALE, BZERO and BLANK, refuses a file for one odd card
// ("EXPTIME = .5"), panics on some others, and does not write back every card as it
// was (O'Neill becomes O). The tests hold reader and writer against it.
//
// Sources: numpy.lib.format (npy 1.0-3.0); FITS Standard 4.0 (IAU FITS Working
// Group, 2018); Lupton et al. 2004, PASP 116, 133 (asinh colour pictures).
package imageio
