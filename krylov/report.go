package krylov

import (
	"errors"
	"fmt"
	"math"
)

// Status says why an iteration stopped. The zero value means that none has run.
type Status int

const (
	Converged      Status = iota + 1 // the error is small enough, or Control.Monitor said so
	IterationLimit                   // Control.MaxIterations are done
	Stagnated                        // the residual no longer falls: rounding, or an inexact operator
	Diverged                         // the residual of a stationary iteration grows
	Cancelled                        // a rank's context was cancelled
)

// String is the status in lower-case words.
func (s Status) String() string {
	switch s {
	case 0:
		return "not started"
	case Converged:
		return "converged"
	case IterationLimit:
		return "iteration limit"
	case Stagnated:
		return "stagnated"
	case Diverged:
		return "diverged"
	case Cancelled:
		return "cancelled"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// Progress is how far a solver has come.
type Progress struct {
	Phase     string  // what runs: "set-up", "solve", ...
	Iteration int     // of the phase, from 1; 0 = the phase begins
	Of        int     // most iterations of the phase; 0 = not known
	Residual  float64 // ||b - M x|| / ||b||
	Target    float64 // the Residual at which the phase is expected to end; 0 = not known
}

// Report is what an iteration did; the same on every rank.
type Report struct {
	Status     Status    // why the iteration stopped
	Iterations int       // that were done
	Residual   float64   // ||b-Mx|| / ||b||, recomputed from x at the end; 0 if Cancelled
	ErrorBound float64   // relative error of x: guaranteed if Certified, else estimated; 0 if Cancelled
	Certified  bool      // the error bound is a guarantee
	Rounding   bool      // the error bound is what rounding makes of it: no method betters that
	History    []float64 // relative residual before the first iteration and after each
}

// notConverged is the error of a report whose iteration stopped too early.
func (r *Report) notConverged() error {
	e := &NotConvergedError{Status: r.Status, Iterations: r.Iterations, Residual: r.Residual, ErrorBound: r.ErrorBound}
	if r.Status == Diverged {
		e.Growth = growth(r.History)
	}
	return e
}

// growth is the mean factor of the residual a sweep over the last (at most four) sweeps.
func growth(history []float64) float64 {
	last := len(history) - 1
	n := min(last, 4)
	return math.Pow(history[last]/history[last-n], 1/float64(n))
}

// NotConvergedError says that an iteration stopped before the error was small enough,
// and why. The iterate so far is in x. Every rank returns the same numbers.
type NotConvergedError struct {
	Status     Status // IterationLimit, Stagnated or Diverged
	Iterations int
	Residual   float64 // relative
	ErrorBound float64 // relative
	Growth     float64 // if Diverged: factor of the residual a sweep, over the last sweeps; else 0
}

func (e *NotConvergedError) Error() string {
	switch e.Status {
	case Diverged:
		return fmt.Sprintf("krylov: the iteration diverges: relative residual %.3g after %d sweeps, growing %.2f-fold a sweep (use more overlap, or a Krylov method)",
			e.Residual, e.Iterations, e.Growth)
	case Stagnated:
		return fmt.Sprintf("krylov: not converged: the residual no longer falls after %d iterations: relative residual %.3g, relative error %s (use a larger tolerance)",
			e.Iterations, e.Residual, e.about())
	}
	return fmt.Sprintf("krylov: not converged after %d iterations: relative residual %.3g, relative error %s (allow more iterations, or use a larger tolerance)",
		e.Iterations, e.Residual, e.about())
}

// about is the error in words.
func (e *NotConvergedError) about() string {
	if !(e.ErrorBound < 1) {
		return "not known"
	}
	return fmt.Sprintf("about %.3g", e.ErrorBound)
}

// Unfinished tells whether err says that an iteration stopped too early but did not
// diverge: the iterate in x can then be used, at the accuracy that was reached.
func Unfinished(err error) bool {
	var e *NotConvergedError
	return errors.As(err, &e) && e.Status != Diverged
}

// IndefiniteError says that a matrix that should be positive definite is not.
type IndefiniteError struct{ What string }

func (e *IndefiniteError) Error() string {
	return "krylov: " + e.What + " is not positive definite"
}

// OverflowError says that the numbers of a Krylov iteration left the range of
// float64: the operator or the preconditioner returned an infinity or no number.
type OverflowError struct{ Iteration int }

func (e *OverflowError) Error() string {
	return fmt.Sprintf("krylov: infinite or undefined numbers in iteration %d, from the matrix or the preconditioner", e.Iteration)
}
