package ctl

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Parameters of lists, and their bounds.
const (
	keyLimit = "limit"
	keyAfter = "after"
	// limitMax bounds limit.
	limitMax = 1000
	// pageMax is a page where nobody asks for less.
	pageMax = 10_000
)

// pageQuery documents the parameters of lists.
func pageQuery() map[string]string {
	return map[string]string{
		keyLimit: "At most so many items, 1 to 1000; absent: all, up to 10,000",
		keyAfter: "The cursor of Link rel=next: the list goes on behind it, whatever has changed meanwhile",
	}
}

// listing says how a list is cut into pages. A cursor names the last item of a page, not
// its place, so that it stays good when items come and go.
type listing[T any] struct {
	// cursor names an item, and isBehind reports that one comes behind where a cursor
	// points to, which need not be there any more.
	cursor   func(item *T) string
	isBehind func(item *T, cursor string) bool
}

// byName is a list in the order of its names.
func byName[T any](name func(*T) string) listing[T] {
	return listing[T]{cursor: name, isBehind: func(item *T, cursor string) bool { return name(item) > cursor }}
}

// answerPage answers with the page of a list that was asked for, and with the way to the
// next one.
func answerPage[T any](x *call, list []T, l listing[T]) error {
	page, p := cutPage(x, list, l)
	if p != nil {
		return p
	}
	return answerList(x, page)
}

// itemsInTurn is how many items are written before others may run, some 100 us.
const itemsInTurn = 16

// answerList answers with a list, item by item: 10,000 routes take 50 ms, and event loops need the processor.
func answerList[T any](x *call, list []T) error {
	var (
		turns safely.Turns
		item  bytes.Buffer
		body  pieces
	)
	_, _ = body.Write([]byte("["))
	for i := range list {
		item.Reset()
		if i > 0 {
			item.WriteByte(',')
		}
		encode(&item, &list[i])
		_, _ = body.Write(item.Bytes()[:item.Len()-1]) // without its end of line
		turns.Step(itemsInTurn)
	}
	_, _ = body.Write([]byte("]\n"))
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	x.ctx.SetContentType(typeJSON)
	body.send(&x.ctx.Response)
	return nil
}

// cutPage is the page of a list that was asked for; the answer gets the way to the next one.
func cutPage[T any](x *call, list []T, l listing[T]) ([]T, *api.Problem) {
	limit, p := x.number(keyLimit, 1, limitMax, pageMax)
	if p != nil {
		return nil, p
	}
	if args := x.ctx.QueryArgs(); args.Has(keyAfter) {
		cursor, err := base64.RawURLEncoding.DecodeString(string(args.Peek(keyAfter)))
		if err != nil || len(cursor) == 0 {
			return nil, unknownParameter("parameter %q is no cursor of this list: take it from Link rel=next", keyAfter)
		}
		first := 0
		for first < len(list) && !l.isBehind(&list[first], string(cursor)) {
			first++
		}
		list = list[first:]
	}
	if len(list) > limit {
		list = list[:limit]
		linkNext(x.ctx, l.cursor(&list[limit-1]))
	}
	return list, nil
}

// linkNext says where the list goes on, with the other parameters as they came.
func linkNext(ctx *fasthttp.RequestCtx, cursor string) {
	args := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(args)
	ctx.QueryArgs().CopyTo(args)
	args.Set(keyAfter, base64.RawURLEncoding.EncodeToString([]byte(cursor)))
	path, _, _ := strings.Cut(string(ctx.RequestURI()), "?")
	ctx.Response.Header.Set(fasthttp.HeaderLink, "<"+strings.ReplaceAll(path, ">", "%3E")+"?"+args.String()+`>; rel="next"`)
}
