//go:build mpi && mpienv

package mpix

// No flags here: the compiler is mpicc, or CGO_CFLAGS and CGO_LDFLAGS have them.

import "C"
