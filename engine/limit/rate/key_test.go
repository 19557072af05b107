package rate

import "testing"

func TestKeys(t *testing.T) {
	if KeyString("ab") != KeyBytes([]byte("ab")) {
		t.Error("equal texts have two keys; want one")
	}
	if KeyString("ab") == KeyString("ba") || KeyString("") == KeyString("\x00") {
		t.Error("two texts have one key; want two")
	}
}
