package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages of the module from the top down. A package imports only
// packages of layers below its own; those of one layer do not know each other, but for
// the parts of one solver, which may use what stands above their own directory. The
// longest prefix decides. This is the only place that says so.
var layers = []struct {
	name string
	dirs []string
}{
	{"command", []string{".", "scripts/campaign"}},
	{"command line", []string{"internal/cli"}},
	{"registry", []string{"internal/jobs"}},
	{"jobs", []string{"internal/jobs/tikhonov", "internal/jobs/kernel", "internal/jobs/psf", "internal/jobs/scdl", "internal/jobs/tv", "internal/jobs/tppa", "internal/jobs/mlpatch"}},
	{"test of jobs", []string{"internal/jobs/jobtest"}},
	{"frames and pictures to learn from", []string{"internal/frames", "internal/training"}},
	{"lifecycle", []string{"internal/lifecycle"}},
	{"console and config", []string{"internal/config", "internal/progress"}},
	{"solvers", []string{"tikhonov", "tv", "psf", "scdl", "tppa", "mlpatch", "scaling"}},
	{"training", []string{"train"}},
	{"iterations", []string{"krylov"}},
	{"PSF models", []string{"psfmodel"}},
	{"operators", []string{"forward"}},
	{"load balance", []string{"loadbalance"}},
	{"halo", []string{"halo"}},
	{"ranks", []string{"ranks"}},
	{"kernels and files", []string{"internal"}},
}

// layer is the place of a package in layers and the directory that decided it.
func layer(dir string) (int, string) {
	at, best := -1, ""
	for i, l := range layers {
		for _, d := range l.dirs {
			if (dir == d || strings.HasPrefix(dir, d+"/")) && len(d) > len(best) {
				at, best = i, d
			}
		}
	}
	return at, best
}

// allowed tells whether a package may import another, both by their directories.
func allowed(from, to string) bool {
	const kernels = "kernels and files"
	i, fromTop := layer(from)
	j, toTop := layer(to)
	switch {
	case i < 0 || j < 0:
		return false
	case strings.Contains(to, "/internal/"): // what a package keeps to itself and the parts below it
		keeper, _, _ := strings.Cut(to, "/internal/")
		return strings.HasPrefix(from+"/", keeper+"/")
	case layers[i].name == kernels:
		return layers[j].name == kernels
	case i == j: // tikhonov/image/layers uses tikhonov/image, not the other way
		return fromTop == toTop && strings.HasPrefix(from, to+"/")
	case layers[i].name == "ranks" || layers[i].name == "halo" && layers[j].name == kernels:
		return false // ranks imports nothing of ours, halo knows no physics
	case layers[i].name == "console and config":
		return false
	case layers[j].name == "test of jobs":
		return false // but for tests, which see below
	case layers[j].name == kernels:
		return true
	case layers[i].name == "solvers" && layers[j].name == "console and config":
		return false
	}
	return i < j
}

func TestImportDirections(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && d.IsDir() && path != "." {
			return filepath.SkipDir // a module of its own, which cannot import internal packages
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(path))
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to, ours := strings.CutPrefix(name, "tessera/")
			if !ours {
				continue
			}
			seen++
			// A test of a package from outside imports the package, or a suite kept below it.
			test := strings.HasSuffix(path, "_test.go")
			external := test && strings.HasSuffix(f.Name.Name, "_test") && (to == from || strings.HasPrefix(to, from+"/")) ||
				test && to == "internal/jobs/jobtest"
			if !external && !allowed(from, to) {
				t.Errorf("%s imports %s: imports go one way only", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("saw %d imports within the module: is this its root?", seen)
	}
}

// The rules themselves, so that a change to layers cannot silently allow everything.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{".", "internal/cli", true},
		{"scripts/campaign", "internal/cli", true},
		{"scripts/campaign", "internal/jobs", true},
		{"internal/cli", "scripts/campaign", false},
		{"internal/cli", "internal/jobs", true},
		{"internal/cli", "internal/jobs/psf", true},
		{"internal/cli", "internal/imageio", true},
		{"internal/jobs", "internal/jobs/tikhonov", true},
		{"internal/jobs/tikhonov", "internal/jobs", false},
		{"internal/jobs/tikhonov", "internal/jobs/psf", false},
		{"internal/jobs/tikhonov", "internal/frames", true},
		{"internal/jobs/tikhonov", "tikhonov/image", true},
		{"internal/jobs/tikhonov", "internal/config", true},
		{"internal/jobs/tikhonov", "internal/jobs/jobtest", false},
		{"internal/jobs/jobtest", "internal/lifecycle", true},
		{"internal/frames", "internal/lifecycle", true},
		{"internal/lifecycle", "internal/frames", false},
		{"internal/lifecycle", "scaling", true},
		{"internal/jobs", "internal/cli", false},
		{"internal/config", "internal/jobs", false},
		{"train", "krylov", true},
		{"krylov", "forward", true},
		{"forward", "krylov", false},
		{"forward", "halo", true},
		{"psf", "forward", true},
		{"forward/forwardtest", "forward", true},
		{"forward", "forward/forwardtest", false},
		{"tikhonov/image/literal", "tikhonov/image/internal/tiles", true},
		{"psf", "tikhonov/image/internal/tiles", false},
		{"internal/config", "internal/imageio", false},
		{"tikhonov/image", "krylov", true},
		{"krylov", "tikhonov/image", false},
		{"krylov", "forward", true},
		{"forward", "krylov", false},
		{"forward", "internal/random", true},
		{"forward/forwardtest", "forward", true},
		{"forward", "forward/forwardtest", false},
		{"tikhonov/image", "psf", false},
		{"tikhonov/image", "internal/config", false},
		{"tikhonov/image", "internal/cli", false},
		{"tikhonov/image", "internal/linalg", true},
		{"tikhonov/image", "halo", true},
		{"tikhonov/kernel", "loadbalance", true},
		{"tikhonov/kernel/deep", "tikhonov/kernel", true},
		{"tikhonov/kernel", "tikhonov/image", false},
		{"tikhonov/image/literal", "tikhonov/image", true},
		{"tikhonov/image/literal", "tikhonov/image/internal/tiles", true},
		{"tikhonov/image/literal", "tikhonov/image/layers", false},
		{"tikhonov/kernel", "tikhonov/image/internal/tiles", false},
		{"tikhonov/kernel/deep", "tikhonov/internal/onerank", true},
		{"loadbalance", "halo", true},
		{"loadbalance", "tikhonov", false},
		{"halo", "loadbalance", false},
		{"halo", "ranks", true},
		{"halo", "internal/linalg", false},
		{"ranks", "halo", false},
		{"ranks", "internal/linalg", false},
		{"ranks", "ranks/rankstest", false},
		{"ranks", "ranks/internal/mpix", true},
		{"halo", "ranks/internal/mpix", false},
		{"ranks/rankstest", "ranks", true},
		{"internal/linalg", "ranks", false},
		{"internal/simulate", "internal/imageio", true},
		{"elsewhere", "ranks", false},
	} {
		if got := allowed(c.from, c.to); got != c.want {
			t.Errorf("allowed(%s, %s) = %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
