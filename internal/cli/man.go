package cli

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

// man prints the manual page.
func man(ctx context.Context, c *call) error {
	if err := c.noArguments("man"); err != nil {
		return err
	}
	return onRankZero(ctx, c.stderr, func() error {
		_, err := fmt.Fprint(c.stdout, manPage(commands()))
		return err
	})
}

// manPage is the manual page in troff with the macros of man(7): every command with its
// flags, and the exit statuses.
func manPage(all []Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH TESSERA 1 \"\" \"tessera %s\" \"User Commands\"\n", release)
	b.WriteString(".SH NAME\ntessera \\- imaging inverse problems on many ranks\n.SH SYNOPSIS\n")
	for _, c := range all {
		fmt.Fprintf(&b, "%s\n.br\n", strings.TrimSpace(`\fBtessera `+roff(c.Name)+`\fR `+roff(c.Args)))
	}
	b.WriteString(".SH DESCRIPTION\n")
	b.WriteString(roff(`tessera restores frames that are blurred, noisy and incomplete, fits scattered observations, deconvolves
stacks of stamps and learns dictionaries. A job is described by a config, a TOML file; some commands need none.
Flags may stand anywhere after the command.`) + "\n")
	b.WriteString(".SH COMMANDS\n")
	for i := range all {
		c := &all[i]
		fmt.Fprintf(&b, ".SS tessera %s\n", roff(strings.TrimSpace(c.Name+" "+c.Args)))
		fmt.Fprintf(&b, "%s.\n", roff(strings.ToUpper(c.Short[:1])+c.Short[1:]))
		if c.Long != "" {
			b.WriteString(".PP\n" + roffText(c.Long))
		}
		for _, f := range c.flags() {
			arg, text := flag.UnquoteUsage(f)
			name := `\fB` + roff("-"+f.Name) + `\fR`
			if arg != "" {
				name += ` \fI` + roff(arg) + `\fR`
			}
			fmt.Fprintf(&b, ".TP\n%s\n", name)
			fmt.Fprintf(&b, "%s\n", roff(text))
		}
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range statuses() {
		fmt.Fprintf(&b, ".TP\n%d\n%s\n", s.code, roff(s.text))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\nGOMAXPROCS\n" + roff("Threads of Go in this process. Without it they are chosen by the number of ranks.") + "\n")
	b.WriteString(".SH FILES\n.TP\nmetrics.json\n" + roff("Numbers of a run, in the directory of its result. Where it exists, the result is complete.") + "\n")
	b.WriteString(".TP\nconfig.toml\n" + roff("The config of the run with every default, beside it.") + "\n")
	return b.String()
}

// roffText is text with paragraphs between blank lines, where indented lines are printed as
// they stand.
func roffText(text string) string {
	var b strings.Builder
	literal := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "    ")
		switch {
		case indented && !literal:
			b.WriteString(".RS\n.nf\n")
		case !indented && literal:
			b.WriteString(".fi\n.RE\n")
		}
		literal = indented
		switch {
		case indented:
			b.WriteString(roff(strings.TrimPrefix(line, "    ")) + "\n")
		case line == "":
			b.WriteString(".PP\n")
		default:
			b.WriteString(roff(line) + "\n")
		}
	}
	if literal {
		b.WriteString(".fi\n.RE\n")
	}
	return b.String()
}

// roff is text without the meaning that troff gives to backslashes, hyphens, and dots and
// quotes at the start of a line.
func roff(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(line)
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
