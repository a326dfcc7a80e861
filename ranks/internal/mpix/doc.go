// Package mpix is what package ranks calls of MPI beyond what gompi does: each
// function is one C call that blocks until its buffers are the caller's again, so
// that plain Go slices can be passed and nothing is pinned.
//
// Everything runs on duplicates of MPI_COMM_WORLD that return error codes.
// MPI_COMM_WORLD itself keeps its fatal error handler, because gompi, which
// starts and stops MPI, looks at no code.
//
// The package is empty without the build tag mpi. Which library it is built on is
// chosen in the flags_*.go files, one file a library: Go's build cache tells
// lists of files apart, but not two #cgo lines of one file.
package mpix
