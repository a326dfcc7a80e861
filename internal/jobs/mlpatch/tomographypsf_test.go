package mlpatch

import (
	"strings"
	"testing"

	"tessera/internal/config"
)

// A model of a PSF would have no effect on projections, and is refused.
func TestTomographyHasNoPSF(t *testing.T) {
	for _, c := range []struct {
		angles  string
		refused bool
	}{{"0", false}, {"60", true}} {
		text := "job = \"mlpatch-admm\"\n[mlpatch]\nmodel = \"m.npz\"\n[psf_model]\npath = \"model.psf\"\n[tomography]\nangles = " + c.angles + "\n"
		f, err := config.Parse("test.toml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		LoadADMM(f)
		if err := f.Err(); (err != nil && strings.Contains(err.Error(), "tomography.angles")) != c.refused {
			t.Errorf("%s angles: %v", c.angles, err)
		}
	}
}
