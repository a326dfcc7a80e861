package psfmodel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mosaics are the grids that hold several detectors: how many side by side, and how many above each other, by the
// number of images.
var mosaics = map[int][2]int{
	36:  {2, 2}, // WFPC2
	56:  {1, 2}, // WFC3/UVIS
	90:  {1, 2}, // ACS/WFC
	200: {4, 2}, // NIRCam, short wavelengths
}

// readSTDPSF reads a grid of effective PSFs with 4 samples a pixel. Places in the file count from 1, on a mosaic of its
// detectors.
func readSTDPSF(path string, o Options) (*Model, error) {
	s, err := readStack(path)
	if err != nil {
		return nil, err
	}
	h := &cards{header: s.Header}
	nx, ny := h.integer("NXPSFS"), h.integer("NYPSFS")
	if h.err == nil && (nx < 1 || ny < 1 || nx > s.Count || nx*ny != s.Count) {
		h.fail("NXPSFS = %d and NYPSFS = %d, and the cube has %d images", nx, ny, s.Count)
	}
	if h.err != nil {
		return nil, h.err
	}
	x, y := h.nodes("IPSFX", nx), h.nodes("JPSFY", ny)
	if h.err != nil {
		return nil, h.err
	}
	across, down := 1, 1
	if n, ok := mosaics[s.Count]; ok && nx%n[0] == 0 && ny%n[1] == 0 {
		across, down = n[0], n[1]
	}
	m := &Model{Format: STDPSF, Rows: s.Rows, Cols: s.Cols, Step: step(o.Oversampling, 4)}
	if o.Oversampling == 0 {
		m.Notes = append(m.Notes, "4 samples a pixel, as all files of this library; the file does not say it")
	}
	px, py := nx/across, ny/down
	detector := o.Detector
	if across*down == 1 && detector == 0 {
		detector = 1
	}
	if detector < 1 || detector > across*down {
		var list []string
		for d := range across * down {
			gx, gy := x[d%across*px:][:px], y[d/across*py:][:py]
			list = append(list, fmt.Sprintf("%d = x %g to %g, y %g to %g", d+1, gx[0], gx[px-1], gy[0], gy[py-1]))
		}
		asked := ""
		if detector != 0 {
			asked = fmt.Sprintf(", and detector %d was asked for", detector)
		}
		return nil, fmt.Errorf("the file holds %d detectors%s: say which with psf_model.detector: %s", across*down, asked, strings.Join(list, "; "))
	}
	i, j := (detector-1)/across, (detector-1)%across
	g := &Grid{}
	if g.Cols, err = own("IPSFX", x[j*px:][:px], across > 1); err != nil {
		return nil, err
	}
	if g.Rows, err = own("JPSFY", y[i*py:][:py], down > 1); err != nil {
		return nil, err
	}
	if across*down > 1 {
		m.Detector = fmt.Sprintf("detector %d of %d, x %g to %g and y %g to %g of the file", detector, across*down, x[j*px], x[j*px+px-1], y[i*py], y[i*py+py-1])
	}
	all := images(s)
	for r := range py {
		m.Images = append(m.Images, all[(i*py+r)*nx+j*px:][:px]...)
	}
	m.Law = g
	return m, nil
}

// nodes are n places along an axis, in cards such as IPSFX01 or in strings of five such as IPSFXA5.
func (c *cards) nodes(key string, n int) []float64 {
	var list []float64
	if has(c.header, key+"01") {
		for i := 1; i <= n; i++ {
			list = append(list, c.number(key+fmt.Sprintf("%02d", i)))
		}
		return list
	}
	for _, letter := range []string{"A", "B", "C", "D"} {
		text, ok := c.header.Get(key + letter + "5")
		if !ok {
			break
		}
		for _, field := range strings.Fields(text) {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				c.fail("%s%s5 = %q, want places", key, letter, text)
			}
			list = append(list, v)
		}
	}
	if len(list) < n {
		c.fail("%d places in the cards %s01 or %sA5, want %d", len(list), key, key, n)
		return make([]float64, n)
	}
	return list[:n]
}

// own are the places on a detector, counted from 0: in a mosaic its first node is the first pixel.
func own(key string, nodes []float64, mosaic bool) ([]float64, error) {
	out := slices.Clone(nodes)
	origin := 1.0
	if mosaic && nodes[0] > 0 {
		origin = nodes[0] + 1
	}
	for i := range out {
		out[i] -= origin
		if i > 0 && !(out[i] > out[i-1]) {
			return nil, fmt.Errorf("the places %s are %v, want increasing ones", key, nodes)
		}
	}
	return out, nil
}
