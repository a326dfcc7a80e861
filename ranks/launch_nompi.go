//go:build !mpi

package ranks

import "context"

// launchWorld starts nothing: this binary has no MPI. done is true if it should have one.
func launchWorld(_ context.Context, _ Options, j job, _ func(context.Context, Comm) error) (done bool, err error) {
	if j.launcher == "" || j.size == 1 || j.size == 0 && j.rank == 0 {
		return false, nil
	}
	return true, j.refuse("this binary was built without MPI: build it with -tags mpi, or start it without the launcher and give it in-process ranks")
}

// MPI describes the MPI library of this binary, which has none.
func MPI() MPIInfo { return MPIInfo{} }
