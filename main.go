// Tessera restores images that are too large or too slow for one core: every
// rank solves one overlapping tile, and rank 0 lays the mosaic. README.md has
// the first two commands, `tessera help` the others.
package main

import (
	"os"

	"tessera/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
