package backend
import ("testing";"fmt")
func TestZZCuda(t *testing.T) {
	in, _ := here("cuda")
	p, err := in.ensure(t.Context(), func(s string){ fmt.Println(s) })
	if err != nil { t.Fatal(err) }
	fmt.Println(p)
	p2, ok := in.have()
	fmt.Println(p2, ok)
	_, v, err := loadPlugin(p, "")
	fmt.Println(v, err)
}
