package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// opens are the files that open a path without internal/imageio.Open, which refuses devices
// and pipes, and why they may.
var opens = map[string]string{
	"internal/imageio/opening.go":       "is imageio.Open",
	"internal/imageio/atomic.go":        "creates a file",
	"internal/imageio/parts.go":         "opens for writing what another process has created",
	"internal/lifecycle/log.go":         "creates a file",
	"internal/lifecycle/memory.go":      "reads /proc",
	"internal/hostmemory/hostmemory.go": "reads /proc",
	"internal/outdir/lock.go":           "opens a lock, and follows no link",
	"internal/outdir/owner.go":          "reads /proc",
	"internal/cli/doctor.go":            "reads /proc and /sys",
	"internal/cli/shortcut.go":          "creates the config that was asked for",
	"internal/cli/environment.go":       "reads /proc",
	"internal/cli/busy.go":              "reads /proc",
	"scdl/disk.go":                      "creates files in a folder of its own",
}

// A reader of what a user names goes through imageio.Open or imageio.ReadText: a pipe must
// not block it and a device without an end must not fill the memory.
func TestReadersOpenOrdinaryFiles(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || path == "scripts" || path == "examples") {
			return filepath.SkipDir
		}
		// jobtest serves tests alone.
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "jobtest") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			p, ok := s.X.(*ast.Ident)
			if !ok || p.Name != "os" || s.Sel.Name != "Open" && s.Sel.Name != "ReadFile" && s.Sel.Name != "OpenFile" {
				return true
			}
			used[filepath.ToSlash(path)] = true
			if opens[filepath.ToSlash(path)] == "" {
				t.Errorf("%s calls os.%s; want imageio.Open or imageio.ReadText", path, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range opens {
		if _, err := os.Stat(path); err == nil && !used[path] && path != "internal/lifecycle/log.go" {
			t.Errorf("%s opens nothing: it need not be in the table", path)
		}
	}
}
