package tables

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		text, key, name string
		like            []string
		column          int
		want            string // a part of the error
	}{
		{"ra,dec,e1", "catalogue.ra", "RA", Names("equatorial", 0), 0, ""},
		{"RAJ2000,dec,e1", "catalogue.ra", "ra", Names("equatorial", 0), 0, ""},
		{"dec,alpha_j2000,e1", "catalogue.ra", "ra", Names("equatorial", 0), 1, ""},
		{"a,b,c", "catalogue.ra", "3", nil, 2, ""},
		{"RAJ2000,alpha_j2000,e1", "catalogue.ra", "ra", Names("equatorial", 0), 0, `is it RAJ2000 or alpha_j2000? Write catalogue.ra = "RAJ2000" or "alpha_j2000"`},
		{"RAJ2000,dec,e1", "catalogue.ra", "ra", nil, 0, `no column "ra"; write catalogue.ra = "NAME" with the name of one; the columns are RAJ2000, dec, e1`},
		{"ra,ra,e1", "catalogue.ra", "ra", nil, 0, `more than one column is called "ra"`},
		{"ra,dec\n10h,1\n11h,2\n", "catalogue.ra", "ra", nil, 0, `column ra holds 2 texts: line 2, column 1: "10h" is not a number`},
		{"ell,D_ell", "C_ell", "c_ell", []string{"cl"}, 0, `C_ell: no column "c_ell"; call it so`},
		{"ra,dec,w", "catalogue.weight", "weight", Weights(), 2, ""},
	} {
		got, err := Find(tableOf(t, c.text), c.key, c.name, c.like...)
		if c.want == "" && (err != nil || got != c.column) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q, %s = %q: column %d, %v, want %d or %q", c.text, c.key, c.name, got, err, c.column, c.want)
		}
	}
}

func TestCheckSamples(t *testing.T) {
	for text, want := range map[string][2]string{ // of rows and of columns
		",a,b\n0,1,2\n":           {"column 1 (without a name) numbers the rows", "column 1 (without a name) numbers the rows"},
		"id,a,b\n0,1,2\n":         {"id numbers the rows", "id numbers the rows"},
		"wavelength,a,b\n0,1,2\n": {"", "column wavelength holds coordinates"},
		"a,b\n0,1\n":              {"", ""},
		"0,1\n":                   {"", ""},
	} {
		for k, w := range want {
			err := CheckSamples(fileOf(t, text), k == 1)
			if w == "" && err != nil || w != "" && (err == nil || !strings.Contains(err.Error(), w)) {
				t.Errorf("%q, columns %v: %v, want %q", text, k == 1, err, w)
			}
		}
	}
}
