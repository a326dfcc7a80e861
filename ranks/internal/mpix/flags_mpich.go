//go:build mpi && mpich && !mpienv

package mpix

// #cgo pkg-config: mpich
import "C"
