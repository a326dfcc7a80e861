package mlpatch

import (
	"fmt"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/tables"
)

// darkInfo says how a job "darkmatter" would read a file: as a map, as a catalogue of galaxies and as a spectrum; "" of a file that
// is none of them.
func darkInfo(path string) string {
	var b strings.Builder
	if f, err := imageio.Stat(path); err == nil && f.Channels == 1 {
		fmt.Fprintf(&b, "  as a map of a field  %d rows x %d columns (shear.e1, shear.e2, shear.sigma1, shear.sigma2, shear.counts, shear.mask and simulate.from of darkmatter)\n", f.Rows, f.Cols)
	}
	if _, in, err := readSpectrum(path); err == nil {
		fmt.Fprintf(&b, "  as a spectrum  %s (spectrum.path of darkmatter)\n", in.Axes)
	}
	if few, _, err := imageio.SampleTable(path, 10); err == nil && few.Names != nil && hasShear(few) {
		c := darkDefaults()
		c.Catalogue.Path, c.estimate = path, true
		s, _, err := c.gridded()
		if err != nil && strings.Contains(err.Error(), "catalogue.weight") {
			c.Catalogue.Weight = ""
			s, _, err = c.gridded()
		}
		if err != nil {
			fmt.Fprintf(&b, "  as a catalogue  refused: %s (catalogue.path of darkmatter)\n", strings.ReplaceAll(err.Error(), "\n ", ";"))
		} else {
			fmt.Fprintf(&b, "  as a catalogue  %s; %s (catalogue.path of darkmatter)\n", s.catalogue.Axes, s.catalogue.Missing)
		}
	}
	return b.String()
}

// hasShear tells whether a table has both components of an ellipticity.
func hasShear(t *imageio.Table) bool {
	for component := 1; component <= 2; component++ {
		if _, err := tables.Find(t, "", fmt.Sprint("e", component), ellipticities(component)...); err != nil {
			return false
		}
	}
	return true
}
