package auth

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// limits slow attempts to sign in without locking others out:
//
//   - A name has ten attempts a minute from one network, so a guesser elsewhere takes none from the user.
//   - A network has thirty a minute for all names that never signed in from there. A sign-in that succeeds does not
//     count.
//   - A name can be tried from sixty networks that it never signed in from, and from one more each minute: that slows a
//     guesser who has many addresses.
//   - A browser that has signed in with the name has ten attempts a minute of its own, whatever others do.
//
// A network is an IPv4 address, or 64 bits of an IPv6 address. A name that has signed in from a network is
// exempt from the second limit, so that a guesser in the same network cannot lock it out. The guesser can find out such
// names by that.
type limits struct {
	names    *limiter // by name and network, or by browser
	networks *limiter
	counted  *limiter // by name and network: whether others has counted the network within an hour
	others   *limiter // by name: networks that it never signed in from

	strangers *limiter // by network: requests of the API without a token
	asking    *limiter // by network: programs that ask for a token
	sites     *limiter // by site: likewise, or one of them would fill the store from its many networks
}

func newLimits() *limits {
	return &limits{
		names:    newLimiter(10, 6*time.Second),
		networks: newLimiter(30, 2*time.Second),
		counted:  newLimiter(1, time.Hour),
		others:   newLimiter(60, time.Minute),

		strangers: newLimiter(120, 500*time.Millisecond),
		asking:    newLimiter(10, 30*time.Second),
		sites:     newLimiter(50, 10*time.Second),
	}
}

// attempt is an attempt to sign in.
type attempt struct {
	name         string // in lower case
	network      string
	knownNetwork bool   // the name has signed in from there
	browser      string // that has signed in with the name; "": it is not known
	ofNetwork    bool   // it is counted among the attempts of the network
	otherNetwork bool   // it is counted as another network of the name
}

func (a *attempt) key() string {
	if a.browser != "" {
		return "browser " + a.browser
	}
	return a.name + " " + a.network
}

// take counts an attempt. It returns how long the client has to wait, or 0 if it may try now.
func (l *limits) take(a *attempt, at time.Time) (wait time.Duration) {
	if wait = l.names.take(a.key(), at); wait > 0 || a.browser != "" {
		return wait
	}
	if a.knownNetwork {
		return 0
	}
	if wait = l.networks.take(a.network, at); wait > 0 {
		l.names.giveBack(a.key())
		return wait
	}
	a.ofNetwork = true
	if l.counted.take(a.key(), at) > 0 {
		return 0
	}
	a.otherNetwork = true
	if wait = l.others.take(a.name, at); wait > 0 {
		l.counted.giveBack(a.key())
		l.networks.giveBack(a.network)
		l.names.giveBack(a.key())
	}
	return wait
}

// succeeded takes back what an attempt with the right password took from other users and other networks.
func (l *limits) succeeded(a *attempt) {
	if a.ofNetwork {
		l.networks.giveBack(a.network)
	}
	if a.otherNetwork {
		l.others.giveBack(a.name)
	}
}

// network returns the network of an address: the IPv4 address, or 64 bits of the IPv6 address.
func network(addr string) string {
	const bits = 64
	return prefix(addr, bits)
}

// site returns the IPv4 address, or the 48 bits of an IPv6 address that one organisation has at most.
func site(addr string) string {
	const bits = 48
	return prefix(addr, bits)
}

// prefix returns an IPv4 address, or so many bits of an IPv6 address.
func prefix(addr string, bits int) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return deadletter.Printable(addr, maxRecordedName)
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// limiter permits a number of events for each key at once, and one more each interval. Memory is bounded: at maxKeys it
// forgets the key that was used longest ago.
type limiter struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	keys map[string]*list.Element // of *bucket
	used *list.List               // the longest ago first
}

// bucket is the time at which a key has its whole burst again.
type bucket struct {
	key  string
	full time.Time
}

const maxKeys = 10_000

func newLimiter(burst int, every time.Duration) *limiter {
	return &limiter{burst: burst, every: every, keys: map[string]*list.Element{}, used: list.New()}
}

// take counts an event of a key. It returns 0, or how long to wait until there can be one.
func (l *limiter) take(key string, at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key)
	full := at
	if b.full.After(at) {
		full = b.full
	}
	if full = full.Add(l.every); full.Sub(at) > time.Duration(l.burst)*l.every {
		return full.Sub(at) - time.Duration(l.burst)*l.every
	}
	b.full = full
	return 0
}

// giveBack takes back an event of a key.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key)
	b.full = b.full.Add(-l.every)
}

func (l *limiter) bucket(key string) *bucket {
	if place, ok := l.keys[key]; ok {
		l.used.MoveToBack(place)
		return place.Value.(*bucket) //nolint:forcetypeassert // the list has no other type
	}
	if len(l.keys) >= maxKeys {
		oldest := l.used.Front()
		delete(l.keys, oldest.Value.(*bucket).key) //nolint:forcetypeassert // as above
		l.used.Remove(oldest)
	}
	b := &bucket{key: strings.Clone(key)}
	l.keys[b.key] = l.used.PushBack(b)
	return b
}
