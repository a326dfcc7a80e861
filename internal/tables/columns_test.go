package tables

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// tableOf reads a text of rows; a heading without rows gets three.
func tableOf(t testing.TB, text string) *imageio.Table {
	t.Helper()
	if !strings.Contains(text, "\n") {
		n := strings.Count(text, ",") + 1
		for i := range 3 {
			text += "\n" + strings.TrimSuffix(strings.Repeat(fmt.Sprint(i+1)+",", n), ",")
		}
	}
	table, err := imageio.ReadTable(fileOf(t, text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return table
}

func fileOf(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func brief(t *imageio.Table, c *Columns) string {
	if c.Names == nil {
		t = withoutNames(t)
	}
	f := &finder{t: t}
	var s []string
	for _, j := range c.Coordinates {
		s = append(s, f.call(j))
	}
	text := strings.Join(s, " ")
	if c.Value >= 0 {
		text += " -> " + f.call(c.Value)
	}
	if c.Errors >= 0 {
		text += fmt.Sprintf(" +- %s, %s", f.call(c.Errors), c.Kind)
	}
	return text
}

// Headings as people have them: which column is what, or what the error says.
func TestObservations(t *testing.T) {
	const deviation = ", standard deviation"
	for _, c := range []struct {
		text string
		want Want
		is   string // or a part of the error
	}{
		// Light curves, spectra, maps.
		{"time,mag,error", Want{}, "time -> mag +- error" + deviation},
		{"MJD,Mag,MagErr", Want{}, "MJD -> Mag +- MagErr" + deviation},
		{"JD,flux,e_flux,flag", Want{}, "JD -> flux +- e_flux" + deviation},
		{"flux,time", Want{}, "time -> flux"},
		{"wavelength,flux,ivar", Want{}, "wavelength -> flux +- ivar, inverse variance"},
		{"loglam,flux,flux_ivar", Want{}, "loglam -> flux +- flux_ivar, inverse variance"},
		{"x,y,sigma", Want{}, "x -> y +- sigma" + deviation},
		{"x,y", Want{}, "x -> y"},
		{"t,y,yerr", Want{}, "t -> y +- yerr" + deviation},
		{"x,y,dx,dy", Want{}, "x -> y +- dy" + deviation},
		{"x,y,z,error", Want{}, "x y -> z +- error" + deviation},
		{"x,y,z", Want{}, "x y -> z"},
		{"x,y,z,value", Want{}, "x y z -> value"},
		{"x1,x2,x3,v", Want{}, "x1 x2 x3 -> v"},
		{"x,y,value", Want{}, "x y -> value"},
		{"y,x,value", Want{}, "x y -> value"},
		{"lon,lat,value,error", Want{}, "lon lat -> value +- error" + deviation},
		{"Latitude,Longitude,Temperature", Want{}, "Longitude Latitude -> Temperature"},
		{"lon,lat,depth", Want{}, "lon lat -> depth"},
		{"lon,lat,depth,temperature", Want{DimKey: "observations.dim"}, "is depth a third coordinate? Set observations.dim"},
		{"lon,lat,depth,temperature", Want{Dim: 3}, "lon lat depth -> temperature"},
		{"lon,lat,depth,temperature", Want{Dim: 2}, "lon lat -> temperature"},
		{"depth,temperature", Want{}, "depth -> temperature"},
		{"time,depth", Want{}, "time -> depth"},
		{"x,y,time,value", Want{}, "is time a third coordinate?"},
		{"ra,dec,z", Want{}, "ra dec -> z"},
		{"_RAJ2000,_DEJ2000,Vmag,e_Vmag", Want{}, "_RAJ2000 _DEJ2000 -> Vmag +- e_Vmag" + deviation},
		{"ra,dec,ra_err,dec_err,flux,flux_err", Want{}, "ra dec -> flux +- flux_err" + deviation},
		{"ra,dec,phot_g_mean_mag", Want{}, "ra dec -> phot_g_mean_mag"},
		{"ra,dec,gmag,rmag", Want{Key: "observations.columns"}, `is gmag or rmag the value?; the columns are ra, dec, gmag, rmag; say which are which, as in observations.columns = ["ra", "dec", "gmag"]`},
		{"ra,dec,flux,variance", Want{}, "ra dec -> flux +- variance, variance"},
		{"ra,dec,flux,weight", Want{}, "ra dec -> flux +- weight, relative weight (their mean counts as 1)"},
		{"ra,dec,parallax,phot_g_mean_mag", Want{}, "is parallax or phot_g_mean_mag the value?"},
		{"ra,dec,flux,flux_iso", Want{}, "ra dec -> flux"},
		{"time,cadenceno,sap_flux,sap_flux_err,pdcsap_flux,pdcsap_flux_err", Want{Key: "observations.columns"}, `is sap_flux or pdcsap_flux the value?; the columns are time, cadenceno, sap_flux, sap_flux_err, pdcsap_flux, pdcsap_flux_err; say which are which, as in observations.columns = ["time", "sap_flux"]`},
		{"flux,loglam,ivar,and_mask,sky,model", Want{}, "loglam -> flux +- ivar, inverse variance"},
		{"x,y,value,value", Want{Columns: []string{"x", "y", "value"}}, `2 columns are called "value"`},
		{"ra,dec,flux,err,ivar", Want{}, "do err or ivar hold the errors of flux?"},
		{"ra,dec,flux,snr,flux_flag", Want{}, "ra dec -> flux"},
		{"row,col,value", Want{}, "row col -> value"},
		{"col,row,value", Want{}, "row col -> value"},
		{"ra,raj2000,dec,flux", Want{}, "columns ra and raj2000 are the same coordinate"},
		{"x,y,ra,dec,flux", Want{}, "coordinates of two kinds, plane and equatorial"},
		{"u,v,amplitude", Want{}, "u v -> amplitude"},
		{"time,v", Want{}, "time -> v"},
		// Never by place where a name is not known.
		{"a,b,c", Want{Key: "observations.columns"}, `the columns are a, b, c; say which are which, as in observations.columns = ["a", "b", "c"]`},
		{"x,foo", Want{}, "the columns are x, foo"},
		{"x,y,foo", Want{}, "which is the value?"},
		{"x,y,foo,value", Want{Key: "observations.columns"}, `what is foo? It may be a coordinate, the value or its standard deviation, and its name is not known; the columns are x, y, foo, value; say which are which, as in observations.columns = ["x", "y", "value"]`},
		{"phi,psi,value", Want{Key: "observations.columns"}, `what is psi? It may be a coordinate, the value or its standard deviation, and its name is not known; the columns are phi, psi, value; say which are which, as in observations.columns = ["phi", "psi", "value"]`},
		{"psi,phi,value,error", Want{Key: "observations.columns"}, `observations.columns = ["phi", "psi", "value", "error"]`},
		{"time,foo,mag", Want{Key: "observations.columns"}, `what is foo?`},
		{"x,y,value,sigma_foo", Want{}, "what is sigma_foo?"},
		{"x,y,value,spread", Want{}, "what is spread?"},
		{"x,y,lat,value", Want{DimKey: "observations.dim"}, "is lat a third coordinate? Set observations.dim"},
		{"x,y,foo,value", Want{Columns: []string{"x", "y", "value"}}, "x y -> value"},
		{"x,y,foo,value", Want{Pixels: true}, "what is foo?"},
		{"x,y,lat,value", Want{Pixels: true}, "y x -> value"},
		{"x,y,flux,flux_err,sky,chi2,fwhm_image,flag,flux_flags,quality_2,roundness2,id", Want{}, "x y -> flux +- flux_err" + deviation},
		{"x,y,value,comment\n1,2,3,good\n4,5,6,7\n", Want{}, "x y -> value"},
		// A coordinate or an unknown column with a text in it is not passed over.
		{"x,y,value\n1,2,3\n4,5 deg,6\n", Want{}, `column y has numbers, or should have: 1 of its fields are text, line 3, column 2: "5 deg" is not a number`},
		{"lon,lat,value\n10W,2,3\n11W,4,5\n", Want{}, "column lon has numbers, or should have: 2 of its fields are text"},
		{"x,y,foo,value\n1,2,3,4\n1,2,a,4\n", Want{}, "column foo has numbers"},
		{"x,y,foo,value\n1,2,a,4\n", Want{}, "x y -> value"},
		{"x,y,value\n1,2,\"1,234.5\"\n2,3,\"2,345\"\n", Want{}, `column value has numbers, or should have: 2 of its fields are text, line 2, column 3: "1,234.5" is not a number`},
		{"x,y,value\n1,2,50%\n2,3,60%\n", Want{}, "column value has numbers"},
		{"x,y,value,err\n1,2,5,1%\n2,3,6,2%\n", Want{}, "column err has numbers"},
		{"x;y;value\n1.234,5;2;3\n4;5,5;6\n", Want{}, `"1.234,5" is not a number`},
		{"x,y,value,colour\n1,2,5,red\n2,3,6,blue\n", Want{}, "x y -> value"},
		{"x,value", Want{Dim: 2, DimKey: "observations.dim"}, "observations.dim = 2, and the names tell of 1"},
		// Numberings and texts are passed over.
		{",x,y,value\n0,1,2,3\n", Want{}, "x y -> value"},
		{"id,x,y", Want{}, "x -> y"},
		{"name,ra,dec,flux\nstar 1,1,2,3\n", Want{}, "ra dec -> flux"},
		{"ra,dec,flux,band\n1,2,3,r\n", Want{}, "ra dec -> flux"},
		{"ra,dec,flux\n1,2,<3\n", Want{}, "flux (text)"},
		// Names in comments.
		{"# time mag err\n1 2 3\n", Want{}, "time -> mag +- err" + deviation},
		{"# made by hand\n1 2 3\n", Want{}, "column 1 column 2 -> column 3"},
		// Without names, by place.
		{"1,2,3\n", Want{}, "column 1 column 2 -> column 3"},
		{"1,2,3,4\n", Want{Dim: 2}, "column 1 column 2 -> column 3 +- column 4" + deviation},
		{"1,2,3,4,5,6\n", Want{}, "6 columns without names"},
		{"1,2,3,4,5,6\n1,2,3,4,5,6\n", Want{}, "transposed?"},
		{"star,1,2,3\nstar,1,2,3\n", Want{}, "text in a table without names: line 1, column 1"},
		// As the config names them.
		{"a,b,c,d", Want{Columns: []string{"b", "c", "3"}}, ""},
		{"a,b,c,d", Want{Columns: []string{"d", "b", "a"}}, "d b -> a"},
		{"a,b,c,d", Want{Columns: []string{"1", "2", "3", "4"}, Dim: 2}, "a b -> c +- d" + deviation},
		{"x,y,value,error", Want{Columns: []string{"x", "y", "value", "error"}}, "x y -> value +- error" + deviation},
		{"x,y,value,ivar", Want{Columns: []string{"x", "y", "value", "ivar"}}, "x y -> value +- ivar, inverse variance"},
		{"a,b,c", Want{Key: "observations.columns", Columns: []string{"a", "e"}}, `observations.columns: no column "e"`},
		{"name,x,v\nb,1,2\n", Want{Columns: []string{"name", "v"}}, `column "name", which  names, holds 1 texts: line 2, column 1: "b" is not a number`},
		// Pixels: x is the column.
		{"x,y,value", Want{Pixels: true}, "y x -> value"},
		{"row,col,value", Want{Pixels: true}, "row col -> value"},
		{"col,row,value", Want{Pixels: true}, "row col -> value"},
		{"x,y,z", Want{Pixels: true}, "y x -> z"},
		{"X_IMAGE,Y_IMAGE,FLUX_AUTO,FLUXERR_AUTO", Want{Pixels: true}, "Y_IMAGE X_IMAGE -> FLUX_AUTO +- FLUXERR_AUTO" + deviation},
		{"id,xcentroid,ycentroid,flux", Want{Pixels: true}, "ycentroid xcentroid -> flux"},
		{"x,y,ra,dec,flux", Want{Pixels: true}, "y x -> flux"},
		{"ra,dec,flux", Want{Pixels: true}, "want columns row and col, or x"},
		{"x,y,value", Want{Pixels: true, Columns: []string{"x", "y", "value"}}, "y x -> value"},
		{"a,b,value", Want{Pixels: true, Columns: []string{"a", "b", "value"}}, "a b -> value"},
		{"ra,dec,value", Want{Pixels: true, Columns: []string{"ra", "dec", "value"}}, "no row and column of a pixel"},
		{"1,2,3\n", Want{Pixels: true}, "column 1 column 2 -> column 3"},
		{"time,value", Want{Pixels: true}, "want columns row and col"},
	} {
		table := tableOf(t, c.text)
		got, err := Observations(table, c.want)
		text := ""
		if err != nil {
			text = err.Error()
		} else {
			text = brief(table, got)
			if got.Text(table) == "" {
				t.Errorf("%q: no words", c.text)
			}
		}
		if c.is == "" {
			c.is = "column \"3\" twice"
			text = strings.ReplaceAll(text, " names column", " column")
		}
		if err == nil && text != c.is || err != nil && !strings.Contains(text, c.is) {
			t.Errorf("%q, %+v: %s, want %s", c.text, c.want, text, c.is)
		}
	}
}

// Every name of the dictionary means one thing, and is known with another case and with
// its error.
func TestDictionary(t *testing.T) {
	for _, words := range []string{values, alone, either} {
		for name := range strings.FieldsSeq(words) {
			if _, kind := errorsOf(name); kind != None {
				t.Errorf("%s is also a name of errors", name)
			}
			for _, of := range []string{name + "_err", "e_" + name, name + "err", "sigma_" + name, strings.ToUpper(name) + "_ERROR"} {
				if got, kind := errorsOf(of); kind != Sigma || got != name {
					t.Errorf("%s: errors of %q, %s", of, got, kind)
				}
			}
			if isNumbering(name) || !known(strings.ToUpper(name)) {
				t.Errorf("%s numbers the rows, or is not known", name)
			}
		}
	}
	for _, g := range groups {
		for i, list := range g.axes {
			for name := range strings.FieldsSeq(list) {
				if a, ok := axisOf(strings.ToUpper(name)); !ok || a != (axis{g.name, i, g.origin}) {
					t.Errorf("%s: %+v, want coordinate %d of %s", name, a, i, g.name)
				}
				if has(alone, name) {
					t.Errorf("%s is a coordinate of its own, and one of %s", name, g.name)
				}
			}
		}
	}
	for kind, list := range errorWords {
		for name := range strings.FieldsSeq(list) {
			if _, got := errorsOf(name); got != kind {
				t.Errorf("%s: %s, want %s", name, got, kind)
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		observations, places string
		want                 Want
		is                   string
	}{
		{"x,y,value", "x,y", Want{}, "x y"},
		{"x,y,value", "y,x", Want{}, "x y"},
		{"x,y,value", "id,x,y", Want{}, "x y"},
		{"x,y,value", "X,Y,value", Want{}, "X Y"},
		{"x,y,value", "lat,lon", Want{Key: "-columns"}, `say which are which, as in -columns lat,lon`},
		{"x,y,value", "lat,lon", Want{Key: "evaluate.columns"}, `no column for the coordinate x of the observations; the columns are lat, lon; say which are which, as in evaluate.columns = ["lat", "lon"]`},
		{"ra,dec,flux", "dej2000,raj2000", Want{}, "raj2000 dej2000"},
		{"x,y,value", "1,2\n", Want{}, "column 1 column 2"},
		{"x,y,value", "1,2,3\n", Want{Key: "evaluate.columns"}, `want the 2 coordinates that the observations have; 3 columns without names; say which are which, as in evaluate.columns = ["1", "2"]`},
		{"x,y,value", "0.5\n", Want{}, "1 columns without names"},
		{"x,y,value", "a,b", Want{Columns: []string{"b", "a"}}, "b a"},
		{"x,y,value", "y,x", Want{Columns: []string{"y", "x"}}, "in another order"},
		{"1,2,3\n", "y,x", Want{}, "x y"},
		{"1,2,3\n", "a,b", Want{}, "no column for the coordinate 1"},
		{"time,mag", "time", Want{}, "time"},
		{"time,mag", "name,time\na,1\n", Want{}, "time"},
		{"x,y,value", "row,col", Want{Pixels: true}, "row col"},
		{"row,col,value", "x,y", Want{Pixels: true}, "y x"},
	} {
		of := tableOf(t, c.observations)
		columns, err := Observations(of, Want{Pixels: c.want.Pixels})
		if err != nil {
			t.Fatal(err)
		}
		table := tableOf(t, c.places)
		text := ""
		if got, err := Places(table, columns, c.want); err != nil {
			text = err.Error()
		} else {
			text = brief(table, got)
		}
		if !strings.Contains(text, c.is) {
			t.Errorf("%q at %q: %s, want %s", c.observations, c.places, text, c.is)
		}
	}
}

func TestIndexAndPixels(t *testing.T) {
	for text, want := range map[string]string{
		"psf\n3\n1\n": "psf [3 1]", "3\n1\n": " [3 1]", ",psf\n0,3\n1,1\n": "psf [3 1]", "stamp,psf\n0,3\n1,1\n": "psf [3 1]",
		"id,kernel\n0,3\n1,1\n": "kernel [3 1]", "a,b\n1,2\n": "want one column, or one called psf; the columns are a, b", "psf\nx\n1\n": `"x" is not a number`,
		"3,1,4\n": " [3 1 4]", "stamp,psf\n1,3\n0,1\n": "the rows are not in the order of column stamp", "id,psf\n7,3\n7,1\n": "psf [3 1]",
	} {
		got := ""
		if numbers, name, err := Index(tableOf(t, text), "psf", "psf_index"); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(name, " ", numbers)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	stars := tableOf(t, "NUMBER,X_IMAGE,Y_IMAGE\n1,10,20\n")
	c, err := Pixels(stars)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Take(stars, c, Refuse, "", nil); err != nil || fmt.Sprint(r.X) != "[19 9]" {
		t.Errorf("row and column %v, %v, want 19 and 9, counted from 0", r, err)
	}
}

// hundred is a table of a hundred rows of values from 0 to 3, and one more.
func hundred(value string) string {
	var b strings.Builder
	b.WriteString("x,value\n")
	for i := range 100 {
		fmt.Fprintf(&b, "%d,%d\n", i, i%4)
	}
	return b.String() + "5," + value + "\n"
}

func TestSuspects(t *testing.T) {
	for text, want := range map[string]string{
		"x,value\n1,2\n2,-999\n3,4\n4,-999\n":    "2 of value are -999, far from the others: they are missing numbers",
		"x,value\n1,2\n2,99.99\n3,4\n":           "1 of value is 99.99",
		"x,value\n1,2\n2,1e20\n3,4\n":            "1 of value is 1e+20, far from the others: it is a missing number",
		"x,value\n1,2\n2,3e29\n3,4\n":            "", // one in a hundred at most
		hundred("1e4"):                           "1 of value is far from the others, the outermost is 10000: if it is wrong, write NA",
		hundred("-3e29"):                         "1 of value is far from the others, the outermost is -3e+29",
		hundred("30"):                            "",
		hundred("1e30\n6,5000"):                  "1 of value is 1e+30, far from the others: it is a missing number; 1 of value is far from the others, the outermost is 5000: if it is wrong, write NA",
		hundred("-999"):                          "1 of value is -999, far from the others: it is a missing number",
		"x,y,value\n-9999,2,1\n2,1,2\n3,4,3\n":   "1 of x is -9999",
		"x,value\n1,90\n2,99\n3,100\n":           "",
		"x,value\n1,2\n2,-998\n3,4\n":            "",
		"x,value,flag\n1,2,-999\n2,3,1\n3,4,2\n": "",
		"x,value\n1,2\n":                         "",
		"x,value\n9,9\n":                         "",
	} {
		table := tableOf(t, text)
		c, err := Observations(table, Want{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Suspects(table); want == "" && got != "" || !strings.Contains(got, want) || !strings.Contains(c.Note(table, false), want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTake(t *testing.T) {
	for _, c := range []struct {
		text    string
		missing Missing
		want    string // X | Y | sigma | words, or a part of the error
	}{
		{"x,value,sigma\n1,2,3\n", Refuse, "[1] | [2] | [3] | none missing"},
		{"x,value,ivar\n1,2,0.25\n2,3,0\n", Refuse, "[1] | [2] | [2] | 1 row left out, the weight is 0"},
		{"x,value,ivar\n1,2,1e40\n", Refuse, "[1] | [2] | [1e-20]"},
		{"x,value,weight\n1,2,1\n2,3,0\n3,4,4\n", Refuse, "[1 3] | [2 4] | [1.5811388300841898 0.7905694150420949] | 1 row left out, the weight is 0"},
		{"x,value,variance\n1,2,4\n", Refuse, "[1] | [2] | [2]"},
		{"x,value\nNA,2\n3,--\n5,6\n", Skip, "[5] | [6] | [] | 1 row left out, a coordinate is missing; 1 row left out, the value is missing"},
		{"x,value\n1,2\n3,null\n", Refuse, `line 3, column 2 (value): missing (NaN): want a number, or leave such rows out with observations.missing = "skip"`},
		{"x,value\nNaN,2\n", "", "line 2, column 1 (x): missing"},
		{"x,value,sigma\n1,2,NA\n", Refuse, "line 2, column 3 (sigma): missing"},
		{"x,value,sigma\n1,2,NA\n3,4,5\n", Skip, "[3] | [4] | [5] | 1 row left out, the error is missing"},
		{"x,value,sigma\n1,2,0\n", Skip, "line 2, column 3 (sigma): sigma 0, want more than 0"},
		{"x,value,sigma\n1,2,-1\n", Skip, "sigma -1"},
		{"x,value\n1,2\n3,1e30\n", Refuse, `line 3, column 2 (value): 1e+30, which marks a missing number: want a number, or leave such rows out with observations.missing = "skip"`},
		{"x,value\n1,2\n3.4028235e38,4\n5,-1e30\n7,8\n", Skip, "[1 7] | [2 8] | [] | 1 row left out, a coordinate is missing; 1 row left out, the value is missing"},
		{"x,value\n1e30,2e30\n3e30,1e30\n", Refuse, "[1e+30 3e+30] | [2e+30 1e+30]"}, // the unit
		{"x,value,sigma\n1,2,1e30\n", Refuse, "[1] | [2] | [1e+30]"},
		{"x,value\n1,inf\n", Skip, "line 2, column 2 (value): +Inf"},
	} {
		table := tableOf(t, c.text)
		columns, err := Observations(table, Want{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if r, err := Take(table, columns, c.missing, "observations.missing", nil); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(r.X, " | ", r.Y, " | ", r.Sigma, " | ", r.Text())
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}
