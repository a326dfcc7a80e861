package scaling

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// named is a name and what it stands for.
type named struct{ Name, Value string }

// list is what is known of an environment.
func (e *Environment) list() []named {
	version := e.Tessera
	if version != "" && e.Modified {
		version += ", built from a tree with changes"
	}
	cores := ""
	if e.Cores > 0 {
		cores = strconv.Itoa(e.Cores)
	}
	memory := ""
	if e.MemoryGB > 0 {
		memory = significant(e.MemoryGB, 3) + " GB"
	}
	all := []named{
		{"tessera", version}, {"Go", e.Go}, {"host", e.Host}, {"system", e.System}, {"processor", e.CPU}, {"cores", cores},
		{"memory", memory}, {"ranks started by", e.Launch}, {"transport", e.Transport}, {"MPI", e.MPI}, {"binding", e.Binding},
		{"BLAS", e.BLAS}, {"FFT", e.FFT}, {"digest of the config", e.ConfigDigest},
	}
	for _, k := range slices.Sorted(maps.Keys(e.Variables)) {
		all = append(all, named{k, e.Variables[k]})
	}
	return slices.DeleteFunc(all, func(n named) bool { return n.Value == "" })
}

// howToRead explains the words of the tables and figures.
var howToRead = []named{
	{"median", "of the times of the part that is studied, the slowest rank's; the interval contains the median with 95 % probability whatever the distribution of the times, and is missing below 6 runs. Numbers are rounded to what their interval leaves known."},
	{"speed-up, efficiency", "S = T(1)/T(p), E = S/p in strong scaling and T(1)/T(p) in weak scaling, where p ranks have p times the work. E = E_iterations x E_per-iteration, E_iterations = n(1)/n(p): what the method loses, and what the machine."},
	{"POP factors", "load balance = mean C / max C, communication efficiency = max C / T, computation scaling = sum C(1) / sum C(p), weak: p times that, where C is the time that a rank computes."},
	{mark, "more ranks than cores: ranks take turns, their factors come from processor time, and their times say nothing about as many cores."},
	{"modelled", "not measured: processor time of the slowest rank and what a link of so much latency and bandwidth takes for its traffic."},
}

// where is an environment in a line.
func (e *Environment) where() string {
	var parts []string
	for _, part := range []string{e.Host, e.CPU} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Cores > 0 {
		parts = append(parts, count(e.Cores, "core", "cores"))
	}
	if e.Launch != "" {
		parts = append(parts, "ranks by "+e.Launch)
	}
	return strings.Join(parts, ", ")
}
