package cli

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readSelf reads a byte of this process with the call that Open MPI copies large messages
// with.
func readSelf() error {
	var from, to [1]byte
	local := []unix.Iovec{{Base: &to[0], Len: 1}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&from[0])), Len: 1}}
	_, err := unix.ProcessVMReadv(os.Getpid(), local, remote, 0)
	return err
}
