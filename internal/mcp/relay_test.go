package mcp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dlqdesk/internal/mcp"
)

// A line that is no message is answered with an error, and those after it are served.
func TestRelayOutlivesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, secret := b.token(t, "vera")
	desk := httptest.NewServer(http.StripPrefix(mcp.Path, b.server.Config.Handler))
	defer desk.Close()
	in, send := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		relay := mcp.NewRelay(desk.URL, &http.Client{Transport: withToken{secret, b.clock}}, "test")
		err := relay.Run(t.Context(), in, out)
		_ = out.CloseWithError(io.EOF) // who reads on gets no answer
		ended <- err
	}()
	lines := bufio.NewReader(answers)
	ask := func(line string) (answer struct {
		ID    any
		Error struct {
			Code    int
			Message string
		}
	},
	) {
		t.Helper()
		if _, err := io.WriteString(send, line+"\n"); err != nil {
			t.Fatal(err)
		}
		got, err := lines.ReadBytes('\n')
		if err != nil || json.Unmarshal(got, &answer) != nil {
			t.Fatalf("%.80s is answered %s, %v", line, got, err)
		}
		return answer
	}
	ask(`{"jsonrpc":"2.0","id":"begin","method":"initialize","params":{"protocolVersion":"2025-06-18",` +
		`"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	for i, c := range []struct {
		line string
		code int
		id   string
	}{
		{"garbage", -32700, "<nil>"},
		{`{"jsonrpc":"2.0","id":1,"method":"ping"} more`, -32700, "<nil>"},
		{`{"jsonrpc":"2.0"}`, -32600, "<nil>"},
		{`{"jsonrpc":"1.0","id":3,"method":"ping"}`, -32600, "3"},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, -32600, "<nil>"},
		{`"text"`, -32600, "<nil>"},
		{`"` + strings.Repeat("long", 2<<20) + `"`, -32600, "<nil>"},
		{"\n \r\n" + `  {"jsonrpc":"2.0","id":8,"method":"ping"}  ` + "\r", 0, "8"},
	} {
		a := ask(c.line)
		if a.Error.Code != c.code || fmt.Sprint(a.ID) != c.id || (a.Error.Message == "") != (c.code == 0) {
			t.Errorf("%.60s is answered %+v", c.line, a)
		}
		if a = ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":"then %d","method":"ping"}`, i)); a.ID != fmt.Sprint("then ", i) {
			t.Errorf("after %.60s a ping is answered %+v", c.line, a)
		}
	}
	_ = send.Close()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
