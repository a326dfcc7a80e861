package scaling

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// named is a name with its value.
type named struct{ Name, Value string }

// list is an environment as names and values, without what is not known.
func (e *Environment) list() []named {
	version := e.Tessera
	if version != "" && e.Modified {
		version += ", built from a source tree with uncommitted changes"
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
		{"memory", memory}, {"ranks started by", e.Launch}, {"transport", e.Transport}, {"MPI", e.MPI}, {"binding of ranks to cores", e.Binding},
		{"BLAS", e.BLAS}, {"FFT", e.FFT}, {"SHA-256 of the config", e.ConfigDigest},
	}
	for _, k := range slices.Sorted(maps.Keys(e.Variables)) {
		all = append(all, named{k, e.Variables[k]})
	}
	return slices.DeleteFunc(all, func(n named) bool { return n.Value == "" })
}

// definitions defines the terms of the tables and figures.
var definitions = []named{
	{"timed part", "the call of the solver, without input and output; its time is that of the slowest rank."},
	{"median, interval", "T(p) is the median time of the timed part on p ranks. The interval contains the median of the distribution with 95 % probability, whatever the distribution is (order statistics); it needs at least 6 runs. Numbers are rounded to the digits that their interval supports."},
	{"speed-up, efficiency", "Strong scaling (one problem): S = T(1)/T(p), E = S/p. Weak scaling (p ranks have p times the work): E = T(1)/T(p), scaled speed-up S = E p. Where the first row has more than 1 rank, its efficiency is set to 100 %."},
	{"iteration efficiency", "n(1)/n(p), the iterations of the method on one rank over those on p ranks. E = iteration efficiency x efficiency per iteration: the first factor is a property of the method, the second one of its implementation and of the machine."},
	{"POP factors", "With C the computing time of a rank: load balance = mean C / max C; communication efficiency = max C / T; parallel efficiency = load balance x communication efficiency; computation scaling = sum of C on 1 rank / sum of C on p ranks (weak scaling: p times that); global efficiency = parallel efficiency x computation scaling. Source: POP Standard Metrics, pop-coe.eu."},
	{"independent runs", "p runs of one rank at the same time. They do not communicate, so their efficiency, T(1) over their mean time, shows what shared caches and shared memory bandwidth cost. 'Relative to independent runs' is the efficiency divided by that of the independent runs."},
	{mark + " oversubscribed", "more ranks than cores, so that ranks share cores. POP factors come from processor time in these rows. The measured time does not predict the time on as many cores as ranks."},
	{"modelled", "not measured: the largest sum over the ranks of processor time and communication time, where a message of n bytes takes latency + n/bandwidth. The model leaves out shared caches, shared memory bandwidth and waiting within an iteration: it is a lower bound."},
}

// where is an environment in one line.
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
