module restore

go 1.26

require tessera v0.0.0

require (
	github.com/sbromberger/gompi v0.2.0 // indirect
	golang.org/x/sys v0.37.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
)

replace tessera => ../..
