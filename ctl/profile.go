package ctl

import (
	"bytes"
	"net/http"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Profiles are those of runtime/pprof, and that of the CPU under the name that net/http/pprof
// gives it, so that go tool pprof finds them. The rest of net/http/pprof is left out: the
// command line may hold secrets, names are in the profiles, and an execution trace has no bound.
const (
	profileCPU  = "profile"
	profilePath = "/debug/pprof/"

	keySeconds = "seconds"
	keyDebug   = "debug"
	keyGC      = "gc"

	// secondsDefault and secondsMax are how long the CPU is watched.
	secondsDefault, secondsMax = 30, 60

	typeProfile = "application/octet-stream"
	typeText    = "text/plain; charset=utf-8"
)

// profileEndpoints show where time and memory go. They need the highest role: a profile costs
// time, and its stacks may name what nobody else is told.
func (s *Server) profileEndpoints() []endpoint {
	return []endpoint{
		{method: methodGet, pattern: profilePath, role: api.RoleWrite, serve: s.profiles, doc: operation{
			id: "listProfiles", summary: "Every profile of the process, with how many entries it has", query: pageQuery(),
			answers: answers{200: []api.Profile{}},
		}},
		{method: methodGet, pattern: profilePath + "{profile}", role: api.RoleWrite, serve: s.profile, doc: operation{
			id: "getProfile", summary: "One profile, for go tool pprof",
			query: map[string]string{
				keySeconds: "of profile: how long the CPU is watched, 1 to 60; absent: 30",
				keyDebug:   "of the others: 0 is what go tool pprof reads (absent), 1 text, 2 of goroutine stacks as a panic shows them",
				keyGC:      "of the others: collect garbage before",
			},
			answers: answers{200: rawAnswer{typeProfile, typeText}, 404: refusal{}, 409: refusal{}},
		}},
	}
}

func (s *Server) profiles(x *call) error {
	list := []api.Profile{{Name: profileCPU, Summary: "where the CPU's time goes, while it is watched"}}
	for _, p := range pprof.Profiles() {
		if !isUnsampled(p.Name()) {
			list = append(list, api.Profile{Name: p.Name(), Entries: p.Count()})
		}
	}
	slices.SortFunc(list, func(a, b api.Profile) int { return strings.Compare(a.Name, b.Name) })
	return answerPage(x, list, byName(func(p *api.Profile) string { return p.Name }))
}

// isUnsampled reports a profile that would stay empty, as nothing is sampled for it.
func isUnsampled(name string) bool { return name == "block" || name == "mutex" }

func (s *Server) profile(x *call) error {
	name := x.params["profile"]
	if name == profileCPU {
		return s.profileCPU(x)
	}
	p := pprof.Lookup(name)
	if p == nil || isUnsampled(name) {
		return api.NewProblem(http.StatusNotFound, "there is no profile "+name+": GET "+profilePath+" lists what there is")
	}
	if x.ctx.QueryArgs().Has(keySeconds) {
		return unknownParameter("parameter %q is for %s only: every other one is what has come together so far", keySeconds, profileCPU)
	}
	debug, bad := x.number(keyDebug, 0, 2, 0)
	if bad != nil {
		return bad
	}
	collect, bad := x.flag(keyGC)
	if bad != nil {
		return bad
	}
	if collect {
		runtime.GC()
	}
	var out bytes.Buffer
	if err := p.WriteTo(&out, debug); err != nil {
		return err //nolint:wrapcheck // a bytes.Buffer takes everything
	}
	x.sendProfile(out.Bytes(), debug > 0)
	return nil
}

// profileCPU watches the CPU for a while; the end of the process ends it before. One may
// watch at a time.
func (s *Server) profileCPU(x *call) error {
	for _, key := range []string{keyDebug, keyGC} {
		if x.ctx.QueryArgs().Has(key) {
			return unknownParameter("parameter %q is not for %s", key, profileCPU)
		}
	}
	seconds, bad := x.number(keySeconds, 1, secondsMax, secondsDefault)
	if bad != nil {
		return bad
	}
	if x.ctx.IsHead() {
		x.sendProfile(nil, false)
		return nil
	}
	var out bytes.Buffer
	if err := pprof.StartCPUProfile(&out); err != nil {
		return api.NewProblem(http.StatusConflict, "somebody watches the CPU already: ask again when that has ended").WithCode(api.CodeBusy)
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stop:
	}
	pprof.StopCPUProfile()
	x.sendProfile(out.Bytes(), false)
	return nil
}

func (x *call) sendProfile(body []byte, isText bool) {
	x.ctx.SetContentType(typeProfile)
	if isText {
		x.ctx.SetContentType(typeText)
	}
	x.ctx.SetBody(body)
}
