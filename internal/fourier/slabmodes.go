package fourier

// Modes lays a real, even filter out for Filter, of a Slab of Waves: f gets the frequencies along the
// columns and the rows of the frame in cycles a frame, from -rows/2 to rows/2 and from 0 to cols/2.
// Half a cycle a pixel stands for both signs: f is called with the positive one.
func (s *Slab) Modes(f func(row, col int) float64) []float64 {
	if s.basis != Waves {
		panic("fourier: Slab.Modes: want the basis of waves")
	}
	h := make([]float64, s.modes())
	for b := range s.ownBlocks() {
		for k := range s.rows {
			row := k
			if 2*k > s.rows {
				row = k - s.rows
			}
			for j := 0; j < slabLanes; j += 2 {
				if col := ((s.blockOf[s.part]+b)*slabLanes + j) / 2; col <= s.cols/2 {
					h[(b*s.rows+k)*slabLanes+j] = f(row, col)
				}
			}
		}
	}
	return h
}

// Constant lays a filter out for Filter that is 1 for the constant mode of Waves or Cosines and 0 for all others.
func (s *Slab) Constant() []float64 {
	if s.basis == Sines {
		panic("fourier: Slab.Constant: sines have no constant mode")
	}
	h := make([]float64, s.modes())
	if len(h) > 0 && s.blockOf[s.part] == 0 {
		h[0] = 1
	}
	return h
}
