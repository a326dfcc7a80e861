//go:build !linux

package outdir

// localDisk tells whether dir lies on a disk that no other machine uses at the same time:
// not known here.
func localDisk(string) bool { return false }
