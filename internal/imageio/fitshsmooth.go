package imageio

// smoothen moves the differences of a level of the H transform toward the slopes that the
// means of the neighbours have, by at most t.smooth, and only where the means are monotonic.
func (t *hTransform) smoothen(rows, cols int) {
	w := t.cols
	for r := 2; r < rows-2; r += 2 {
		for c := 0; c < cols; c += 2 {
			t.slope(r*w+c, 2*w, w)
		}
	}
	for r := 0; r < rows; r += 2 {
		for c := 2; c < cols-2; c += 2 {
			t.slope(r*w+c, 2, 1)
		}
	}
	for r := 2; r < rows-2; r += 2 {
		for c := 2; c < cols-2; c += 2 {
			t.curvature(r*w + c)
		}
	}
}

// slope changes the difference at i + next; the neighbours are at i - far and i + far.
func (t *hTransform) slope(i, far, next int) {
	before, here, after := t.a[i-far], t.a[i], t.a[i+far]
	highest := max(min(after-here, here-before), 0) << 2
	lowest := min(max(after-here, here-before), 0) << 2
	if lowest < highest {
		wanted := max(min(after-before, highest), lowest)
		t.move(i+next, wanted, 3)
	}
}

// curvature changes the difference of differences of the four numbers at i.
func (t *hTransform) curvature(i int) {
	w := t.cols
	here := t.a[i]
	mm, pm, mp, pp := t.a[i-2*w-2]-here, t.a[i+2*w-2]-here, t.a[i-2*w+2]-here, t.a[i+2*w+2]-here
	x, y := t.a[i+w]<<1, t.a[i+1]<<1
	highest := min(max(pp, 0)-x-y, max(-pm, 0)+x-y, max(-mp, 0)-x+y, max(mm, 0)+x+y) << 4
	lowest := max(min(pp, 0)-x-y, min(-pm, 0)+x-y, min(-mp, 0)-x+y, min(mm, 0)+x+y) << 4
	if lowest < highest {
		wanted := max(min(pp+mm-mp-pm, highest), lowest)
		t.move(i+w+1, wanted, 6)
	}
}

// move brings 2^scale times the coefficient at i nearer to what is wanted.
func (t *hTransform) move(i int, wanted int64, scale int) {
	d := wanted - t.a[i]<<scale
	if d < 0 {
		d += 1<<scale - 1
	}
	t.a[i] += max(min(d>>scale, t.smooth), -t.smooth)
}
