package psf

// Check is the cost of the whole stack at a convergence check.
type Check struct {
	Iteration int     // done, all passes together
	Misfit    float64 // sum of |W^(1/2) (y - Hx)|^2 / 2
	Penalty   float64 // g(X); in the low-rank form g(Z), Z the stack that the dual variable predicts, equal to X in the limit
	Rank      int     // low-rank form: of Z
	Active    int     // stamps that still iterated
	Change    float64 // |X - X'| / |X|, X' the stack one iteration before; stamps that are done do not change
}

// Cost is the objective, Misfit + Penalty.
func (c Check) Cost() float64 { return c.Misfit + c.Penalty }

// Result is this rank's part of a restored stack and what the solve reports. Except for
// Data, the numbers of each stamp, Made and the times it is the same on all ranks.
type Result struct {
	Data            []float64 // count x side x side, as Stack.Data, in its units
	StampIterations []int     // count: iterations of each stamp, all passes together

	StampConverged []bool    // count: StampTolerance ended the stamp, or its last iteration changed it by at most Still of itself; without Still: Converged
	StampNoise     []float64 // count: standard deviation of the noise of each, in units of the data

	Iterations int       // the most that any stamp of the whole stack had, all passes together
	Converged  bool      // true: Tolerance, StampTolerance or Still ended the last pass; false: MaxIterations did
	Checks     []Check   // one for each convergence check
	Noise      float64   // standard deviation of the noise, mean over the stamps, in units of the data
	Lambda     float64   // low-rank form: threshold of the singular values; otherwise 0
	Tau        float64   // primal step
	SigmaDual  float64   // dual step
	Beta       float64   // bound of the largest |H_i|^2 max W_i; with Compatible an estimate of the largest |H_i|^2
	Singular   []float64 // low-rank form: singular values of Z, largest first
	Passes     int       // low-rank form: products of the block of singular vectors with the stack, in all iterations
	Accuracy   float64   // low-rank form: largest |V'V b - s^2 b| / s_1^2 of a singular vector b in use
	Moved      int       // stamps that went to another rank by Balance

	Made       int     // iterations of stamps that this rank made in Solve seconds; those before Options.Resume are not among them
	Setup      float64 // seconds of this rank before the first iteration
	Solve      float64 // seconds of this rank in the iterations
	Transforms float64 // seconds that the Fourier transforms of one iteration of one stamp take by themselves; 0 without stamps
}
