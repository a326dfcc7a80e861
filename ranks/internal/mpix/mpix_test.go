//go:build mpi

package mpix

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	for full, want := range map[string]string{
		"Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022": "Open MPI 4.1.4",
		"MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022":               "MPICH 4.0.2",
		"Intel(R) MPI Library 2021.10 for Linux* OS\n":                                           "Intel(R) MPI Library 2021.10 for Linux* OS",
	} {
		if got := shorten(full); got != want {
			t.Errorf("shorten(%q) = %q, want %q", full, got, want)
		}
	}
}

func TestConsistent(t *testing.T) {
	for _, k := range []struct {
		openMPI bool
		library string
		ok      bool
	}{
		{true, "Open MPI 4.1.4", true},
		{false, "MPICH 4.0.2", true},
		{false, "Intel(R) MPI Library 2021.10", true},
		{true, "IBM Spectrum MPI 10.4", true}, // made of Open MPI
		{true, "MPICH 4.0.2", false},
		{false, "Open MPI 4.1.4", false},
	} {
		if err := consistent(k.openMPI, k.library); (err == nil) != k.ok || err != nil && !strings.Contains(err.Error(), k.library) {
			t.Errorf("header of Open MPI %v, library %s: %v", k.openMPI, k.library, err)
		}
	}
	if lib := Library(); lib == "" || strings.Contains(lib, "\n") {
		t.Errorf("this library is %q", lib)
	}
}
