// Package acme obtains certificates from an ACME server (RFC 8555) and renews
// them, without ever being waited for: a Keeper works beside the traffic, and a
// Certificate is what a handshake looks at.
//
//	New -> Host for each -> (the caller stores its table) -> Keep -> ... -> Stop
//
// Host finds out what the storage has, so a restart uses it at once. Keep gives
// every host a goroutine that obtains, renews and tries again; a reload calls
// Keep with other hosts, and what goes on for those that stay is not disturbed.
//
// Keepers are the keepers of one generation, which share and pass them on by section.
//
// Challenges are answered by the proxy's own listeners: http-01 on those in clear
// text, tls-alpn-01 (RFC 8737) on those with TLS, see Challenges; or by records in the
// DNS, which package dns01 puts up and takes away.
//
// A renewal asks the same server for the same profile and kind of key: all of them belong
// to the Section, and what is obtained by another one stands on another shelf of the
// storage. Until there is one of the new kind the old one serves the host. When it
// will be renewed, and by which reason, is Certificate.Renewal.
//
// # What is certmagic's and what is ours
//
// github.com/caddyserver/certmagic does what is easy to get wrong: the layout of
// the storage, locks in it, keys and CSRs, when to renew, by lifetime and by the
// server's own word (ARI, RFC 9773). Its issuer and its maintenance are ours
// (issuer.go over github.com/mholt/acmez, keeper.go), because the original ones
// listen on ports 80 and 443 by themselves where these are free, and start
// goroutines that cannot be stopped. One is left: it keeps a lock file fresh, and
// ends up to five seconds after the lock is given back.
//
// # Several instances
//
// Package vault keeps what certmagic stores: in the folder of the section, or, after
// Challenges.Share, where other instances find it, with a copy in the folder. Then a lock has
// one instance at a time order a certificate; the others find it, at once by
// Challenges.Changed. What is asked by a server is announced to all of them before it is told
// to look (fleet.go), and a failure holds all of them off, since servers count those of a name.
//
// Start reading at section.go, then keeper.go. Imported by engine.
package acme
