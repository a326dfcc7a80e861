//go:build mpi && mpienv

package mpix

// No flags: CC=mpicc has them, or CGO_CFLAGS and CGO_LDFLAGS.
import "C"
