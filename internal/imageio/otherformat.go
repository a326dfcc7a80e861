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
	{"MATLAB 7.3 MAT-file", "a MATLAB 7.3 file, which is HDF5"},
	{"#ASDF", "an ASDF file"},
	{"8BPS", "a Photoshop file"},
	{"v/1\x01", "an OpenEXR picture"},
	{"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"},
	{"\xffO\xffQ", "a JPEG 2000 picture"},
	{"\xff\x0a", "a JPEG XL picture"},
	{"version https://git-lfs", "a pointer of git-lfs and not the file itself: git lfs pull gets it"},
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
	{"\\begin{", "a LaTeX table"},
	{"\x80\x02", "a Python pickle"},
	{"\x80\x03", "a Python pickle"},
	{"\x80\x04", "a Python pickle"},
	{"\x80\x05", "a Python pickle"},
	{"\x7fELF", "a program"},
}

// recognised is how many first bytes of a file otherFormat looks at.
const recognised = 512

// binaryFormats are formats that are known by bytes at several places.
var binaryFormats = []struct {
	is   func(head []byte, at func(place int, text string) bool) bool
	what string
}{
	{func(_ []byte, at func(int, string) bool) bool { return at(0, "BM") && at(6, "\x00\x00\x00\x00") }, "a BMP picture"},
	{func(_ []byte, at func(int, string) bool) bool { return at(0, "RIFF") && at(8, "WEBP") }, "a WebP picture"},
	{func(_ []byte, at func(int, string) bool) bool { return at(4, "ftyp") }, "a HEIC or AVIF picture, or a video"},
	{func(_ []byte, at func(int, string) bool) bool { return at(128, "DICM") }, "a DICOM file"},
	{func(_ []byte, at func(int, string) bool) bool {
		return at(344, "n+1\x00") || at(344, "ni1\x00") || at(0, "\x5c\x01\x00\x00") || at(0, "\x00\x00\x01\x5c")
	}, "a NIfTI file"},
	{func(_ []byte, at func(int, string) bool) bool { return at(257, "ustar") }, "a tar archive"},
	{func(_ []byte, at func(int, string) bool) bool { return at(0, "root\x00") }, "a ROOT file"},
	{func(h []byte, _ func(int, string) bool) bool {
		return len(h) > 2 && h[0] == 'P' && h[1] >= '1' && h[1] <= '6' && isOneOf(h[2], " \n\r\t") && bytes.IndexByte(h, 0) >= 0
	}, "a PNM picture"},
}

// otherFormat recognises, by its first bytes, a file that is none of those that can be
// read; "" = not one of these.
func otherFormat(head []byte) string {
	at := func(place int, text string) bool {
		return len(head) >= place+len(text) && string(head[place:place+len(text)]) == text
	}
	for _, f := range binaryFormats {
		if f.is(head, at) {
			return f.what
		}
	}
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

// conversions are how to save the table in such a file as one that can be read.
var conversions = []struct{ what, python string }{
	{"VOTable", `astropy.table.Table.read("FILE", format="votable").write("FILE.fits")`},
	{"HDF5", `astropy.table.Table.read("FILE").write("FILE.fits"), or pandas.read_hdf("FILE").to_csv("FILE.csv", index=False)`},
	{"netCDF", `xarray.open_dataset("FILE").to_dataframe().to_csv("FILE.csv")`},
	{"Parquet", `pandas.read_parquet("FILE").to_csv("FILE.csv", index=False)`},
	{"Feather", `pandas.read_feather("FILE").to_csv("FILE.csv", index=False)`},
	{"Excel", `pandas.read_excel("FILE").to_csv("FILE.csv", index=False)`},
	{"OpenDocument", `pandas.read_excel("FILE").to_csv("FILE.csv", index=False)`},
	{"pickle", `pandas.read_pickle("FILE").to_csv("FILE.csv", index=False)`},
	{"JSON", `pandas.read_json("FILE").to_csv("FILE.csv", index=False)`},
	{"HTML", `pandas.read_html("FILE")[0].to_csv("FILE.csv", index=False)`},
	{"LaTeX", `astropy.table.Table.read("FILE", format="latex").write("FILE.fits")`},
	{"ASDF", `asdf.open("FILE"), then numpy.save("FILE.npy", ARRAY)`},
	{"MATLAB", `scipy.io.loadmat("FILE"), then numpy.save("FILE.npy", ARRAY)`},
}

func notATable(what string) error {
	how := unpacking(what)
	for _, c := range conversions {
		if how == "" && strings.Contains(what, c.what) {
			how = "; in Python: " + c.python
		}
	}
	return fmt.Errorf("the file is %s, not a table that can be read: save the table as CSV (text), npy, npz or FITS%s", what, how)
}

// notAnImage is the error of a reader of images about a file of another format.
func notAnImage(what string) error {
	how := unpacking(what)
	switch {
	case how != "":
	case strings.Contains(what, "picture"):
		how = `; in Python: PIL.Image.open("FILE").save("FILE.png"), or with ImageMagick: convert FILE FILE.png`
	case strings.Contains(what, "NIfTI"):
		how = `; in Python: numpy.save("FILE.npy", nibabel.load("FILE").get_fdata())`
	case strings.Contains(what, "DICOM"):
		how = `; in Python: numpy.save("FILE.npy", pydicom.dcmread("FILE").pixel_array)`
	case strings.Contains(what, "HDF5"):
		how = `; in Python: numpy.save("FILE.npy", h5py.File("FILE")["NAME"][()])`
	case strings.Contains(what, "ASDF"):
		how = `; in Python: numpy.save("FILE.npy", asdf.open("FILE")["NAME"])`
	}
	return fmt.Errorf("the file is %s, not an image that can be read: save it as npy, npz, FITS, PNG, JPEG or TIFF%s", what, how)
}

// unpacking is how to unpack a file of this kind.
func unpacking(what string) string {
	for name, command := range map[string]string{"gzip": "gunzip", "bzip2": "bunzip2", "with xz": "unxz", "zstd": "unzstd", "compress (.Z)": "uncompress"} {
		if strings.Contains(what, name) {
			return "; unpack it first: " + command + " FILE"
		}
	}
	return ""
}
