package tables

import (
	"strings"
)

// axis is what a name says about a coordinate.
type axis struct {
	group  string  // coordinates of one group belong together: "pixel", "plane", "equatorial"
	index  int     // of the coordinate in its group, from 0
	origin float64 // what is subtracted: 1 for pixels that are counted from 1
}

// group is coordinates that belong together.
type group struct {
	name   string
	axes   []string
	pixels bool // they may be the row and the column of a pixel
	origin float64
}

// groups are the coordinates that belong together, in their order; the alternatives of one
// coordinate are parted by blanks.
var groups = []group{
	{"pixel", []string{"row line", "col column sample"}, true, 0},
	{"plane", []string{"x xpos x_pos xcoord x_coord xpix x_pix", "y ypos y_pos ycoord y_coord ypix y_pix", "z zpos zcoord"}, true, 0},
	{"centroid", []string{"xcentroid x_centroid xcenter x_center xcentre x_centre x_0 x_fit x_peak", "ycentroid y_centroid ycenter y_center ycentre y_centre y_0 y_fit y_peak"}, true, 0},
	{"FITS pixel", []string{"x_image xwin_image xpeak_image xpsf_image xmodel_image", "y_image ywin_image ypeak_image ypsf_image ymodel_image"}, true, 1},
	{"numbered", []string{"x1", "x2", "x3"}, false, 0},
	{"equatorial", []string{
		"ra raj2000 _raj2000 ra_icrs _ra ra_deg radeg alpha alpha_j2000 alphawin_j2000 right_ascension coord_ra s_ra ra_j2000",
		"dec de dej2000 _dej2000 de_icrs _de dec_deg dedeg decdeg delta delta_j2000 deltawin_j2000 declination coord_dec s_dec dec_j2000",
	}, false, 0},
	{"galactic", []string{"glon gal_lon l", "glat gal_lat b"}, false, 0},
	{"ecliptic", []string{"elon ecl_lon", "elat ecl_lat"}, false, 0},
	{"geographic", []string{"lon long longitude lng", "lat latitude"}, false, 0},
	{"projected", []string{"easting east utm_x", "northing north utm_y"}, false, 0},
	{"tangent plane", []string{"xi", "eta"}, false, 0},
	{"spherical", []string{"theta", "phi"}, false, 0},
	{"horizontal", []string{"az azimuth", "alt"}, false, 0},
	{"spatial frequency", []string{"u", "v"}, false, 0},
}

// alone are coordinates of observations in one dimension.
const alone = "time t date day days hour hours minute minutes second seconds mjd jd hjd bjd btjd bkjd tjd mjd_obs epoch obstime obs_time phase year" +
	" wavelength wave wavelen lambda loglam frequency freq nu energy wavenumber channel radius r angle lag position pos arclength abscissa"

// either are coordinates if another column is the value, and values otherwise.
const either = "depth height elevation elev altitude distance dist redshift velocity vel rv z pressure density"

// values are what is measured.
const values = "value val values v data datum mag magnitude flux f intensity counts count rate brightness luminosity amplitude signal measurement" +
	" measured observation observed obs_value temperature temp kappa convergence gamma shear concentration residual response target output field potential" +
	" extinction av ebv parallax metallicity feh fe_h colour color polarisation polarization surface_brightness sb column_density optical_depth tau" +
	" radiance reflectance anomaly rainfall precipitation humidity speed displacement strain stress voltage current power counts_per_second adu electrons" +
	" dm dispersion_measure rm rotation_measure h0 salinity gravity thickness grade"

// Parts of names of values: "g_mag", "flux_r", "phot_g_mean_mag", "magnitude_v".
const valueParts = "mag flux magnitude intensity brightness temperature counts value"

// Parts of names of columns that tell something about the value.
const notValues = "flag flags quality mask type band filter id n num number zero zeropoint ref reference limit lim ratio snr sn bit bits"

// numberings are names of columns that number or flag the rows.
const numberings = "index id idx ix no nr num number # recno rec row_id rowid obs_id object obj objid obj_id source_id sourceid source name star seq sequence" +
	" designation unnamed:_0 level_0 ident identifier"

// errorWords say what a column of errors holds.
var errorWords = map[Errors]string{
	Sigma:    "sigma error err errors e std stddev stdev sd rms noise uncertainty unc uncert scatter sig standard_deviation std_err stderr sem yerr",
	Variance: "variance var",
	Inverse:  "ivar invvar inverse_variance inv_var",
	Weight:   "weight weights w wt wts wht",
}

// Errors is what a column of errors holds.
type Errors int

const (
	None     Errors = iota
	Sigma           // standard deviations
	Variance        // their squares
	Inverse         // one over the variance; 0 = missing
	Weight          // one over the variance in an unknown unit: relative; 0 = missing
)

func (e Errors) String() string {
	return [...]string{"none", "standard deviation", "variance", "inverse variance", "relative weight (their mean counts as 1)"}[e]
}

// has tells whether a list of words has one.
func has(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// plain is a name in lower case, with _ in place of blanks, points and dashes.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '.', '/':
			return '_'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(name)))
}

// axisOf is the coordinate that a name means; false for any other name.
func axisOf(name string) (axis, bool) {
	name = plain(name)
	for _, g := range groups {
		for i, list := range g.axes {
			if has(list, name) {
				return axis{g.name, i, g.origin}, true
			}
		}
	}
	return axis{}, false
}

// isValue tells whether a name is that of a measured value.
func isValue(name string) bool {
	name = plain(name)
	if has(values, name) {
		return true
	}
	for _, part := range strings.Split(name, "_") {
		if has(notValues, part) {
			return false
		}
	}
	if _, kind := errorsOf(name); kind != None {
		return false
	}
	for _, part := range strings.Split(name, "_") {
		if has(valueParts, part) {
			return true
		}
	}
	for part := range strings.FieldsSeq("mag flux") { // gmag, Vmag, fluxg
		if strings.HasSuffix(name, part) || strings.HasPrefix(name, part) && len(name) <= len(part)+2 {
			return true
		}
	}
	return false
}

// errorsOf parts a name of errors into the name that they belong to, "" if it does not say,
// and what they are: "flux_err", "e_flux", "magerr", "dflux", "sigma", "flux_ivar".
func errorsOf(name string) (of string, kind Errors) {
	name = plain(name)
	for _, kind := range []Errors{Sigma, Variance, Inverse, Weight} {
		if has(errorWords[kind], name) {
			if name == "yerr" {
				return "y", kind
			}
			return "", kind
		}
	}
	for _, kind := range []Errors{Inverse, Variance, Weight, Sigma} {
		for word := range strings.FieldsSeq(errorWords[kind]) {
			if word == "w" {
				continue
			}
			if of, ok := strings.CutSuffix(name, "_"+word); ok && of != "" {
				return of, kind
			}
			if of, ok := strings.CutPrefix(name, word+"_"); ok && of != "" {
				return of, kind
			}
		}
	}
	for _, c := range []struct {
		word string
		kind Errors
	}{{"ivar", Inverse}, {"error", Sigma}, {"err", Sigma}, {"sigma", Sigma}} { // magerr, fluxivar, sigmaflux
		if of, ok := strings.CutSuffix(name, c.word); ok && of != "" {
			return of, c.kind
		}
		if of, ok := strings.CutPrefix(name, c.word); ok && of != "" {
			return of, c.kind
		}
	}
	if first, rest, ok := strings.Cut(name, "_"); ok && len(first) > 3 { // fluxerr_auto
		if of, ok := strings.CutSuffix(first, "err"); ok {
			return of + "_" + rest, Sigma
		}
	}
	if of, ok := strings.CutPrefix(name, "d"); ok && (has(values, of) || len(of) == 1 && has("x y z t r", of)) { // dflux, dmag, dy
		return of, Sigma
	}
	return "", None
}

// isNumbering tells whether a name is that of a column that numbers the rows.
func isNumbering(name string) bool {
	return strings.TrimSpace(name) == "" || has(numberings, plain(name))
}
