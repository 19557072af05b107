package middleware

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/live"
	"github.com/isame-lb/isame-lb/engine/auth/passwd"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// hashTime bounds how long a client waits for its password to be checked.
const hashTime = 10 * time.Second

// basicAuth lets clients pass that know a password.
type basicAuth struct {
	*logins

	refuse  refusal
	busy    *answer.Reject
	told    toldField
	forward bool
	stats   *observe.MiddlewareStats
}

// logins are users and their passwords. A Book keeps them.
type logins struct {
	users   *live.Value[passwd.Users]
	checker *passwd.Checker
}

// Close ends the watch for changes of the file.
func (l *logins) Close() error { return l.users.Close() }

func newBasicAuth(k *config.StageBasicAuth, p *Place) (*basicAuth, error) {
	list := make([]string, len(k.Users))
	for i, user := range k.Users {
		list[i] = string(user)
	}
	var names []string
	if k.UsersFile != "" {
		names = []string{k.UsersFile}
	}
	files := p.files()
	hashers, _ := Kept(p.Book, "", "hashers", func() (*passwd.Hashers, error) { return passwd.NewHashers(), nil }) // it cannot fail
	l, err := Kept(p.Book, p.Name, fmt.Sprintf("basic_auth %q %q", list, names), func() (*logins, error) {
		users, err := live.Open(files, p.Name, names, func(read []live.File) (*passwd.Users, error) { return passwd.NewUsers(list, read) })
		if err != nil {
			return nil, err
		}
		return &logins{users, passwd.NewChecker(users, hashers)}, nil
	})
	challenge := fmt.Appendf(nil, `Basic realm="%s", charset="UTF-8"`, k.Realm)
	return &basicAuth{
		logins:  l,
		refuse:  refusal{answer.New(http.StatusUnauthorized, end.Unauthorized, ""), challenge},
		busy:    answer.New(http.StatusServiceUnavailable, end.AuthBusy, "1"),
		told:    newToldField(k.UserHeader),
		forward: k.Forward,
		stats:   p.Stats,
	}, err
}

// Request checks what stands in Authorization, in a goroutine unless it was checked a
// moment ago, and tells the backend the name.
func (s *basicAuth) Request(c *stage.Call) stage.Verdict {
	value, several := onlyField(c, &authorization)
	var room passwd.Room
	name, password, ok := passwd.Credentials(value, &room)
	if several || !ok {
		return s.refuse.answer(c)
	}
	v, user := s.checker.Lookup(name, password, c.NowNanos)
	if v == passwd.Unknown {
		if !c.MayWait {
			return stage.Wait
		}
		var left bool
		if v, user, left = s.verify(c, bytes.Clone(name), bytes.Clone(password)); left {
			return stage.Left
		}
	}
	switch v {
	case passwd.Good:
	case passwd.Wrong:
		return s.refuse.answer(c)
	case passwd.Busy, passwd.Unknown:
		s.stats.Add(c.Shard(), observe.MiddlewareFailed)
		return c.Refuse(s.busy)
	}
	c.UserName = user
	s.told.set(c, user)
	if !s.forward {
		c.Request.Remove(&authorization)
	}
	return stage.Next
}

// verify hashes the password, beside the exchange.
func (s *basicAuth) verify(c *stage.Call, name, password []byte) (v passwd.Verdict, user []byte, left bool) {
	type outcome struct {
		verdict passwd.Verdict
		user    []byte
	}
	came, nowNanos := new(outcome), c.NowNanos
	checker := s.checker
	switch beside(c, "password", hashTime, func(ctx context.Context) {
		came.verdict, came.user = checker.Verify(ctx, name, password, nowNanos)
	}) {
	case stage.Next:
		return came.verdict, came.user, false
	case stage.Left:
		return passwd.Unknown, nil, true
	default:
		return passwd.Busy, nil, false
	}
}
