package passwd

import (
	"os"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

func TestWrongLinesAreNamedAndNotShown(t *testing.T) {
	good := secretHash
	for _, c := range []struct {
		list []string
		file string
		want string
	}{
		{[]string{"ann:" + good, "bob"}, "", "users[1]: a user is name:hash"},
		{[]string{":" + good}, "", "users[0]: a name is not empty"},
		{[]string{"ann:" + good, "ann:" + good}, "", `users[1]: the user "ann" is given twice`},
		{nil, "# x\n\nann:hunter2\n", `f:3: cannot use the hash of "ann": it is none of`},
		{nil, "ann:$apr1$x$hunter2\n", `f:1: cannot use the hash of "ann": MD5`},
		{nil, "ann:" + good + ":Ann Example", `f:1: cannot use the hash of "ann": it is cut short`},
		{[]string{"ann:" + good}, "ann:" + good, `f:1: the user "ann" is given twice`},
		{nil, strings.Repeat("a", NameBytesMax+1) + ":" + good, "f:1: a name has no colon"},
		{nil, "a\x01b:" + good, "f:1: a name has no colon"},
	} {
		_, err := NewUsers(c.list, []live.File{{Name: "f", Data: []byte(c.file)}})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), good) {
			t.Errorf("got %v; want %s", err, c.want)
		}
	}
}

func TestEveryNameCostsLikeThatOfAUser(t *testing.T) {
	u, err := NewUsers([]string{"ann:" + secretHash, "bob:" + vectors[0].hash, "cy:" + vectors[len(vectors)-1].hash}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found, known := u.find([]byte("bob")); !known || string(found.name) != "bob" {
		t.Errorf("got %v, %v; want bob", found.name, known)
	}
	costs := map[string]int{}
	for name := range strings.FieldsSeq("a b c d e f g h i j k l m n o p q r s t u v w x y z Ann bob2 root admin") {
		first, known := u.find([]byte(name))
		again, _ := u.find([]byte(name))
		if known || first != again {
			t.Errorf("%s: known %v, like %s, then like %s; want an unknown one, always alike", name, known, first.name, again.name)
		}
		costs[string(first.name)]++
	}
	if len(costs) != 3 {
		t.Errorf("unknown names cost like %v; want like all three users", costs)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
