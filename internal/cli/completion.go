package cli

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// shells are those that completion writes a script for.
func shells() []string { return []string{"bash", "zsh"} }

// completion prints the script of a shell.
func completion(ctx context.Context, c *call) error {
	if len(c.args) != 1 || !slices.Contains(shells(), c.args[0]) {
		return usageError{fmt.Sprintf("tessera completion: %q: want one shell, %s", strings.Join(c.args, " "), strings.Join(shells(), " or "))}
	}
	text := bashCompletion(commands())
	if c.args[0] == "zsh" {
		text = zshCompletion(commands())
	}
	return onRankZero(ctx, c.stderr, func() error {
		_, err := fmt.Fprint(c.stdout, text)
		return err
	})
}

// flags are the flags of a command, in alphabetical order.
func (c *Command) flags() []*flag.Flag {
	var all []*flag.Flag
	if c.Flags != nil {
		fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
		c.Flags(fs, &options{})
		fs.VisitAll(func(f *flag.Flag) { all = append(all, f) })
	}
	return all
}

// value is what follows a flag, with what completes it.
type value int

const (
	noValue value = iota // a switch
	aFile
	aDirectory
	aWord // a number or a name, which nothing completes
)

// valueOf finds what follows a flag by the name of its argument in the help text.
func valueOf(f *flag.Flag) value {
	arg, _ := flag.UnquoteUsage(f)
	switch arg {
	case "":
		return noValue
	case "FILE", "CONFIG", "IMAGE":
		return aFile
	case "DIR":
		return aDirectory
	}
	return aWord
}

// firstWords are the words that may follow a command, nil where that is a file.
func firstWords(c *Command, all []Command) []string {
	if c.Name != "help" {
		return c.Words
	}
	var names []string
	for _, other := range all {
		names = append(names, other.Name)
	}
	return names
}

// bashCompletion is a script that bash reads.
func bashCompletion(all []Command) string {
	var b strings.Builder
	b.WriteString(`# Completion of tessera for bash, made from its table of commands. To use it:
#     source <(tessera completion bash)
_tessera() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local flags='' files='' dirs='' values='' words=''
	case ${COMP_WORDS[1]} in
`)
	for i := range all {
		c := &all[i]
		lists := map[value][]string{}
		var flags []string
		for _, f := range c.flags() {
			flags = append(flags, "-"+f.Name)
			lists[valueOf(f)] = append(lists[valueOf(f)], "-"+f.Name)
		}
		fmt.Fprintf(&b, "\t%s)\n\t\tflags='%s'\n\t\tfiles=' %s ' dirs=' %s ' values=' %s '\n\t\twords='%s' ;;\n", c.Name,
			strings.Join(flags, " "), strings.Join(lists[aFile], " "), strings.Join(lists[aDirectory], " "),
			strings.Join(lists[aWord], " "), strings.Join(firstWords(c, all), " "))
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	fmt.Fprintf(&b, `	esac
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W '%s' -- "$cur")
	elif [[ $files == *" $prev "* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $dirs == *" $prev "* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif [[ $values == *" $prev "* ]]; then
		return
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
	elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _tessera tessera
`, strings.Join(names, " "))
	return b.String()
}

// zshCompletion is a script that zsh reads or finds in its fpath as _tessera.
func zshCompletion(all []Command) string {
	var b strings.Builder
	b.WriteString(`#compdef tessera
# Completion of tessera for zsh, made from its table of commands. To use it, behind compinit:
#     source <(tessera completion zsh)
_tessera() {
	local -a names
	names=(
`)
	for _, c := range all {
		fmt.Fprintf(&b, "\t\t%s\n", single(c.Name+":"+c.Short))
	}
	b.WriteString(`	)
	if (( CURRENT == 2 )); then
		_describe command names
		return
	fi
	shift words
	(( CURRENT-- ))
	case $words[1] in
`)
	special := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`)
	for i := range all {
		c := &all[i]
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments", c.Name)
		for _, f := range c.flags() {
			arg, text := flag.UnquoteUsage(f)
			spec := "-" + f.Name + "[" + special.Replace(text) + "]"
			if repeats(f) {
				spec = "*" + spec
			}
			switch valueOf(f) {
			case aFile:
				spec += ":" + arg + ":_files"
			case aDirectory:
				spec += ":" + arg + ":_files -/"
			case aWord:
				spec += ":" + special.Replace(arg) + ": "
			}
			fmt.Fprintf(&b, " \\\n\t\t\t%s", single(spec))
		}
		if words := firstWords(c, all); words != nil {
			fmt.Fprintf(&b, " \\\n\t\t\t%s", single("1:word:("+strings.Join(words, " ")+")"))
		}
		fmt.Fprintf(&b, " \\\n\t\t\t'*:file:_files' ;;\n")
	}
	b.WriteString(`	esac
}
if [[ $funcstack[1] == _tessera ]]; then
	_tessera "$@"
else
	compdef _tessera tessera
fi
`)
	return b.String()
}

// repeats tells whether a flag may be given several times.
func repeats(f *flag.Flag) bool {
	_, ok := f.Value.(*sets)
	return ok
}

// single is a word of the shell in single quotes.
func single(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
