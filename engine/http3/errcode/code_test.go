package errcode

import "testing"

func TestCodesHaveNames(t *testing.T) {
	for i := range Count {
		if c := names[i].code; c.Index() != i || c.String() != names[i].name {
			t.Errorf("%#x is %s at %d", uint64(c), c, c.Index())
		}
	}
}
