package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddr sets RemoteAddr of each request to the address of the client, once, for every handler behind it. Without
// trusted proxies, and for a request from any other address, that is the address of the connection. Example: with
// 10.0.0.0/8 trusted, a request from 10.0.0.1 with `X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.0.0.2` comes from
// 203.0.113.7: 10.0.0.2 is a proxy of ours, and 203.0.113.7 may have written the rest itself.
func clientAddr(next http.Handler, trusted []netip.Prefix) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, ok := forwardedClient(r, trusted); ok {
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedClient returns the address that the trusted proxies forward. It returns false if the connection is not from
// one, if the headers are absent or malformed, and if X-Forwarded-For and Forwarded contradict each other: a proxy
// usually passes on the one that it does not know, so a client could choose its address by that.
func forwardedClient(r *http.Request, trusted []netip.Prefix) (netip.Addr, bool) {
	peer, ok := parseNode(r.RemoteAddr)
	if !ok || !isTrusted(peer, trusted) {
		return netip.Addr{}, false
	}
	var clients []netip.Addr
	for _, chain := range [][]string{forwardedFor(r.Header), forwarded(r.Header)} {
		if len(chain) == 0 {
			continue
		}
		client, ok := clientOf(chain, trusted)
		if !ok {
			return netip.Addr{}, false
		}
		clients = append(clients, client)
	}
	if len(clients) == 0 || clients[0] != clients[len(clients)-1] {
		return netip.Addr{}, false
	}
	return clients[0], true
}

// clientOf returns the last address of a chain that is not a trusted proxy, or the first one if all of them are. It
// returns false if an address is malformed that it has to read.
func clientOf(chain []string, trusted []netip.Prefix) (client netip.Addr, ok bool) {
	for _, node := range slices.Backward(chain) {
		if client, ok = parseNode(node); !ok || !isTrusted(client, trusted) {
			return client, ok
		}
	}
	return client, ok
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// parseNode parses an address with or without a port: 192.0.2.7, 192.0.2.7:80, 2001:db8::1, [2001:db8::1]:80.
func parseNode(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err == nil
}

// forwardedFor returns the addresses of all X-Forwarded-For headers, in their order.
func forwardedFor(h http.Header) []string {
	if lines := h.Values("X-Forwarded-For"); len(lines) > 0 {
		return strings.Split(strings.Join(lines, ","), ",")
	}
	return nil
}

// forwarded returns the for parameter of each element of all Forwarded headers (RFC 7239); "" where an element has
// none, or is malformed.
func forwarded(h http.Header) []string {
	lines := h.Values("Forwarded")
	if len(lines) == 0 {
		return nil
	}
	var chain []string
	for _, element := range splitOutsideQuotes(strings.Join(lines, ","), ',') {
		node := ""
		for _, pair := range splitOutsideQuotes(element, ';') {
			name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if ok && strings.EqualFold(name, "for") {
				node = unquote(value)
			}
		}
		chain = append(chain, node)
	}
	return chain
}

// splitOutsideQuotes splits a text at each separator that is not within a quoted string.
func splitOutsideQuotes(text string, separator byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++ // the next character is escaped
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts, start = append(parts, text[start:i]), i+1
		}
	}
	return append(parts, text[start:])
}

// unquote returns the content of a quoted string. No address needs a character that is escaped.
func unquote(text string) string {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}
