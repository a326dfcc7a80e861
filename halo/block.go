package halo

// maxDims is the largest number of dimensions. Blocks always have three axes;
// those of fewer dimensions are aligned to the last, with length 1 in front.
const maxDims = 3

// align is the axis of a block that holds axis k of d.
func align(k, d int) int { return maxDims - d + k }

// block is where a box of cells lies in a row-major array: n[0]*n[1] runs of n[2]
// contiguous values. Run (i, j) starts at off + i*step[0] + j*step[1]. A backward
// block is traversed from the high end of each run; steps are negative on mirrored axes.
type block struct {
	n        [maxDims]int
	off      int
	step     [maxDims - 1]int
	backward bool
}

// blockOf locates region in an array over the box array, which contains it.
func blockOf(array, region Box) block {
	b := block{n: [maxDims]int{1, 1, 1}}
	d := len(region.Lo)
	stride := 1
	for k := d - 1; k >= 0; k-- {
		a := align(k, d)
		b.n[a] = max(0, region.Hi[k]-region.Lo[k])
		b.off += (region.Lo[k] - array.Lo[k]) * stride
		if a < maxDims-1 {
			b.step[a] = stride
		}
		stride *= array.Hi[k] - array.Lo[k]
	}
	return b
}

// message is a block of the shape of b that lies contiguously from off.
func (b block) message(off int) block {
	return block{n: b.n, off: off, step: [maxDims - 1]int{b.n[1] * b.n[2], b.n[2]}}
}

// mirror is b traversed backwards along the axes that are set.
func (b block) mirror(axes [maxDims]bool) block {
	for a := range b.step {
		if axes[a] {
			b.off += (b.n[a] - 1) * b.step[a]
			b.step[a] = -b.step[a]
		}
	}
	b.backward = axes[maxDims-1]
	return b
}

func (b block) size() int { return b.n[0] * b.n[1] * b.n[2] }

// shortRun is the length up to which copyShort beats the call behind copy.
const shortRun = 8

// copyBlock copies the cells of block from of src, in order, to block to of dst.
// The blocks have the same n.
func copyBlock(dst []float64, to block, src []float64, from block) {
	n := to.n[2]
	for i := range to.n[0] {
		t, f := to.off+i*to.step[0], from.off+i*from.step[0]
		switch {
		case to.backward != from.backward:
			copyMirrored(dst, t, to.step[1], src, f, from.step[1], to.n[1], n)
		case n <= shortRun:
			copyShort(dst, t, to.step[1], src, f, from.step[1], to.n[1], n)
		default:
			for range to.n[1] {
				copy(dst[t:t+n], src[f:f+n])
				t += to.step[1]
				f += from.step[1]
			}
		}
	}
}

// copyShort copies rows runs of n values. The runs of dst start at t and are ts
// apart, those of src start at f and are fs apart. It copies four columns at a time:
// then the compiler knows the length of each run, which halves the time for the
// columns at the sides of a frame.
func copyShort(dst []float64, t, ts int, src []float64, f, fs int, rows, n int) {
	for ; n >= 4; n -= 4 {
		a, b := t, f
		for range rows {
			d, s := (*[4]float64)(dst[a:]), (*[4]float64)(src[b:])
			d[0], d[1], d[2], d[3] = s[0], s[1], s[2], s[3]
			a += ts
			b += fs
		}
		t += 4
		f += 4
	}
	for ; n > 0; n-- {
		a, b := t, f
		for range rows {
			dst[a] = src[b]
			a += ts
			b += fs
		}
		t++
		f++
	}
}

// copyMirrored is copyShort with the runs of dst backwards, of any length.
func copyMirrored(dst []float64, t, ts int, src []float64, f, fs int, rows, n int) {
	for ; n >= 4; n -= 4 {
		a, b := t+n-4, f
		for range rows {
			d, s := (*[4]float64)(dst[a:]), (*[4]float64)(src[b:])
			d[3], d[2], d[1], d[0] = s[0], s[1], s[2], s[3]
			a += ts
			b += fs
		}
		f += 4
	}
	for ; n > 0; n-- {
		a, b := t+n-1, f
		for range rows {
			dst[a] = src[b]
			a += ts
			b += fs
		}
		f++
	}
}

// addBlock is copyBlock with += in place of =.
func addBlock(dst []float64, to block, src []float64, from block) {
	n := to.n[2]
	for i := range to.n[0] {
		t, f := to.off+i*to.step[0], from.off+i*from.step[0]
		for range to.n[1] {
			d, s := dst[t:t+n], src[f:f+n]
			if to.backward != from.backward {
				for k, v := range s {
					d[n-1-k] += v
				}
			} else {
				for k, v := range s {
					d[k] += v
				}
			}
			t += to.step[1]
			f += from.step[1]
		}
	}
}

// clearBlock sets the cells of block b of dst to zero.
func clearBlock(dst []float64, b block) {
	for i := range b.n[0] {
		t := b.off + i*b.step[0]
		for range b.n[1] {
			clear(dst[t : t+b.n[2]])
			t += b.step[1]
		}
	}
}

// CopyBox copies the cells of region from src, a row-major array over srcBox, to dst,
// a row-major array over dstBox. Both boxes contain region.
//
// If dstBox is the extended box of rank i, src an array over the domain and region
// the intersection of the two boxes, CopyBox is the restriction RO_i.
func CopyBox(dst []float64, dstBox Box, src []float64, srcBox, region Box) {
	copyBlock(dst, blockOf(dstBox, region), src, blockOf(srcBox, region))
}

// AddBox is CopyBox with += in place of =. From an extended box to the domain it is
// the extension EO_i.
func AddBox(dst []float64, dstBox Box, src []float64, srcBox, region Box) {
	addBlock(dst, blockOf(dstBox, region), src, blockOf(srcBox, region))
}

// shell cuts the cells of outer that are not in inner, a box inside outer, into boxes
// with the longest runs: for each axis one box below inner and one above, which on the
// axes before extend as far as inner.
func shell(outer, inner Box) []Box {
	var out []Box
	slab := outer
	for k := range outer.Lo {
		below, above := slab.Grow(nil), slab.Grow(nil)
		below.Hi[k], above.Lo[k] = inner.Lo[k], inner.Hi[k]
		for _, b := range []Box{below, above} {
			if !b.Empty() {
				out = append(out, b)
			}
		}
		slab = slab.Grow(nil)
		slab.Lo[k], slab.Hi[k] = inner.Lo[k], inner.Hi[k]
	}
	return out
}
