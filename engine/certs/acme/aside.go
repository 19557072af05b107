package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"path"

	"github.com/caddyserver/certmagic"
)

// asideFolder is where the storage keeps what could not be used, for who wants to know what it was.
const asideFolder = "unreadable"

// setAside moves a certificate away that the storage has and nobody can use, such as a chain
// beside the key of another one, and reports that it has: else no order would ever take its place.
func (k *Keeper) setAside(ctx context.Context, host string) bool {
	if k.broken(ctx, host) == nil {
		return false // as nearly always when an attempt has failed
	}
	lock := "set_aside_" + host
	if k.storage.Lock(ctx, lock) != nil {
		return false
	}
	defer func() { _ = k.storage.Unlock(context.WithoutCancel(ctx), lock) }() // else it is stale soon
	values := k.broken(ctx, host)
	for name, value := range values {
		if k.storage.Store(ctx, path.Join(asideFolder, name), value) != nil {
			return false
		}
	}
	if values == nil || k.storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(k.config.Issuers[0].IssuerKey(), host)) != nil {
		return false
	}
	k.log.Warn().Str("host", host).Str("kept_in", asideFolder).
		Msg("the stored certificate cannot be used and was set aside: another one is ordered")
	return true
}

// broken are the values of a certificate that cannot be used; nil where it can, or is not all
// there, or not to be had now.
func (k *Keeper) broken(ctx context.Context, host string) map[string][]byte {
	shelf, keys := k.config.Issuers[0].IssuerKey(), certmagic.StorageKeys
	key, chain, meta := keys.SitePrivateKey(shelf, host), keys.SiteCert(shelf, host), keys.SiteMeta(shelf, host)
	values := map[string][]byte{}
	for _, name := range []string{key, chain, meta} {
		value, err := k.storage.Load(ctx, name)
		if err != nil {
			return nil
		}
		values[name] = value
	}
	again, err := k.storage.Load(ctx, key)
	_, pairErr := tls.X509KeyPair(values[chain], values[key])
	switch {
	case err != nil, !bytes.Equal(again, values[key]): // somebody has just replaced it
		return nil
	case pairErr == nil && json.Valid(values[meta]):
		return nil
	}
	return values
}
