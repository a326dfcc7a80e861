// Package jobtest runs jobs in the tests of their packages.
package jobtest
