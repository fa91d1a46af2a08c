package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

const (
	eventsPath = "/events"

	maxStreams        = 200
	maxStreamsOfOwner = 10

	// maxChanges bounds the events that are read at once. gatherFor is the least time between two looks, catchUp while
	// there is more to read.
	maxChanges = 500
	gatherFor  = 100 * time.Millisecond
	catchUp    = 10 * time.Millisecond

	// streamBeat is how often a stream sends a heartbeat, and looks whether its token is still in force where nothing
	// happens. streamWrite bounds how long a client may take to read what is sent.
	streamBeat  = 15 * time.Second
	streamWrite = 10 * time.Second
)

// ChangeEvent is one change of a message, a cause, a job or anything else, as the audit trail has it.
type ChangeEvent struct {
	Event
	Source string `json:"source,omitempty" doc:"The source that it belongs to, if it belongs to one."`
	Cause  string `json:"cause,omitempty" doc:"The id of the cause: of an event of a cause, or of the message at present."`
}

func changeOf(c store.ChangeRow) ChangeEvent {
	return ChangeEvent{Event: eventOf(c.EventRow), Source: c.Of, Cause: c.Cause}
}

type followInput struct {
	Kind        []string `query:"kind" maxItems:"15" enum:"message,cause,job,rule,recipe,suggestion,destination,source,sink,user,token,view,ledger,audit,configuration" doc:"Only events of these, with commas between them; absent: all."`
	LastEventID int64    `header:"Last-Event-ID" minimum:"0" doc:"The id of the last event that was received: those after it follow. Absent: those from now on."`
}

func (a *API) eventOperations(described huma.API) {
	follow := operation("follow-events", http.MethodGet, eventsPath, "Events",
		"Changes as they happen, as server-sent events", http.StatusConflict)
	follow.Description = "The stream has every event of the audit trail that the token reaches, in order: the change " +
		"of a message, a cause, a job and so on. `id` is the `sequence` of the event. It never changes, also not by a " +
		"restart, so a client that sends it as `Last-Event-ID` misses nothing and gets nothing twice. A comment comes " +
		"every 15 seconds. The stream ends when the token is no longer in force, when the client takes no data for 10 " +
		"seconds, and when the program stops: connect again."
	follow.Responses = map[string]*huma.Response{"200": {
		Description: "Events named change, until one side ends the stream",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: streamSchema(described)}},
	}}
	huma.Register(described, follow, handler(a, a.follow))
}

// streamSchema describes a stream as the list of its events: OpenAPI 3.1 has no better word for it.
func streamSchema(described huma.API) *huma.Schema {
	change := huma.SchemaFromType(described.OpenAPI().Components.Schemas, reflect.TypeFor[ChangeEvent]())
	return &huma.Schema{
		Type: huma.TypeArray,
		Items: &huma.Schema{
			Type: huma.TypeObject,
			Properties: map[string]*huma.Schema{
				"id":    {Type: huma.TypeInteger, Format: "int64", Description: "The sequence of the event."},
				"event": {Type: huma.TypeString, Enum: []any{"change"}},
				"data":  change,
			},
			Required: []string{"id", "event", "data"},
		},
	}
}

func (a *API) follow(ctx context.Context, _ deadletter.Actor, in *followInput) (*huma.StreamResponse, error) {
	latest, err := a.Store.LatestSequence(ctx)
	if err != nil {
		return nil, err
	}
	if in.LastEventID > latest {
		return nil, deadletter.Errorf(
			deadletter.Conflict,
			"there is no event %d yet, so the desk was restored from an "+
				"older backup: connect without Last-Event-ID, and read the lists again",
			in.LastEventID,
		)
	}
	s := &stream{api: a, at: latest, kinds: in.Kind}
	if in.LastEventID > 0 {
		s.at = in.LastEventID
	}
	owner := streamsOwner(callerOf(ctx).token)
	if s.end, err = a.streams.join(owner); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer a.streams.leave(owner)
		r, w := humachi.Unwrap(c)
		s.out, s.conn = w, http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // or a proxy would gather the events
		if err := s.run(r); err != nil && r.Context().Err() == nil {
			a.Log.DebugContext(r.Context(), "a stream of events ended", "err", err)
		}
	}}, nil
}

// streamsOwner returns for whom the streams of a token count: its user, who may have many tokens, or the machine.
func streamsOwner(t deadletter.Token) string {
	if t.Owner == "" {
		return "token " + t.ID.String()
	}
	return "user " + strings.ToLower(t.Owner)
}

// streams count the open streams.
type streams struct {
	mu   sync.Mutex
	of   map[string]int // by streamsOwner
	all  int
	end  chan struct{} // closed when the program stops
	over bool
}

func (s *streams) join(owner string) (end <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of, s.end = map[string]int{}, make(chan struct{})
	}
	switch {
	case s.over:
		return nil, deadletter.Errorf(deadletter.Unavailable, "the desk stops: connect again in a moment")
	case s.of[owner] >= maxStreamsOfOwner:
		return nil, deadletter.Errorf(
			deadletter.RateLimited,
			"this user or machine has %d streams open: close one",
			maxStreamsOfOwner,
		)
	case s.all >= maxStreams:
		return nil, deadletter.Errorf(deadletter.RateLimited, "%d streams are open: try again later", maxStreams)
	}
	s.of[owner]++
	s.all++
	return s.end, nil
}

func (s *streams) leave(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[owner]--; s.of[owner] == 0 {
		delete(s.of, owner)
	}
}

// CloseStreams ends all streams, so that the server can stop. No new stream is opened.
func (a *API) CloseStreams() {
	s := &a.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over && s.end != nil {
		close(s.end)
	}
	s.over = true
}

// stream sends changes to one client. Each reads the trail by itself, a part at a time, so a slow client holds up no
// one and nothing waits for it in memory.
type stream struct {
	api   *API
	kinds []string
	at    int64 // the sequence of the last event that was sent or passed over
	end   <-chan struct{}
	out   http.ResponseWriter
	conn  *http.ResponseController
}

func (s *stream) run(r *http.Request) error {
	ctx := r.Context()
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	text := []byte("retry: 2000\n\n")
	for {
		changed := s.api.Store.Changed()
		more, err := s.look(r, &text)
		if err != nil {
			return err
		}
		if err := s.send(text); err != nil {
			return err
		}
		text = text[:0]
		wait := gatherFor
		if more {
			wait = catchUp
		} else {
			select {
			case <-ctx.Done():
			case <-s.end:
			case <-changed:
			case <-beat.C:
				// The id has a client that no event reached for long resume from here.
				text = fmt.Appendf(text, ": alive\nid: %d\n\n", s.at)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.end:
			return nil
		case <-time.After(wait):
		}
	}
}

// look appends the next events to a text. It fails once the token is no longer in force.
func (s *stream) look(r *http.Request, text *[]byte) (more bool, err error) {
	who, err := s.api.caller(r)
	if err != nil {
		return false, err
	}
	list, through, more, err := s.api.Desk.Changes(r.Context(), who.by, s.at, s.kinds, maxChanges)
	if err != nil {
		return false, err
	}
	out := bytes.NewBuffer(*text)
	for _, c := range list {
		fmt.Fprintf(out, "id: %d\nevent: change\ndata: ", c.Sequence)
		if err := json.NewEncoder(out).Encode(changeOf(c)); err != nil {
			return false, err
		}
		out.WriteByte('\n')
	}
	*text, s.at = out.Bytes(), through
	return more, nil
}

func (s *stream) send(text []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil &&
		!errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if len(text) == 0 {
		return nil
	}
	if _, err := s.out.Write(text); err != nil {
		return err
	}
	return s.conn.Flush()
}
