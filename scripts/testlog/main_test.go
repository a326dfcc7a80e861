package main

import (
	"strings"
	"testing"
)

func TestConvert(t *testing.T) {
	const in = `not an event
{"ImportPath":"c [c.test]","Action":"build-output","Output":"c/c.go:2:12: undefined: y\n"}
{"ImportPath":"c [c.test]","Action":"build-fail"}
{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    a_test.go:3: quiet\n"}
{"Action":"output","Package":"a","Test":"TestGood/sub","Output":"printed\n"}
{"Action":"pass","Package":"a","Test":"TestGood/sub","Elapsed":7}
{"Action":"pass","Package":"a","Test":"TestGood","Elapsed":12.34}
{"Action":"output","Package":"b","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"b","Test":"TestBad/sub","Output":"    b_test.go:3: wrong\n"}
{"Action":"fail","Package":"b","Test":"TestBad/sub","Elapsed":1}
{"Action":"output","Package":"b","Test":"TestBad","Output":"--- FAIL: TestBad (1.00s)\n"}
{"Action":"fail","Package":"b","Test":"TestBad","Elapsed":1}
{"Action":"skip","Package":"b","Test":"TestSkipped","Elapsed":0}
{"Action":"pass","Package":"b","Test":"TestParallel/one","Elapsed":2}
{"Action":"pass","Package":"b","Test":"TestParallel/two/deep","Elapsed":3}
{"Action":"pass","Package":"b","Test":"TestParallel/two","Elapsed":3}
{"Action":"pass","Package":"b","Test":"TestParallel","Elapsed":0.1}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.075s\n"}
{"Action":"pass","Package":"a","Elapsed":0.075}
{"Action":"output","Package":"b","Test":"TestCrash","Output":"signal: killed\n"}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.078s\n"}
{"Action":"fail","Package":"b","Elapsed":0.079}
{"Action":"output","Package":"c","Output":"FAIL\tc [build failed]\n"}
{"Action":"fail","Package":"c","Elapsed":0}
{"Action":"output","Package":"d","Output":"?   \td\t[no test files]\n"}
{"Action":"skip","Package":"d","Elapsed":0}
`
	const want = `not an event
c/c.go:2:12: undefined: y
    b_test.go:3: wrong
--- FAIL: TestBad (1.00s)
ok  	a	0.075s
signal: killed
FAIL	b	0.078s
FAIL	c [build failed]
?   	d	[no test files]
`
	var text, times strings.Builder
	if err := convert(strings.NewReader(in), &text, &times); err != nil {
		t.Fatal(err)
	}
	if text.String() != want {
		t.Errorf("printed\n%swant\n%s", &text, want)
	}
	if want := "12.3 a TestGood\n1.0 b TestBad\n5.0 b TestParallel\n"; times.String() != want {
		t.Errorf("times are\n%swant\n%s", &times, want)
	}
}
