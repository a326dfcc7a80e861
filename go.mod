module tessera

go 1.26

require (
	codeberg.org/astrogo/fitsio v0.4.0 // indirect
	github.com/BurntSushi/toml v1.5.0 // indirect
	github.com/rogpeppe/go-internal v1.14.1 // indirect
	github.com/sbromberger/gompi v0.2.0 // indirect
	golang.org/x/sys v0.37.0
	golang.org/x/term v0.36.0 // indirect
	golang.org/x/tools v0.30.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	pgregory.net/rapid v1.2.0 // indirect
)
