package passwd

import (
	"strings"
	"testing"
)

// The hashes are those of libxcrypt, and of the tests of the reference implementation of
// argon2; SHA-crypt has the vectors of its specification.
var vectors = []struct{ password, hash string }{
	{"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
	{"", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8"},
	{"Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"},
	{"This is just a test", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"},
	{
		"a very much longer text to encrypt.  This one even stretches over morethan one line.",
		"$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
	},
	{"we have a short salt string but not a short password", "$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/"},
	{"Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	{"Hello world!", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	{"", "$6$x$QSmr1Bx2g4O6BzKvdkgOcyU6H91X6I/XBv5pSalMhSPkwdH6Beo3F455xZJg0v//bxVK5F4OE5k1.0xuR26MK0"},
	{"secret", secretHash},
	{"secret", "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"},
	{"secret", "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"},
	{"pässwörd", otherHash},
	{strings.Repeat("0123456789", 9), "$2y$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S"},
	{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
	{"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
}

// The hash of "secret", and that of "pässwörd".
const (
	secretHash = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"
	otherHash  = "$2y$05$abcdefghijklmnopqrstuuZVEMa1pjhlynBQ1qXmSvGBJpN9h1w8G"
)

func TestHashesOfOthersAreUnderstood(t *testing.T) {
	for i, v := range vectors {
		h, err := parseHash(v.hash)
		if err != nil {
			t.Errorf("%s: %v", v.hash, err)
			continue
		}
		want := i != 1 // that one belongs to another password
		if h.fits([]byte(v.password)) != want {
			t.Errorf("%s: fits %q: got %v; want %v", v.hash, v.password, !want, want)
		}
		if h.fits([]byte(v.password+"x")) && len(v.password) < 72 {
			t.Errorf("%s: fits another password", v.hash)
		}
	}
}

func TestOtherHashesAreNamed(t *testing.T) {
	for _, c := range []struct{ hash, want string }{
		{"$apr1$abc$def", "apr1"},
		{"$1$abc$def", "MD5"},
		{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA-1"},
		{"{SSHA}x", "SHA-1"},
		{"$y$j9T$x$y", "yescrypt"},
		{"$2x$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "2x"},
		{"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR", "argon2i and argon2d"},
		{"secret", "plain text"},
		{"rqXexS6ZhobKA", "DES"},
		{"", "plain text"},
		{"$2y$16$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "the cost of bcrypt is 16; want at most 15"},
		{"$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0", "cut short"},
		{"$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a2", "cut short"},
		{"$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0!", "cut short"},
		{"$2y$03$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "cut short"},
		{"$5$rounds=999$x$" + strings.Repeat("a", 43), "999 rounds; want 1000 to 1000000"},
		{"$6$rounds=1000001$x$" + strings.Repeat("a", 86), "1000001 rounds"},
		{"$6$rounds=-1$x$" + strings.Repeat("a", 86), "-1 rounds"},
		{"$6$rounds=x$x$" + strings.Repeat("a", 86), "cut short"},
		{"$6$rounds=5000", "cut short"},
		{"$6$x$" + strings.Repeat("a", 85), "cut short"},
		{"$5$x$" + strings.Repeat("a", 86), "cut short"},
		{"$5$x$" + strings.Repeat("!", 43), "cut short"},
		{"$5$12345678901234567$" + strings.Repeat("a", 43), "cut short"},
		{"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$m=256,t=2,p=1,data=x$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$t=256,m=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$m=4000000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "costs too much"},
		{"$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "costs too much"},
		{"$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "cut short"},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65", "cut short"},
	} {
		h, err := parseHash(c.hash)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %s", c.hash, h, err, c.want)
		}
	}
}

// FuzzHash: what is taken for a hash is one that can be computed, and not for long.
func FuzzHash(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.hash)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		switch h := h.(type) {
		case *argonHash:
			if h.memoryKiB*h.passes > 4096 {
				return
			}
		case *shaHash:
			h.rounds = min(h.rounds, 1000)
		case bcryptHash:
			copy(h[4:], "04")
		}
		h.fits([]byte("password"))
	})
}
