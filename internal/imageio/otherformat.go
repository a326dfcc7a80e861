package imageio

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// otherFormats are beginnings of files that are no tables, images or arrays that can be
// read, and what such a file is.
var otherFormats = []struct{ magic, what string }{
	{pngMagic, "a PNG picture"},
	{jpegMagic, "a JPEG picture"},
	{"GIF8", "a GIF picture"},
	{"II*\x00", "a TIFF picture"},
	{"MM\x00*", "a TIFF picture"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file"},
	{"CDF\x01", "a netCDF file"},
	{"CDF\x02", "a netCDF file"},
	{"CDF\x05", "a netCDF file"},
	{"PAR1", "a Parquet file"},
	{"ARROW1", "an Arrow (Feather) file"},
	{"FEA1", "a Feather file"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls)"},
	{"SQLite format 3\x00", "an SQLite data base"},
	{"MATLAB 5.0 MAT-file", "a MATLAB file"},
	{"RDX2", "an R data file"},
	{"RDX3", "an R data file"},
	{gzipMagic, "compressed with gzip twice"},
	{"BZh", "compressed with bzip2"},
	{"\xfd7zXZ\x00", "compressed with xz"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd"},
	{"\x1f\x9d", "compressed with compress (.Z)"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!", "a RAR archive"},
	{"%PDF", "a PDF document"},
	{"<?xml", "an XML file (a VOTable?)"},
	{"<VOTABLE", "a VOTable"},
	{"<!DOCTYPE", "an HTML page"},
	{"<html", "an HTML page"},
	{"{", "a JSON file"},
	{"[{", "a JSON file"},
	{"Title:", "a machine-readable table (MRT)"},
	{"\\begin{", "a LaTeX table"},
	{"\x80\x02", "a Python pickle"},
	{"\x80\x03", "a Python pickle"},
	{"\x80\x04", "a Python pickle"},
	{"\x80\x05", "a Python pickle"},
	{"\x7fELF", "a program"},
}

// otherFormat recognises, by its first bytes, a file that is none of those that can be
// read; "" = not one of these.
func otherFormat(head []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	for _, f := range otherFormats {
		if bytes.HasPrefix(head, []byte(f.magic)) || (f.magic[0] == '<' || f.magic[0] == '{' || f.magic[0] == '[') && len(text) >= len(f.magic) && strings.EqualFold(string(text[:len(f.magic)]), f.magic) {
			return f.what
		}
	}
	return ""
}

// otherZip recognises a zip archive that is no npz file by the names in it; "" = an npz
// file, or nothing known.
func otherZip(r io.ReaderAt, size int64) string {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return ""
	}
	for _, f := range z.File {
		switch {
		case strings.HasPrefix(f.Name, "xl/"):
			return "an Excel workbook (.xlsx)"
		case strings.HasPrefix(f.Name, "word/"):
			return "a Word document (.docx)"
		case f.Name == "mimetype":
			return "an OpenDocument file (.ods)"
		case f.Name == ".zgroup" || f.Name == ".zarray" || f.Name == "zarr.json":
			return "a zipped Zarr array"
		}
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".npy") {
			return fmt.Sprintf("a zip archive that holds %s", Quoted(f.Name))
		}
	}
	return ""
}

func notATable(what string) error {
	return fmt.Errorf("the file is %s, not a table that can be read: save the table as CSV (text), npy, npz or FITS", what)
}
