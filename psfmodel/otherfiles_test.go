package psfmodel

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rawFITS is a header and the numbers behind it, read without any of the module's readers.
func rawFITS(t *testing.T, path string, unit int) (map[string]string, []float64) {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not on this machine", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	for ; ; unit-- {
		cards := map[string]string{}
		for len(data) >= 2880 && cards["END"] == "" {
			for i := range 36 {
				c := string(data[80*i : 80*i+80])
				value, _, _ := strings.Cut(strings.TrimPrefix(c[8:], "="), "/")
				cards[strings.TrimSpace(c[:8])] = strings.Trim(strings.TrimSpace(value)+" ", "' ")
				if strings.HasPrefix(c, "END ") {
					cards["END"] = "yes"
				}
			}
			data = data[2880:]
		}
		if unit > 0 {
			continue // an empty primary unit
		}
		width := 4
		if cards["BITPIX"] == "-64" {
			width = 8
		}
		var out []float64
		for ; len(data) >= width; data = data[width:] {
			if width == 8 {
				out = append(out, math.Float64frombits(binary.BigEndian.Uint64(data)))
			} else {
				out = append(out, float64(math.Float32frombits(binary.BigEndian.Uint32(data))))
			}
		}
		return cards, out
	}
}

// The files of other programs, evaluated at 20 places by the formulas.
func TestFilesOfOtherPrograms(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data", "psfmodels")
	number := func(c map[string]string, key string) float64 {
		v, err := strconv.ParseFloat(c[key], 64)
		if err != nil {
			t.Fatalf("%s = %q", key, c[key])
		}
		return v
	}
	compare := func(name string, o Options, want func(row, col float64, s int) float64) {
		m, err := Read(filepath.Join(dir, name), o)
		if err != nil {
			t.Error(err)
			return
		}
		for _, p := range places() {
			got := m.Samples(p[0], p[1])
			for s := range got {
				if w := want(p[0], p[1], s); math.Abs(got[s]-w) > 1e-12 {
					t.Fatalf("%s at %v: sample %d is %.15g, want %.15g", name, p, s, got[s], w)
				}
			}
		}
	}
	t.Run("psfex", func(t *testing.T) {
		name := "psfex-degree.psf"
		c, raw := rawFITS(t, filepath.Join(dir, name), 1)
		compare(name, Options{}, func(row, col float64, s int) float64 {
			zero, scale := [2]float64{number(c, "POLZERO1"), number(c, "POLZERO2")}, [2]float64{number(c, "POLSCAL1"), number(c, "POLSCAL2")}
			return psfexValue(func(k, r, x int) float64 { return raw[k*625+r*25+x] }, 2, zero, scale, col+1, row+1, s/25, s%25)
		})
	})
	t.Run("stpsf", func(t *testing.T) {
		name := "nircam_nrca1_f200w_fovp101_samp4_npsf16_mock.fits"
		_, raw := rawFITS(t, filepath.Join(dir, name), 0)
		nodes := []float64{0, 682, 1365, 2047} // y runs fastest in this file
		compare(name, Options{}, func(row, col float64, s int) float64 {
			return gridValue(nodes, nodes, func(i, j int) float64 { return raw[(4*j+i)*25+s] }, col, row)
		})
	})
	t.Run("stdpsf", func(t *testing.T) {
		name := "STDPSF_NRCA1_F150W_mock.fits"
		_, raw := rawFITS(t, filepath.Join(dir, name), 0)
		nodes := []float64{0, 512, 1024, 1536, 2048}
		compare(name, Options{}, func(row, col float64, s int) float64 {
			return gridValue(nodes, nodes, func(i, j int) float64 { return raw[(5*i+j)*25+s] }, col+1, row+1)
		})
	})
	t.Run("stdpsf of two detectors", func(t *testing.T) {
		name := "STDPSF_ACSWFC_F814W_mock.fits"
		_, raw := rawFITS(t, filepath.Join(dir, name), 0)
		if _, err := Read(filepath.Join(dir, name), Options{}); err == nil || !strings.Contains(err.Error(), "2 detectors") {
			t.Errorf("error %v, want one that asks for the detector", err)
		}
		xs, ys := []float64{0, 512, 1024, 1536, 2168, 2800, 3192, 3584, 4096}, []float64{0, 512, 1024, 1536, 2048}
		for detector := 1; detector <= 2; detector++ {
			compare(name, Options{Detector: detector}, func(row, col float64, s int) float64 {
				return gridValue(xs, ys, func(i, j int) float64 { return raw[((5*(detector-1)+i)*9+j)*25+s] }, col+1, row+1)
			})
		}
	})
}
