package api

import "time"

// Login is the body of POST /api/v1/session.
type Login struct {
	// Token is what Authorization: Bearer would carry.
	Token string `json:"token"`
}

// Session is the answer of POST /api/v1/session; the cookie stands in Set-Cookie.
type Session struct {
	// Name is the name of the token.
	Name string `json:"name"`
	// Role is metrics, read, observe, operate or write.
	Role Role `json:"role"`
	// Expires is when the cookie ends, unless the token ends before.
	Expires time.Time `json:"expires"`
}
