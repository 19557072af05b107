package match

import "fmt"

// Reason says why predicates do not hold for a request: what they ask and what it has; ""
// where they hold. It allocates; it is for people.
func (p *Predicates) Reason(q *Request) string {
	failed, which := p.failed(q)
	switch failed {
	case byHost:
		return fmt.Sprintf("host %q is none of those", q.Host)
	case byPath:
		return fmt.Sprintf("path %q is another one", q.Path)
	case byMethod:
		return fmt.Sprintf("method %q is none of those", q.Method)
	case byClient:
		if q.Facts == nil || !q.Facts.Client().IsValid() {
			return "the client has no address"
		}
		return fmt.Sprintf("client %s is in none of the networks", q.Facts.Client())
	case byProtocol:
		return "it comes as another protocol"
	case byServerName:
		if q.Facts == nil || q.Facts.ServerName() == "" {
			return "no name was asked for in a TLS handshake"
		}
		return fmt.Sprintf("TLS server name %q is none of those", q.Facts.ServerName())
	case byHeader:
		return "not so: header " + p.headers[which].String()
	case byParam:
		return "not so: query parameter " + p.params[which].String()
	case none:
	}
	return ""
}
