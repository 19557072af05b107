package config

import (
	"mime"
	"os"
	"regexp"
	"slices"
	"strings"
)

// networks checks a list of addresses and networks.
func (c *checker) networks(path string, list []string) {
	for i, network := range list {
		c.network(indexPath(path, i), network)
	}
	c.noDuplicates(path, list)
}

// vocabulary is what a template of a key may name.
func (c *checker) vocabulary(vars string) Vocabulary {
	return Vocabulary{Answer: vars == varsAnswer, Registered: c.schema.extensions.Variables}
}

// template checks a value that is marked vars, and returns its parts, nil where it is wrong.
func (c *checker) template(path, text string, v Vocabulary) []Part {
	if c.broken[path] {
		return nil
	}
	parts, err := v.Parse(text)
	if err == nil {
		return parts
	}
	if raw, masked := c.raw[path]; masked {
		c.reportf(path, "%q stands for a text with a variable that is none, or a brace that nothing ends", raw)
		return nil
	}
	c.reportf(path, "%s", err)
	return nil
}

// groups is what a template beside a regular expression may name; where the expression
// is missing or wrong, no group is checked, or has any effect.
func (v Vocabulary) withGroups(expression *regexp.Regexp) Vocabulary {
	if expression != nil {
		v.Groups = expression.SubexpNames()
	}
	return v
}

// replacement checks an expression and what stands in place of what it matches.
func (c *checker) replacement(path, regex, withKey, with, vars string) []Part {
	expression := c.regex(path+".regex", regex)
	if regex != "" && expression == nil {
		return nil
	}
	return c.template(path+"."+withKey, with, c.vocabulary(vars).withGroups(expression))
}

// beginsLikeLocation reports that what a template makes is absolute or begins with one /.
func beginsLikeLocation(parts []Part) bool {
	if len(parts) == 0 {
		return false
	}
	text := parts[0].Text
	switch parts[0].Variable {
	case "":
	case "url", "uri", wordPath:
		return true
	case "scheme":
		return len(parts) > 1 && strings.HasPrefix(parts[1].Text, "://")
	default:
		return false
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if ok && scheme != "" && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" {
		return rest != "" || len(parts) > 1
	}
	return strings.HasPrefix(text, "/")
}

// leavesTheHost reports a location that begins with //, which browsers read as another host.
func leavesTheHost(parts []Part) bool {
	return len(parts) > 0 && (strings.HasPrefix(parts[0].Text, "//") ||
		parts[0].Text == "/" && len(parts) > 1 && slices.Contains([]string{wordPath, "uri"}, parts[1].Variable))
}

// location checks where a redirect leads that a stage makes.
func (c *checker) location(path, text string, parts []Part) {
	if leavesTheHost(parts) {
		c.reportf(path, "%s begins with //, which browsers read as the name of another host", c.quote(path, text))
	}
	c.reference(path, text, parts)
}

// reference checks that a template, parts of which are nil where it is wrong, makes a location.
func (c *checker) reference(path, text string, parts []Part) {
	switch {
	case parts == nil || c.broken[path]:
	case !beginsLikeLocation(parts):
		c.reportf(path, "%s must begin with / or a scheme such as https://", c.quote(path, text))
	case strings.Contains(text, " "):
		c.reportf(path, "%s must not contain a space", c.quote(path, text))
	}
}

// framing are the fields that only the proxy itself may write.
func framing() []string {
	return []string{
		"content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
	}
}

// unneeded are fields that configurations of other proxies set, which do nothing here.
func unneeded() []string { return []string{"connection", "upgrade"} }

// fieldName checks the name of a field that a stage writes or removes.
func (c *checker) fieldName(path, name string) {
	switch low := strings.ToLower(name); {
	case !c.token(path, "header field", name):
	case strings.Contains(name, "*"):
		c.reportf(path, "%s has a *, and here names stand for themselves", c.quote(path, name))
	case slices.Contains(framing(), low):
		c.reportf(path, "%s says how a message is sent, which the proxy alone decides", c.quote(path, name))
	case slices.Contains(unneeded(), low):
		c.warnf(path, "has no effect: the proxy writes %s itself, also for WebSockets", name)
	}
}

// fieldPattern checks a name that may end in *.
func (c *checker) fieldPattern(path, name string) {
	if prefix, ok := strings.CutSuffix(name, "*"); ok {
		if prefix == "" {
			c.reportf(path, "\"*\" would take every field")
			return
		}
		if strings.Contains(prefix, "*") {
			c.reportf(path, "%s has a * elsewhere than at its end", c.quote(path, name))
			return
		}
		c.token(path, "header field", prefix)
		return
	}
	c.fieldName(path, name)
}

// fieldNames checks a list of names of fields.
func (c *checker) fieldNames(path string, names []string) {
	for i, name := range names {
		c.fieldName(indexPath(path, i), name)
	}
	c.noDuplicates(path, lowered(names))
}

// fieldPatterns checks a list of names that may end in *.
func (c *checker) fieldPatterns(path string, names []string) {
	for i, name := range names {
		c.fieldPattern(indexPath(path, i), name)
	}
	c.noDuplicates(path, lowered(names))
}

// written checks the names of fields that are given values.
func (c *checker) written(path string, fields map[string]string) {
	first := map[string]string{}
	for _, name := range sortedNames(fields) {
		at := joinPath(path, name)
		c.fieldName(at, name)
		if was, twice := first[strings.ToLower(name)]; twice {
			c.reportf(at, "is the same field as %q", was)
		}
		first[strings.ToLower(name)] = name
	}
}

// toldField checks the name of a field that tells backends something.
func (c *checker) toldField(path, name string) {
	if name != "" && c.token(path, "header field", name) && slices.Contains(ownFields(), strings.ToLower(name)) {
		c.reportf(path, "is a field the proxy needs for itself")
	}
}

// place checks where a credential is: header:NAME, cookie:NAME or query:NAME.
func (c *checker) place(path, text string) {
	what, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || !slices.Contains([]string{wordHeader, wordCookie, wordQuery}, what):
		c.reportf(path, "%s is none of header:NAME, cookie:NAME and query:NAME", c.quote(path, text))
	case what == wordQuery && (name == "" || !keyIsPlain(name)):
		c.reportf(path, "%s names no parameter: write query:NAME", c.quote(path, text))
	case what != wordQuery && !isToken(name):
		c.reportf(path, "%s names no %s: write %s:NAME", c.quote(path, text), what, what)
	}
}

// plainKeys are what a bucket may belong to, beside what has a name.
func plainKeys() []string { return []string{"source_ip", wordPath, wordHost, "route", "api_key"} }

// bucket checks what a limit belongs to.
func (c *checker) bucket(path string, keys []string) {
	for i, key := range keys {
		c.bucketKey(indexPath(path, i), key)
	}
	c.noDuplicates(path, keys)
}

func (c *checker) bucketKey(path, text string) {
	what, name, named := strings.Cut(text, ":")
	switch {
	case slices.Contains(plainKeys(), text):
	case !named || !slices.Contains(families(), what):
		c.reportf(path, "%s is none of %s, header:NAME, cookie:NAME, query:NAME and claim:NAME%s",
			c.quote(path, text), strings.Join(plainKeys(), ", "), DidYouMean(text, plainKeys()))
	case (what == wordQuery || what == wordClaim) && (name == "" || !keyIsPlain(name)):
		c.reportf(path, "%s names nothing: write %s:NAME", c.quote(path, text), what)
	case (what == wordHeader || what == wordCookie) && !isToken(name):
		c.reportf(path, "%s names no %s: write %s:NAME", c.quote(path, text), what, what)
	}
}

// mediaType checks a media type.
func (c *checker) mediaType(path, text string) {
	if text == "" || !c.plainText(path, text) {
		return
	}
	if kind, _, err := mime.ParseMediaType(text); err != nil || !strings.Contains(kind, "/") {
		c.reportf(path, "%s is not a media type such as text/plain", c.quote(path, text))
	}
}

// page checks what the body of an answer is made of, of which there may be one.
func (c *checker) page(path string, keys, values []string) (given string) {
	for i, key := range keys {
		switch {
		case values[i] == "":
		case given != "":
			c.reportf(path+"."+key, "cannot stand beside %s", given)
		default:
			given = key
		}
	}
	return given
}

// statusRanges checks a list of codes and ranges.
func (c *checker) statusRanges(path string, list []string) {
	for i, text := range list {
		c.statusRange(indexPath(path, i), text)
	}
	c.noDuplicates(path, list)
}

// stageFileBytesMax bounds a file that a stage reads; a list of a million networks has 20 MiB.
const stageFileBytesMax = 64 << 20

// stageFile checks that a file of a stage can be read, and has it watched, unless the
// stage does so.
func (c *checker) stageFile(f *field, path, file string) {
	if !f.live {
		c.files = append(c.files, file)
	}
	stat, err := os.Stat(file)
	switch {
	case err != nil:
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
		return
	case !stat.Mode().IsRegular():
		c.reportf(path, "cannot read %s: it is not a regular file", c.quote(path, file))
		return
	case stat.Size() > stageFileBytesMax:
		c.reportf(path, "cannot read %s: it is larger than %s", c.quote(path, file), Size(stageFileBytesMax))
		return
	}
	opened, err := os.Open(file)
	if err == nil {
		err = opened.Close()
	}
	if err != nil {
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
	}
}

// clientTLS checks how a service is spoken to.
func (c *checker) clientTLS(path string, t *ClientTLS) {
	if t == nil {
		return
	}
	if t.ServerName != "" && !isHost(t.ServerName) {
		c.reportf(path+".server_name", "%s is not a host name", c.quote(path+".server_name", t.ServerName))
	}
	if t.CAFile != "" {
		c.authorities(path+".ca_file", t.CAFile)
		if t.InsecureSkipVerify {
			c.reportf(path+".insecure_skip_verify", "cannot stand beside ca_file: with it no certificate is verified")
		}
	}
	c.optionalKeyPair(path, t.CertFile, t.KeyFile)
}
