// Package outdir keeps a directory of results safe from whatever else happens to it.
//
// A Lock makes sure that one process at a time writes the directory, on this machine and on
// others that share the file system. A Stage is a hidden directory inside of it, in which a
// result is written; when the result is complete, its files take the places of those of an
// earlier one. So an earlier result is whole until the next one is, also where the disk
// fills up or the process is killed.
//
// # The lock
//
// The lock is the file .tessera.lock. Its owner holds a lock of the operating system on it
// (flock), which ends with the process, and the file says who the owner is: host, process
// and time, and a number that the owner increases every ten seconds. Who finds the file
// without a lock on it decides as follows:
//
//   - The owner was a process of this machine, or the disk belongs to this machine alone: the
//     owner is dead, and the lock is taken.
//   - The owner was a process of another machine: the file system may not pass locks on
//     between machines. The lock is taken if the number does not change for 35 seconds.
//
// A file system without locks has only the file: it is created exclusively, and the process
// that it names is looked up or its number is watched.
//
// The file is removed when the lock is released.
package outdir
