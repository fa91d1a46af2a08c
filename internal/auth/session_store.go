package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"dlqdesk/internal/store"
)

// The keys of a session.
const (
	keyUser       = "user"
	keyCredential = "credential"
	keySince      = "since" // signed in at, Unix seconds
	keySeen       = "seen"  // last request, Unix seconds, to within seenEvery
	keyAddr       = "addr"
	keyAgent      = "agent"
	keyFlash      = "flash"
)

const (
	// lifetime ends every session, used or not; idleTimeout ends an unused one.
	lifetime    = 7 * 24 * time.Hour
	idleTimeout = 12 * time.Hour

	// seenEvery is the shortest time between two writes of keySeen.
	seenEvery = 5 * time.Minute
)

func newSessions(s *store.Store, secure bool, now func() time.Time) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Lifetime = sessionStore{s, now}, lifetime
	m.Cookie.Name, m.Cookie.Path = "dlqdesk_session", "/"
	m.Cookie.HttpOnly, m.Cookie.SameSite = true, http.SameSiteLaxMode
	if secure {
		m.Cookie.Name, m.Cookie.Secure = secureCookie+m.Cookie.Name, true
	}
	return m
}

// sessionStore is where the session manager finds sessions. It opens one for a context of opening alone: a request
// that was under way when its session was ended does not bring it back.
type sessionStore struct {
	store *store.Store
	now   func() time.Time
}

// together is what runs in the transaction of a session's change.
type together struct {
	opens bool
	run   func(ctx context.Context, tx *store.Tx) error
}

type togetherKey struct{}

// opening returns a context with which the session manager opens a session, and runs also in the same transaction.
func opening(ctx context.Context, also func(context.Context, *store.Tx) error) context.Context {
	return context.WithValue(ctx, togetherKey{}, together{opens: true, run: also})
}

// alongside returns a context with which a change of a session runs also in the same transaction.
func alongside(ctx context.Context, also func(context.Context, *store.Tx) error) context.Context {
	return context.WithValue(ctx, togetherKey{}, together{run: also})
}

func (s sessionStore) write(ctx context.Context, change func(context.Context, *store.Tx, bool) error) error {
	also, _ := ctx.Value(togetherKey{}).(together)
	return s.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := change(ctx, tx, also.opens); err != nil || also.run == nil {
			return err
		}
		return also.run(ctx, tx)
	})
}

// FindCtx implements scs.CtxStore.
func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.store.SessionData(ctx, token, s.now())
}

// CommitCtx implements scs.CtxStore.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return err
	}
	text := func(key string) string { text, _ := values[key].(string); return text }
	at := func(key string) time.Time { seconds, _ := values[key].(int64); return time.Unix(seconds, 0) }
	session := store.Session{
		User: text(keyUser), OpenedAt: at(keySince), SeenAt: at(keySeen), ExpiresAt: expiry, Addr: text(keyAddr),
		Agent: text(keyAgent), Data: data,
	}
	return s.write(ctx, func(ctx context.Context, tx *store.Tx, opens bool) error {
		if opens {
			return tx.OpenSession(ctx, token, session)
		}
		return tx.UpdateSession(ctx, token, session)
	})
}

// DeleteCtx implements scs.CtxStore.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.write(ctx, func(ctx context.Context, tx *store.Tx, _ bool) error { return tx.DeleteSession(ctx, token) })
}

// Find implements scs.Store, which the session manager asks for but does not call.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store.
func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
