package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// leastLimit is the shortest limit of a wait in a test, in minutes: it ends what hangs, on machines of
// any speed.
const leastLimit = 2

// minutes is the value of an expression like 5*time.Minute, and whether it is one.
func minutes(e ast.Expr) (n float64, ok bool) {
	if s, is := e.(*ast.SelectorExpr); is {
		return 1, s.Sel.Name == "Minute"
	}
	product, is := e.(*ast.BinaryExpr)
	if !is || product.Op != token.MUL {
		return 0, false
	}
	factor, is := product.X.(*ast.BasicLit)
	if !is {
		return 0, false
	}
	n, err := strconv.ParseFloat(factor.Value, 64)
	unit, ok := minutes(product.Y)
	return n * unit, ok && err == nil
}

// shortWaits are the places of a test file where a wait ends by the clock too early, or on one
// that is not told: a limit of a context that is not a number of minutes, at least two, nor the name of one, and
// time.After.
func shortWaits(set *token.FileSet, file *ast.File) (places []string) {
	limits := map[string]bool{} // the constants of the file that are long enough
	ast.Inspect(file, func(n ast.Node) bool {
		if v, is := n.(*ast.ValueSpec); is && len(v.Names) == 1 && len(v.Values) == 1 {
			m, ok := minutes(v.Values[0])
			limits[v.Names[0].Name] = ok && m >= leastLimit
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		f, is := call.Fun.(*ast.SelectorExpr)
		if !is {
			return true
		}
		from, is := f.X.(*ast.Ident)
		if !is {
			return true
		}
		switch from.Name + "." + f.Sel.Name {
		case "context.WithTimeout":
			limit := call.Args[1]
			name, named := limit.(*ast.Ident)
			if m, ok := minutes(limit); !(ok && m >= leastLimit || named && limits[name.Name]) {
				places = append(places, set.Position(n.Pos()).String())
			}
		case "time.After", "context.WithDeadline":
			places = append(places, set.Position(n.Pos()).String())
		}
		return true
	})
	return places
}

// No test gives up before two minutes have passed: it waits for a line or a file, and its limit only ends what hangs.
func TestLimitsAreLong(t *testing.T) {
	set, limited := token.NewFileSet(), 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		// What serves tests alone has the package testing, too.
		if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` }) {
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, is := n.(*ast.SelectorExpr); is && f.Sel.Name == "WithTimeout" {
				limited++
			}
			return true
		})
		for _, place := range shortWaits(set, file) {
			t.Errorf("%s: a wait that may end within two minutes: want context.WithTimeout with 2*time.Minute or more, or a line or file that is waited for", place)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if limited < 4 {
		t.Errorf("only %d limits were found: does this test still know them?", limited)
	}
}

// What shortWaits finds, and what it lets pass.
func TestShortWaits(t *testing.T) {
	for line, wrong := range map[string]bool{
		"context.WithTimeout(c, time.Minute)":      true,
		"context.WithTimeout(c, 90*time.Second)":   true,
		"context.WithTimeout(c, brief)":            true,
		"context.WithTimeout(c, unknown)":          true,
		"context.WithDeadline(c, time.Now())":      true,
		"<-time.After(10*time.Minute)":             true,
		"context.WithTimeout(c, 2*time.Minute)":    false,
		"context.WithTimeout(c, patience)":         false,
		"time.Sleep(5*time.Millisecond)":           false,
		"context.WithCancel(context.Background())": false,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x_test.go", "package x\nconst brief = 3*time.Second\nconst patience = 4*time.Minute\nfunc f() {\n"+line+"\n}\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(shortWaits(set, file)) > 0; got != wrong {
			t.Errorf("%s: found %v, want %v", line, got, wrong)
		}
	}
}
