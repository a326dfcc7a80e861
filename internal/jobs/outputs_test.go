package jobs

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tessera/internal/lifecycle"
)

// The lines of docs/outputs.md between which the keys stand.
const (
	keysBegin = "<!-- The keys are those of metrics.schema.json: go test ./internal/jobs -run TestOutputs -update -->\n"
	keysEnd   = "<!-- end of the keys -->\n"
)

// keyTables are the tables of all keys of metrics.json, as the schema describes them.
func keyTables(t *testing.T) string {
	t.Helper()
	_, schema := readSchema(t)
	common := shapeOf(reflect.TypeFor[lifecycle.Record]())
	jobsOf := map[string][]string{}
	for _, k := range Kinds() {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		for name := range shapeOf(reflect.TypeOf(j.Metrics)).keys {
			jobsOf[name] = append(jobsOf[name], "`"+k.Name+"`")
		}
	}
	var b strings.Builder
	plain := func(text any) string { return strings.ReplaceAll(fmt.Sprint(text), "|", `\|`) }
	var rows func(path string, s map[string]any, more string)
	rows = func(path string, s map[string]any, more string) {
		unit, numbers := s["unit"]
		if !numbers || unit == "1" {
			unit = ""
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |%s\n", path, plain(unit), plain(s["description"]), more)
		for {
			items, ok := s["items"].(map[string]any)
			if !ok {
				break
			}
			s = items
		}
		inner, _ := s["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			next := ""
			if more != "" {
				next = " |"
			}
			rows(path+"."+name, inner[name].(map[string]any), next)
		}
	}
	all := schema["properties"].(map[string]any)
	b.WriteString("### In every job\n\n| key | unit | meaning |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if common.keys[name] != nil {
			rows(name, all[name].(map[string]any), "")
		}
	}
	b.WriteString("\n### In some jobs\n\n| key | unit | meaning | jobs |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if common.keys[name] == nil {
			rows(name, all[name].(map[string]any), " "+strings.Join(jobsOf[name], ", ")+" |")
		}
	}
	defs := schema["$defs"].(map[string]any)
	for _, part := range []struct{ title, def, path string }{
		{"Quality", "quality", "quality.NAME"}, {"Fit", "fit", "fit"}, {"Quartiles", "quartiles", "quality.NAME.pixel_error"},
		{"PSF of a blur", "blur_psf", "psf"}, {"Balancing", "balancing", "balance"}, {"The line of -json", "summary", ""},
	} {
		d := defs[part.def].(map[string]any)
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| key | unit | meaning |\n|---|---|---|\n", part.title, d["description"])
		inner := d["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			rows(strings.TrimPrefix(part.path+"."+name, "."), inner[name].(map[string]any), "")
		}
	}
	return b.String()
}

// docs/outputs.md has every key of metrics.json with its unit, as the schema describes them.
func TestOutputsKeys(t *testing.T) {
	page, err := os.ReadFile(outputsPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), keysBegin)
	_, after, ended := strings.Cut(rest, keysEnd)
	if !found || !ended {
		t.Fatalf("%s: no line %q or %q", outputsPath, strings.TrimSpace(keysBegin), strings.TrimSpace(keysEnd))
	}
	want := before + keysBegin + keyTables(t) + keysEnd + after
	if want == string(page) {
		return
	}
	if !*update {
		t.Fatalf("%s is not that of the schema: go test ./internal/jobs -run TestOutputs -update", outputsPath)
	}
	if err := os.WriteFile(outputsPath, []byte(want), 0o666); err != nil {
		t.Fatal(err)
	}
}

// docs/outputs.md says of every file which jobs may leave it: those of Job.Files, and no others.
func TestOutputsFiles(t *testing.T) {
	page, err := os.ReadFile(outputsPath)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{} // jobs by file
	name := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`") || strings.HasPrefix(line, "| key") {
			continue
		}
		for _, file := range name.FindAllStringSubmatch(cells[1], -1) {
			for _, job := range name.FindAllStringSubmatch(cells[2], -1) {
				said[file[1]] = append(said[file[1]], job[1])
			}
		}
	}
	left := map[string][]string{}
	for _, k := range Kinds() {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range j.Files {
			left[file] = append(left[file], k.Name)
		}
	}
	for file, jobs := range left {
		slices.Sort(jobs)
		got := said[file]
		slices.Sort(got)
		if !slices.Equal(got, jobs) {
			t.Errorf("%s: %v may leave it, the page says %v", file, jobs, got)
		}
		delete(said, file)
	}
	for file, jobs := range said {
		if slices.ContainsFunc(jobs, func(job string) bool { return slices.ContainsFunc(Kinds(), func(k Kind) bool { return k.Name == job }) }) {
			t.Errorf("%s: no job leaves it, the page says %v", file, jobs)
		}
	}
}
