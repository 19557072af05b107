package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/isame-lb/isame-lb/config"
)

// account is the section's account, which is registered with the server if the
// storage has none.
func (i *issuer) account(ctx context.Context, client *acme.Client) (acme.Account, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.mu.account.Status == acme.StatusValid {
		return i.mu.account, nil
	}
	lock := "register_acme_account_" + i.section.user()
	if err := i.storage.Lock(ctx, lock); err != nil {
		return acme.Account{}, fmt.Errorf("cannot lock %q: %w", lock, err)
	}
	defer func() { _ = i.storage.Unlock(context.WithoutCancel(ctx), lock) }() // else it is stale soon
	account, err := i.loadAccount(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		account, err = i.register(ctx, client)
	}
	if err != nil {
		return acme.Account{}, err
	}
	i.mu.account = account
	return account, nil
}

// register makes an account. Who writes an acme section has agreed to the terms
// of service of the server.
func (i *issuer) register(ctx context.Context, client *acme.Client) (acme.Account, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return acme.Account{}, fmt.Errorf("cannot make the key of an account: %w", err)
	}
	account := acme.Account{TermsOfServiceAgreed: true, PrivateKey: key}
	if i.section.Email != "" {
		account.Contact = []string{"mailto:" + i.section.Email}
	}
	if i.section.KeyID != "" {
		external := acme.EAB{KeyID: i.section.KeyID, MACKey: i.section.HMACKey}
		if err := account.SetExternalAccountBinding(ctx, client, external); err != nil {
			return acme.Account{}, fmt.Errorf("cannot bind to the external account %q: %w", i.section.KeyID, err)
		}
	}
	if account, err = client.NewAccount(ctx, account); err != nil {
		return acme.Account{}, fmt.Errorf("cannot register with %q: %w", config.ShownURL(i.section.Directory), err)
	}
	return account, i.storeAccount(ctx, account, key)
}

// storeAccount stores an account and its key, both or none.
func (i *issuer) storeAccount(ctx context.Context, account acme.Account, key *ecdsa.PrivateKey) error {
	text, err := json.MarshalIndent(account, "", "\t")
	if err != nil {
		return fmt.Errorf("cannot encode an account: %w", err)
	}
	private, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		return fmt.Errorf("cannot encode the key of an account: %w", err)
	}
	both := map[string][]byte{i.accountKey(keyEnding): private, i.accountKey(textEnding): text}
	if err := i.storage.StoreAll(ctx, both); err != nil {
		return fmt.Errorf("cannot store an account: %w", err)
	}
	return nil
}

func (i *issuer) loadAccount(ctx context.Context) (account acme.Account, err error) {
	text, err := i.storage.Load(ctx, i.accountKey(textEnding))
	if err != nil {
		return account, fmt.Errorf("cannot load the account: %w", err)
	}
	private, err := i.storage.Load(ctx, i.accountKey(keyEnding))
	if err != nil {
		return account, fmt.Errorf("cannot load the key of the account: %w", err)
	}
	if err := json.Unmarshal(text, &account); err != nil {
		return account, fmt.Errorf("cannot read the stored account: %w", err)
	}
	if account.PrivateKey, err = certmagic.PEMDecodePrivateKey(private); err != nil {
		return account, fmt.Errorf("cannot read the stored key of the account: %w", err)
	}
	return account, nil
}

// forgetAccount is for a server that does not know it any more. What the storage has by now
// may be another one, of who has met that before.
func (i *issuer) forgetAccount(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	was := i.mu.account
	i.mu.account = acme.Account{}
	if now, err := i.loadAccount(ctx); err == nil && now.Location != was.Location {
		return nil
	}
	for _, ending := range []string{textEnding, keyEnding} {
		if err := i.storage.Delete(ctx, i.accountKey(ending)); err != nil {
			return fmt.Errorf("cannot forget the account: %w", err)
		}
	}
	return nil
}

const textEnding, keyEnding = ".json", ".key"

// accountKey is where certmagic's own issuer would keep it, too.
func (i *issuer) accountKey(ending string) string {
	safe, user := certmagic.StorageKeys.Safe, i.section.user()
	name, _, _ := strings.Cut(user, "@")
	return path.Join("acme", safe(i.section.server()), "users", safe(user), safe(name)+ending)
}
