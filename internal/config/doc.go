// Package config reads a job's TOML file strictly and says everything that is
// wrong with it at once.
//
// The caller fills a struct with the defaults and decodes the file over it;
// overrides of the form section.key=value from the command line replace what
// the file says. A key the struct does not name, a value of the wrong type and
// a value out of range are all problems, and each is reported with the file,
// the key and the value:
//
//	f, err := config.Parse("configs/x.toml", text, []string{"tikhonov.overlap=-3"})
//	...
//	c := myConfig{Overlap: 4} // the defaults
//	f.Decode(&c)
//	f.Want(c.Overlap >= 0, "tikhonov.overlap", "0 or more")
//	return f.Err() // "-set tikhonov.overlap = -3: want 0 or more"
//
// Only a syntax error ends the reading early: it carries its line number.
package config
