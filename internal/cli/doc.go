// Package cli is the command line: what a user types, what is printed and the
// exit status. Every command is an entry of the table in commands.go.
//
// Exit status: 0 done, 1 failed, 2 wrong usage, configuration or input, or a directory that
// another run writes (nothing was computed), 3 stopped by the user or a signal, 4 a
// defect of the program.
//
// Under mpirun every process runs the same command; rank 0 alone reads files and
// prints, and what it finds wrong becomes the exit status of all.
package cli
