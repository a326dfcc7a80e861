package tikhonov
import ("testing";"fmt")
func TestTmp(t *testing.T){
 for _,box := range []int{3,5,7} { for _, parts := range []int{2,4,8,16} { for _,la := range []float64{1e-2,1e-3} {
  h := make([]float64,box); for i := range h {h[i]=1/float64(box)}
  s := &system{m: chain(64, h, nil, la, true), b: make([]float64,64)}
  s.b[0]=1
  fmt.Println(box,parts,la, s.rate(t, stationary(strips(64,parts,0),true)))
 }}}
}
