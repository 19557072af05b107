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
	lock := "set_aside_" + host
	if k.storage.Lock(ctx, lock) != nil {
		return false
	}
	defer func() { _ = k.storage.Unlock(context.WithoutCancel(ctx), lock) }() // else it is stale soon
	shelf, keys := k.config.Issuers[0].IssuerKey(), certmagic.StorageKeys
	names := []string{keys.SitePrivateKey(shelf, host), keys.SiteCert(shelf, host), keys.SiteMeta(shelf, host)}
	values := make([][]byte, len(names))
	for i, name := range names {
		var err error
		if values[i], err = k.storage.Load(ctx, name); err != nil {
			return false // it is not there, or not to be had now
		}
	}
	again, err := k.storage.Load(ctx, names[0])
	if err != nil || !bytes.Equal(again, values[0]) || isUsable(values[0], values[1], values[2]) {
		return false // somebody has just replaced it
	}
	for i, name := range names {
		if k.storage.Store(ctx, path.Join(asideFolder, name), values[i]) != nil {
			return false
		}
	}
	if k.storage.Delete(ctx, keys.CertsSitePrefix(shelf, host)) != nil {
		return false
	}
	k.log.Warn().Str("host", host).Str("kept_in", asideFolder).
		Msg("the stored certificate cannot be used and was set aside: another one is ordered")
	return true
}

func isUsable(key, chain, meta []byte) bool {
	_, err := tls.X509KeyPair(chain, key)
	return err == nil && json.Valid(meta)
}
