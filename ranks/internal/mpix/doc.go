// Package mpix holds the MPI functions that package ranks needs and gompi does not have.
// Each function is one C call that returns when its buffers belong to the caller again:
// Go slices can be passed as they are, and no memory has to be pinned.
//
// All calls use duplicates of MPI_COMM_WORLD that return error codes. MPI_COMM_WORLD
// itself keeps its fatal error handler, because gompi, which starts and stops MPI, does
// not check the codes.
//
// Without the build tag mpi the package is empty. The MPI library is chosen in the
// flags_*.go files, one file for each library: Go's build cache distinguishes lists of
// files, but not two #cgo lines of one file.
package mpix
