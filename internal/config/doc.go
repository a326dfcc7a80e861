// Package config reads the TOML file of a job and reports all its mistakes at once.
//
// The caller fills a struct with the default values and decodes the file into it.
// Settings of the form section.key=value from the command line replace values of the
// file. A key that the struct does not have, a value of the wrong type and a value out of
// range are problems; each is reported with the file, the key and the value:
//
//	f, err := config.Parse("configs/x.toml", text, []string{"tikhonov.overlap=-3"})
//	...
//	c := myConfig{Overlap: 4} // the defaults
//	f.Decode(&c)
//	f.Want(c.Overlap >= 0, "tikhonov.overlap", "0 or more")
//	return f.Err() // "-set tikhonov.overlap = -3: want 0 or more"
//
// A syntax error is reported alone, with its line number, since the rest of the file
// cannot be read then.
package config
