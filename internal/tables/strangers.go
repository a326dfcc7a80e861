package tables

import (
	"math"
	"slices"
	"strings"
)

// besides are names of columns that stand beside observations and are no part of them: quality
// of a measurement, instrument, shape and background of a source, models. Digits at the end of a
// name do not count.
const besides = "sky background bkg bkgd bg threshold model fit bestfit best_fit continuum chi chi2 chisq red_chi2 rchi2 dof ndof prob probability p_value" +
	" airmass exptime exposure exposure_time exp_time texp fwhm seeing fwhm_image fwhm_world ellipticity elongation eccentricity axis_ratio" +
	" theta_image theta_world a_image b_image a_world b_world class_star star_class sharp sharpness roundness roundness1 peak npix npixels nobs ndet area isoarea_image" +
	" kron_radius flux_radius mu_max crowd cxx_image cyy_image cxy_image xmin_image xmax_image ymin_image ymax_image" +
	" ccd chip detector amp amplifier fiber fibre plate camera cam field visit orbit cycle order run rerun camcol mjd_plate fiberid tile" +
	" cadence cadenceno timecorr pos_corr wdisp and_mask or_mask pmra pmdec pm_ra pm_dec ruwe comment comments remark remarks note notes"

// besideParts are words of such names: "flux_flag", "quality_g", "n_obs_id".
const besideParts = "flag flags quality qual mask filter band id num number bit bits snr sn zeropoint"

// strangers refuses columns that are not used and may be a part of the observations: those
// whose name is not known; and columns of text that should be numbers, which are those with
// numbers among the texts, the other coordinate of one that is used, and values such as "5 %".
func (f *finder) strangers(c *Columns) error {
	for j, name := range f.t.Names {
		if slices.Contains(c.Coordinates, j) || j == c.Value || j == c.Errors || isNumbering(name) || isBeside(name) {
			continue
		}
		if n, where := f.t.Text(j); n > 0 {
			if f.hasNumbers(j) || f.belongs(c, name) || isMeasured(name) && strings.ContainsAny(f.t.FirstText(j), "0123456789") {
				return f.failAs(c, nil, "column %s has numbers, or should have: %d of its fields are text, %s", f.call(j), n, where)
			}
			continue
		}
		if !f.isKnown(name) {
			return f.failAs(c, f.unknowns(c), "what is %s? It may be a coordinate, the value or its standard deviation, and its name is not known", f.call(j))
		}
	}
	return nil
}

// isMeasured tells whether a name is that of a value or of its errors.
func isMeasured(name string) bool {
	_, kind := errorsOf(name)
	return kind != None || isValue(name)
}

// isKnown tells whether a name that is not used says what is in its column. Errors of what is
// no column, and not known either, do not.
func (f *finder) isKnown(name string) bool {
	of, kind := errorsOf(name)
	if kind == None || of == "" {
		return known(name)
	}
	isColumn := slices.ContainsFunc(f.t.Names, func(n string) bool { return plain(n) == of })
	return isColumn || known(of) || isBeside(of)
}

// isBeside tells whether a name is one of those that stand beside observations.
func isBeside(name string) bool {
	name = plain(name)
	for _, n := range []string{name, strings.TrimRight(name, "0123456789_")} {
		if has(besides, n) {
			return !has(values, name) && n != ""
		}
	}
	return slices.ContainsFunc(strings.Split(name, "_"), func(part string) bool { return has(besideParts, part) })
}

// hasNumbers tells whether a column has a number in it.
func (f *finder) hasNumbers(j int) bool {
	for i := range f.t.Rows {
		if !math.IsNaN(f.t.Data[i*f.t.Cols+j]) {
			return true
		}
	}
	return false
}

// belongs tells whether a name is a coordinate of the same kind as one that is used.
func (f *finder) belongs(c *Columns, name string) bool {
	a, ok := axisOf(name)
	if !ok || a.index > 1 {
		return false
	}
	return slices.ContainsFunc(c.Coordinates, func(k int) bool {
		b, ok := axisOf(f.t.Names[k])
		return ok && a.group == b.group
	})
}

// unknowns are the columns whose names are not known, if what is known is half of a pair of
// coordinates: then one of them is probably the other half.
func (f *finder) unknowns(c *Columns) []int {
	if len(c.Coordinates) != 1 {
		return nil
	}
	if _, isAxis := axisOf(f.t.Names[c.Coordinates[0]]); !isAxis {
		return nil
	}
	var list []int
	for _, j := range f.free {
		if name := f.t.Names[j]; !f.isKnown(name) && !isBeside(name) && len(list) < 2 {
			list = append(list, j)
		}
	}
	return list
}

// failAs is an error that shows the line of the config with what was found and other
// coordinates.
func (f *finder) failAs(c *Columns, others []int, format string, args ...any) error {
	f.shown = append(slices.Concat(c.Coordinates, others), c.Value)
	if c.Errors >= 0 {
		f.shown = append(f.shown, c.Errors)
	}
	return f.fail(format, args...)
}
