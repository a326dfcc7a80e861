package scaling

// Published is a printed table of other authors, shown beside the measured values.
type Published struct {
	Source  string     // author and table
	Remark  string     // what limits the comparison
	Columns []string   // names
	Rows    [][]string // as printed, a cell for each column
}

// tikhonovStrong and tikhonovWeak are Tables 1 and 2 of D'Amore, A resource-efficient model
// for deep kernel learning, with what their own columns give.
var tikhonovStrong = Published{
	Source:  "published by D'Amore, Table 1",
	Remark:  "N = 3 x 64^2. Sc recomputed is T(1)/(p T_loc) from the printed columns; it agrees with the printed Sc in no row. T_loc at 8 and 16 ranks must be misprints by powers of ten: with these corrected, T(p)/T_loc is about 8, the number of sweeps.",
	Columns: []string{"p", "S/V", "T_loc", "T(p)", "S published", "S recomputed", "Sc published", "Sc recomputed"},
	Rows: [][]string{
		{"2", "1.06e-7", "9.8e1", "0.8e3", "1.8", "1.95", "1.5", "7.96"},
		{"4", "6.7e-5", "3.0e1", "0.48e3", "3.2", "3.25", "6.5", "13.0"},
		{"8", "2.5e-5", "2.7e-1", "0.24e3", "6.5", "6.5", "7.2", "722"},
		{"16", "1.4e-5", "1.2e-2", "0.1e3", "14.2", "15.6", "8.1", "8125"},
	},
}

var tikhonovWeak = Published{
	Source:  "published by D'Amore, Table 2, fits 1.49 p^2",
	Remark:  "N/p is not constant, so this is not weak scaling. The printed Sc is 1.49 p^2 to three digits in every row: a modelled value, not a measured one.",
	Columns: []string{"p", "n", "N = 3 n^2", "N/p", "Sc published", "1.49 p^2"},
	Rows: [][]string{
		{"2", "32", "3072", "1536", "5.96", "5.96"},
		{"4", "64", "12288", "3072", "23.9", "23.84"},
		{"8", "128", "49152", "6144", "95.4", "95.36"},
		{"16", "256", "196608", "12288", "381", "381.4"},
		{"32", "512", "786432", "24576", "1530", "1525.8"},
		{"64", "1024", "3145728", "49152", "6100", "6103"},
	},
}

// stampsOnSpark and dictionariesOnSpark are times of Panousopoulou et al., A Distributed
// Learning Architecture for Scientific Imaging Problems.
var stampsOnSpark = Published{
	Source:  "published by Panousopoulou et al., Spark on 24 cores",
	Remark:  "Other hardware and software. Sparse times: the printed times of 150 iterations, divided by 150. The printed low-rank times are not those of the published code, whose low-rank step never has the whole stack of stamps.",
	Columns: []string{"stamps", "form", "on", "seconds per iteration"},
	Rows: [][]string{
		{"20,000", "sparse", "4 cores, sequential", "192"},
		{"20,000", "sparse", "24 cores", "at most 48"},
		{"10,000", "low rank", "24 cores", "42 to 50"},
		{"20,000", "low rank", "24 cores", "88 to 98"},
	},
}

var dictionariesOnSpark = Published{
	Source:  "published by Panousopoulou et al., Spark on 24 cores",
	Remark:  "Other hardware; about 40,000 samples. The samples of high and low resolution have 25 and 9 values for spectra, 289 and 81 for patches.",
	Columns: []string{"samples", "atoms", "on", "seconds per iteration"},
	Rows: [][]string{
		{"spectra", "512", "sequential", "32"},
		{"spectra", "512", "24 cores", "16"},
		{"spectra", "1024", "sequential", "66"},
		{"spectra", "1024", "24 cores", "25"},
		{"spectra", "2056", "24 cores", "50"},
		{"patches", "2056", "24 cores", "120"},
	},
}

// publishedFor are the printed tables for the kind of job and of study.
func publishedFor(s *Study) []Published {
	switch {
	case s.Job == "psf":
		return []Published{stampsOnSpark}
	case s.Job == "scdl-train":
		return []Published{dictionariesOnSpark}
	case s.Job != "tikhonov":
		return nil
	case s.Kind == Strong:
		return []Published{tikhonovStrong}
	}
	return []Published{tikhonovWeak}
}
