package scaling

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browse opens a page in a headless browser and returns the document that the browser made of it.
func browse(t *testing.T, page string) string {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Skip("no chromium and no google-chrome in PATH")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // ends a browser that hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=2000",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1400,1000", "--dump-dom", "file://"+file)
	// A file, not a pipe: helpers of the browser that outlive it would keep a pipe open.
	dump, err := os.Create(filepath.Join(dir, "dom.html"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = dump
	err = errors.Join(cmd.Run(), dump.Close())
	out, unread := os.ReadFile(dump.Name())
	if unread != nil || len(out) == 0 {
		t.Fatalf("%s: %v, %v", program, err, unread)
	}
	return string(out)
}

var (
	tagged    = regexp.MustCompile(`<(section|figure|svg|circle|rect|path)\b([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// The numbers in the document that a browser makes of the page are those of summary.csv.
func TestBrowserShowsTheNumbers(t *testing.T) {
	page, _, table := written(t)
	dom := browse(t, page)
	var marks []map[string]string
	figures, study := 0, ""
	for _, m := range tagged.FindAllStringSubmatch(dom, -1) {
		a := map[string]string{"element": m[1]}
		for _, kv := range attribute.FindAllStringSubmatch(m[2], -1) {
			a[kv[1]] = html.UnescapeString(kv[2])
		}
		switch {
		case m[1] == "figure":
			figures++
		case a["class"] == "study":
			study = a["id"]
		case a["data-ranks"] != "":
			a["study"] = study
			marks = append(marks, a)
		}
	}
	if want := strings.Count(page, "<figure>"); figures != want || figures < 15 {
		t.Errorf("%d figures, want %d", figures, want)
	}
	if n := checkMarks(t, marks, table); n < 400 {
		t.Errorf("%d numbers in the marks", n)
	}
}

// At the widths of a phone and of a desktop the page is not wider than its window, all
// figures are drawn, and no text of a figure is cut off.
func TestBrowserFitsTheWindow(t *testing.T) {
	page, _, _ := written(t)
	widths := []int{390, 1280}
	var frames strings.Builder
	for _, w := range widths {
		fmt.Fprintf(&frames, `<iframe width="%d" height="900" style="border:0" srcdoc="%s"></iframe>`, w, html.EscapeString(page))
	}
	dom := browse(t, `<!DOCTYPE html><meta charset="utf-8"><body>`+frames.String()+`<pre id="found"></pre><script>
onload = () => { for (const f of document.querySelectorAll("iframe")) {
	const d = f.contentDocument, out = []
	for (const s of d.querySelectorAll("svg")) {
		const b = s.getBoundingClientRect()
		if (b.width < 200 || b.height < 100) out.push(s.id + " is small")
		for (const e of s.querySelectorAll("text")) {
			const r = e.getBoundingClientRect()
			if (r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1) out.push(s.id + " cuts " + e.textContent)
		}
	}
	document.getElementById("found").textContent += "[" + f.width + " " + (d.documentElement.scrollWidth - d.documentElement.clientWidth) + " " + d.querySelectorAll("svg").length + " " + out.join("; ") + "]"
} }
</script>`)
	for _, w := range widths {
		want := fmt.Sprintf("[%d 0 %d ]", w, strings.Count(page, "<svg"))
		if !strings.Contains(dom, want) {
			found := regexp.MustCompile(`(?s)id="found">(.*?)</pre>`).FindStringSubmatch(dom)
			t.Errorf("want %q (width, overflow, figures, complaints), got %q", want, found)
		}
	}
}
