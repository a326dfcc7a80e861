// Testlog prints what `go test` prints, from the output of `go test -json` on standard
// input, and appends the time of each test to a file:
//
//	go test -json ./... | go run ./scripts/testlog FILE
//
// A line of FILE is "SECONDS PACKAGE TEST"; the time of a test includes its subtests, also
// those that run at once, and on a busy machine the time that it waited for a core. Of tests that pass only the line
// of their package is printed; of those that fail, everything that they printed. The exit
// status is 0 whatever the tests do: a shell with pipefail has that of `go test`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

// convert reads events until the end of in and writes text and times.
func convert(in io.Reader, text, times io.Writer) error {
	said := map[string][]string{} // by package and test, with the output of its subtests
	subs := map[string]float64{}  // by package and test, seconds of its subtests
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Fprint(text, line) // go test itself, for example about flags
			continue
		}
		test, _, sub := strings.Cut(e.Test, "/")
		key := e.Package + " " + test
		switch {
		case e.Action == "build-output":
			fmt.Fprint(text, e.Output)
		case e.Action == "output":
			if !strings.HasPrefix(e.Output, "=== ") {
				said[key] = append(said[key], e.Output)
			}
		case sub:
		case e.Action == "pass" || e.Action == "skip":
			if test == "" && len(said[key]) > 0 { // "ok", or "no test files"
				fmt.Fprint(text, said[key][len(said[key])-1])
			}
			delete(said, key)
		case e.Action == "fail":
			for _, k := range slices.Sorted(maps.Keys(said)) {
				// Of a process that crashed some tests have no event of their end.
				if test == "" && k != key && strings.HasPrefix(k, key) {
					fmt.Fprint(text, strings.Join(said[k], ""))
					delete(said, k)
				}
			}
			fmt.Fprint(text, strings.Join(said[key], ""))
			delete(said, key)
		}
		if test == "" || e.Action != "pass" && e.Action != "fail" {
			continue
		}
		if !sub { // go test leaves subtests with t.Parallel out of the time of their test
			fmt.Fprintf(times, "%.1f %s %s\n", max(e.Elapsed, subs[key]), e.Package, e.Test)
		} else if strings.Count(e.Test, "/") == 1 {
			subs[key] += e.Elapsed
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json PACKAGES | go run ./scripts/testlog FILE")
		os.Exit(2)
	}
	times, err := os.OpenFile(os.Args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		err = convert(os.Stdin, os.Stdout, times)
	}
	if err == nil {
		err = times.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}
