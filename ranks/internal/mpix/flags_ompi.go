//go:build mpi && !mpich && !mpienv

package mpix

// #cgo pkg-config: ompi-c
import "C"
