// Package imageio reads and writes images, arrays and tables of numbers.
//
// It reads npy (every real numpy type, both byte orders, C and Fortran order), FITS
// (primary array, image extension, tile-compressed image or binary table), PNG, JPEG, TIFF, CSV
// and npz, and each of them in gzip. The content of a file decides its format, not its name. It
// writes npy, npz (as numpy.savez), FITS, PNG and CSV. A file is written beside its final name and renamed when it is complete, so
// that a crash leaves no incomplete file. Several processes can write one npy or FITS file
// together (PartsFile).
//
// A Frame is channels x rows x cols float64, row-major, channel planes first.
// What a pixel value means depends on the format:
//
//	npy   the number in the file, whatever its type (a uint8 array is 0..255)
//	FITS  BZERO + BSCALE * stored; BLANK becomes NaN
//	PNG   sample / largest sample, so 0..1; no gamma is removed; alpha 0 becomes NaN
//	JPEG  as PNG, 8 bit
//	TIFF  as PNG for unsigned samples of up to 16 bits; the number in the file for others
//
// In every format NaN is a missing pixel. Integers beyond 2^53 are rounded to the nearest
// float64.
//
// An array of shape (rows, cols) is a grey image. Of three axes the first is the channel,
// unless the last has length 3 or 4 and the first is neither 1 nor 3: then the shape is
// (rows, cols, colour), as Python's imaging libraries store it, and a fourth colour is
// alpha. A last axis of length 1 behind rows and columns is left out, and so are axes of length
// 1 beyond three. These rules hold for FITS too, unless the header says that its first axis is
// one of the sky (CTYPE1); a FITS cube of more axes is one of channels. Pictures are turned as
// their Exif orientation says. A Stack is read by another rule: it is many images of one size, of which any range can be read or written, and the
// first axis always counts the images.
//
// Row 0 is the first row in the file and the top row of every PNG written.
//
// A size in a file's header is compared with the length of the file before memory is
// allocated for it. A reader needs 8 bytes for each pixel that it returns and a buffer of
// 256 KiB; for PNG and JPEG also the decoded image, for a FITS tile or a TIFF strip what it
// decodes to, for gzip 16 MiB, for CSV one line. ReadBox, ReadMatrix and ReadNpyRows read only
// the bytes that they need, if the format allows it. Of an npz file only the chosen arrays are
// unpacked, after all names and shapes have been read.
//
// Only ordinary files are opened: a device or a pipe is an error at once. Messages shorten
// names out of files, and list the first ones.
//
// The FITS code is our own. The library astrogo/fitsio reads every unit of a file whole,
// does not apply BSCALE, BZERO and BLANK, refuses a file for one unusual card
// ("EXPTIME = .5"), panics on some others, and changes some cards when it writes them
// (O'Neill becomes O). The tests compare reader and writer with it.
//
// Sources: numpy.lib.format (npy 1.0-3.0); FITS Standard 4.0 (IAU FITS Working
// Group, 2018), of which section 10 has the compressions; TIFF 6.0 (Adobe,
// 1992); Exif 2.3; Lupton et al. 2004, PASP 116, 133 (asinh colour pictures).
package imageio
