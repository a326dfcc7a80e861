package stencil

import "math"

// Plane is where a rows x cols region lies in a larger row-major array: element
// (i, j) is Data[Origin+i*Stride+j]; i and j may be negative within the halo.
type Plane struct {
	Data   []float64
	Origin int
	Stride int
}

// Interior is the plane inside an array of (rows + 2*haloRows) x (cols + 2*haloCols).
func Interior(data []float64, cols, haloRows, haloCols int) Plane {
	stride := cols + 2*haloCols
	return Plane{Data: data, Origin: haloRows*stride + haloCols, Stride: stride}
}

// Kernel is a stencil of (2*RowRadius+1) x (2*ColRadius+1) coefficients, dense
// row-major, and, where it is an outer product, also its two factors.
type Kernel struct {
	RowRadius, ColRadius int
	Dense                []float64
	Rows, Cols           []float64 // Dense = Rows x Cols' if not nil
}

// Identity is the kernel that changes nothing.
func Identity() Kernel {
	return Kernel{Dense: []float64{1}, Rows: []float64{1}, Cols: []float64{1}}
}

// New makes a kernel of odd x odd coefficients and finds out whether it is
// separable to rounding.
func New(rows, cols int, dense []float64) Kernel {
	k := Kernel{RowRadius: rows / 2, ColRadius: cols / 2, Dense: dense}
	// The row and column through the largest element span a rank-one matrix.
	top := 0
	for i, v := range dense {
		if math.Abs(v) > math.Abs(dense[top]) {
			top = i
		}
	}
	if dense[top] == 0 {
		return k
	}
	u, v := make([]float64, rows), make([]float64, cols)
	for i := range u {
		u[i] = dense[i*cols+top%cols]
	}
	for j := range v {
		v[j] = dense[top/cols*cols+j] / dense[top]
	}
	for i := range u {
		for j := range v {
			if math.Abs(u[i]*v[j]-dense[i*cols+j]) > 4e-16*math.Abs(dense[top]) {
				return k
			}
		}
	}
	k.Rows, k.Cols = u, v
	return k
}

// Symmetric says whether the kernel is its own mirror image along each axis.
func (k Kernel) Symmetric() bool {
	rows, cols := 2*k.RowRadius+1, 2*k.ColRadius+1
	top := 0.0
	for _, v := range k.Dense {
		top = math.Max(top, math.Abs(v))
	}
	for i := range rows {
		for j := range cols {
			v := k.Dense[i*cols+j]
			if math.Abs(v-k.Dense[(rows-1-i)*cols+j]) > 1e-15*top || math.Abs(v-k.Dense[i*cols+cols-1-j]) > 1e-15*top {
				return false
			}
		}
	}
	return true
}

// Flipped is the kernel of the transposed convolution.
func (k Kernel) Flipped() Kernel {
	f := Kernel{RowRadius: k.RowRadius, ColRadius: k.ColRadius, Dense: reversed(k.Dense)}
	if k.Rows != nil {
		f.Rows, f.Cols = reversed(k.Rows), reversed(k.Cols)
	}
	return f
}

func reversed(a []float64) []float64 {
	r := make([]float64, len(a))
	for i, v := range a {
		r[len(a)-1-i] = v
	}
	return r
}

// Regulariser is Q'Q by its name.
type Regulariser int

const (
	Identity0 Regulariser = iota // I
	Gradient                     // the negative 5-point Laplacian: 4x - neighbours
	Laplacian                    // the 5-point Laplacian applied twice
)

// Reach is how many pixels away Q'Q looks.
func (q Regulariser) Reach() int { return int(q) }

// NormalOperator is H'WH + lambda Q'Q on a rows x cols plane.
//
// The region in which data rows of Q exist, [Domain[0], Domain[1]) x
// [Domain[2], Domain[3]) in the plane's coordinates, matters to Laplacian only:
// outside of it Q x counts as zero. Where the halo continues the frame (mirrored
// or periodic borders) it is unbounded.
type NormalOperator struct {
	Kernel Kernel
	Q      Regulariser
	Lambda float64
	Rows   int
	Cols   int
	Domain [4]int
	work   []float64
}

// HaloRows and HaloCols are the rows and columns of halo that Normal reads of x.
func (n *NormalOperator) HaloRows() int { return max(2*n.Kernel.RowRadius, n.Q.Reach()) }
func (n *NormalOperator) HaloCols() int { return max(2*n.Kernel.ColRadius, n.Q.Reach()) }

// Apply sets dst (rows*cols) = H'(w .* (H x)) + lambda Q'Q x. x needs the halo
// above, w one of the kernel's radius; a w with nil Data is all ones. Not safe for
// concurrent use: the row buffers are kept.
func (n *NormalOperator) Apply(dst []float64, x, w Plane) {
	r, c := n.Kernel.RowRadius, n.Kernel.ColRadius
	wide := n.Cols + 4*c
	if need := wide*(2*r+2) + 2*wide + 3*(n.Cols+2) + 64; len(n.work) < need {
		n.work = make([]float64, need)
	}
	n.apply(dst, x, w)
}

// Convolve sets dst (rows*cols) = sum_ab h(a,b) x(i-a, j-b); x needs a halo of the
// kernel's radius.
func (k Kernel) Convolve(dst []float64, rows, cols int, x Plane) {
	k.Taps(x.Stride).Convolve(dst, rows, cols, x)
}

// Taps are the coefficients of a kernel that are not zero, with their offsets in arrays of one stride. Who
// convolves again and again keeps them.
type Taps struct {
	offsets      []int
	coefficients []float64
}

// Taps are those for arrays of a stride.
func (k Kernel) Taps(stride int) Taps {
	off, coef := k.taps(stride)
	return Taps{off, coef}
}

// Convolve is Kernel.Convolve for an x of the stride of the taps. It allocates nothing.
func (t Taps) Convolve(dst []float64, rows, cols int, x Plane) {
	convolve(dst, rows, cols, x, t.offsets, t.coefficients)
}

// taps lists the non-zero coefficients with their offsets in an array of the stride.
func (k Kernel) taps(stride int) (off []int, coef []float64) {
	cols := 2*k.ColRadius + 1
	for i, h := range k.Dense {
		if h != 0 {
			a, b := i/cols-k.RowRadius, i%cols-k.ColRadius
			off, coef = append(off, -a*stride-b), append(coef, h)
		}
	}
	return off, coef
}
