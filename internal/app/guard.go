package app

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// maxConnections bounds the connections of a listener, with what they need of memory.
const maxConnections = 4096

// bodyLimit bounds how long a body may take that its handler does not ask for. Those who do set a limit of their own.
const bodyLimit = 10 * time.Second

// connectionLimit answers maxConnections, or what this process may open: half of its files, so that as many are left
// for deliveries, queues and the store.
func connectionLimit() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxConnections
	}
	return int(min(maxConnections, max(2, files.Cur)/2))
}

// guard keeps a listener's connections within a number. When there is one more, the one is closed that has kept us
// waiting longest: for a request, or for the rest of one. So clients that send little or nothing keep out nobody.
type guard struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // in waiting; nil: a request of it is being answered
	waiting *list.List                 // of net.Conn, the one that keeps us waiting longest first
}

func newGuard(most int) *guard {
	return &guard{most: most, open: map[net.Conn]*list.Element{}, waiting: list.New()}
}

type connKey struct{}

// over has the guard look after a server, before it serves.
func (g *guard) over(s *http.Server) {
	s.Handler = g.handler(s.Handler)
	s.ConnState = g.note
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
}

func (g *guard) note(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateNew:
		g.open[c] = g.waiting.PushBack(c)
		if len(g.open) > g.most {
			g.closeOne()
		}
	case http.StateClosed, http.StateHijacked:
		g.forget(c)
	case http.StateActive, http.StateIdle:
	}
}

// closeOne closes the connection that keeps us waiting longest: there is one, the newest.
func (g *guard) closeOne() {
	if c, ok := g.waiting.Front().Value.(net.Conn); ok {
		g.forget(c)
		_ = c.Close() // it is of no use any more, whatever comes of it
	}
}

func (g *guard) forget(c net.Conn) {
	if place := g.open[c]; place != nil {
		g.waiting.Remove(place)
	}
	delete(g.open, c)
}

// busy says that a connection keeps us waiting no more; idle that it does.
func (g *guard) busy(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if place := g.open[c]; place != nil {
		g.waiting.Remove(place)
		g.open[c] = nil
	}
}

func (g *guard) idle(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	place, ok := g.open[c]
	if !ok {
		return
	}
	if place != nil {
		g.waiting.Remove(place)
	}
	g.open[c] = g.waiting.PushBack(c)
}

// handler follows each request: from when it is there as a whole until it is answered, its connection keeps nobody
// waiting.
func (g *guard) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(net.Conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		defer g.idle(c)
		if len(r.TransferEncoding) > 0 {
			// There may have been a length as well, by which a proxy in front may have read another end of it: what
			// follows is not to be taken for a request (RFC 9112, section 6.3).
			w.Header().Set("Connection", "close")
		}
		if r.ContentLength == 0 {
			g.busy(c)
		} else {
			conn := http.NewResponseController(w)
			_ = conn.SetReadDeadline(time.Now().Add(bodyLimit))
			r.Body = &arriving{r.Body, func(whole bool) {
				g.busy(c)
				if whole {
					_ = conn.SetReadDeadline(time.Time{}) // the answer may take longer
				}
			}}
		}
		next.ServeHTTP(w, r)
	})
}

// arriving is a body that tells when nothing more of it comes, and whether it is whole then.
type arriving struct {
	io.ReadCloser
	arrived func(whole bool)
}

// Read reads.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		a.arrived(err == io.EOF)
	}
	return n, err
}
