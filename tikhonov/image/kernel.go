package image

// Kernel is a blur: an odd x odd stencil, normalised by the caller. The
// convolution is (H w)(i,j) = sum_{a,b} h(a,b) w(i-a, j-b).
type Kernel struct {
	Rows, Cols int       // odd; 0 = no blur
	Values     []float64 // Rows*Cols, row-major, centre at (Rows/2, Cols/2)
}
