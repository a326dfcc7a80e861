package tables

import (
	"tessera/internal/imageio"
)

// CheckSamples refuses a matrix of samples with a column that its name shows to be none of the
// numbers: one that numbers the rows, such as the first one that pandas writes; or, where each
// column is a sample, one of coordinates such as a wavelength.
func CheckSamples(path string, columns bool) error {
	names, err := imageio.TableNames(path)
	if err != nil || len(names) < 2 {
		return nil // what is wrong with the file, its reader says
	}
	f := finder{t: &imageio.Table{Names: names, Cols: len(names)}}
	for j, name := range names {
		switch p := plain(name); {
		case isNumbering(name) && (p != "" || j == 0) && !has("n s star seq", p):
			return &Error{f.call(j) + " numbers the rows and would be taken for numbers of the samples: write the file without it, in pandas with to_csv(index=False)"}
		case columns && has(alone, p):
			return &Error{"column " + f.call(j) + " holds coordinates and would be taken for a sample: write the file without it"}
		}
	}
	return nil
}
