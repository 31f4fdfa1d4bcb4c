package faults

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// bench is a client, the proxy and a server whose watches deliver what the
// test puts into lines.
type bench struct {
	t      *testing.T
	proxy  *Proxy
	client *http.Client
	lines  chan string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, lines: make(chan string)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isWatch(r) {
			fmt.Fprintf(w, "%s %s %s", r.Proto, r.URL.RequestURI(), r.Header.Get("Authorization"))
			return
		}
		http.NewResponseController(w).Flush()
		for {
			select {
			case line := <-b.lines:
				io.WriteString(w, line+"\n")
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	target, _ := url.Parse(server.URL)
	ctx, cancel := context.WithCancel(context.Background())
	proxy, err := Start(ctx, Config{
		Listen: "127.0.0.1:0",
		TLS:    &tls.Config{Certificates: server.TLS.Certificates},
		Server: target,
		Client: &tls.Config{InsecureSkipVerify: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.proxy = proxy
	b.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}}
	t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
	})
	return b
}

func (b *bench) set(fault Fault) {
	b.t.Helper()
	if err := b.proxy.Set(fault); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) get(path, token string) (*http.Response, error) {
	request, _ := http.NewRequest("GET", "https://"+b.proxy.Address()+path, nil)
	request.Header.Set("Authorization", token)
	return b.client.Do(request)
}

// text is the status and the body.
func (b *bench) text(path, token string) string {
	b.t.Helper()
	response, err := b.get(path, token)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

// watch returns the lines that come, and an empty one at the end.
func (b *bench) watch(query string) func() string {
	b.t.Helper()
	response, err := b.get("/apis/x?watch=true"+query, "")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	lines := bufio.NewReader(response.Body)
	return func() string {
		line, _ := lines.ReadString('\n')
		return strings.TrimSpace(line)
	}
}

func (b *bench) waitHits(least int) {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); b.proxy.State().Hits < least; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%+v, not %d hits", b.proxy.State(), least)
		}
	}
}

func line(kind, uid, version string) string {
	return fmt.Sprintf(`{"type":%q,"object":{"apiVersion":"v1","kind":"K","metadata":{"uid":%q,"resourceVersion":%q}}}`, kind, uid, version)
}

func wantLines(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, line := range want {
		if got := next(); got != line {
			t.Fatalf("got %s, want %s", got, line)
		}
	}
}

func TestPassesOnAsItIs(t *testing.T) {
	b := newBench(t)
	if got := b.text("/api?limit=1", "Bearer t"); got != "200 HTTP/2.0 /api?limit=1 Bearer t" {
		t.Error(got)
	}
	next := b.watch("")
	b.lines <- line("ADDED", "a", "1")
	wantLines(t, next, line("ADDED", "a", "1"))
}

func TestAnswersInTheServersPlace(t *testing.T) {
	b := newBench(t)
	rows := []struct {
		fault Fault
		path  string
		want  string // the beginning
	}{
		{Fault{Mode: Throttle, Seconds: 3}, "/a", "429 {"},
		{Fault{Mode: Fail}, "/a", "500 {"},
		{Fault{Mode: Fail, Path: "ingresses"}, "/a", "200 HTTP"},
		{Fault{Mode: Gone}, "/a", "200 HTTP"},
		{Fault{Mode: Gone}, "/a?continue=x", "410 {"},
		{Fault{Mode: Gone}, "/a?watch=1", "410 {"},
		{Fault{Mode: GoneLate}, "/a?watch=1", `200 {"object":{"apiVersion":"v1","code":410`},
	}
	for _, row := range rows {
		b.set(row.fault)
		if got := b.text(row.path, ""); !strings.HasPrefix(got, row.want) {
			t.Errorf("%+v %s: %s", row.fault, row.path, got)
		}
	}
	b.set(Fault{Mode: Throttle, Seconds: 3})
	if response, err := b.get("/a", ""); err != nil || response.Header.Get("Retry-After") != "3" {
		t.Error(response, err)
	}
	if b.proxy.Set(Fault{Mode: "other"}) == nil || b.proxy.Set(Fault{Mode: Slow}) == nil {
		t.Error("took a fault that is none")
	}
}

func TestExpiresTheTokensOfNow(t *testing.T) {
	b := newBench(t)
	b.text("/", "Bearer old")
	b.set(Fault{Mode: Expire})
	if got := b.text("/", "Bearer old"); !strings.HasPrefix(got, "401") {
		t.Error(got)
	}
	if got := b.text("/", "Bearer new"); !strings.HasPrefix(got, "200") {
		t.Error(got)
	}
}

func TestEndsConnections(t *testing.T) {
	for _, mode := range []Mode{Reset, Refuse} {
		b := newBench(t)
		next := b.watch("")
		b.set(Fault{Mode: mode})
		wantLines(t, next, "")
		if response, err := b.get("/", ""); err == nil {
			t.Error(mode, response.Status)
		}
		if open := b.proxy.State().Connections; open != 0 {
			t.Error(mode, open)
		}
		b.set(Fault{})
		if got := b.text("/", ""); !strings.HasPrefix(got, "200") {
			t.Error(mode, got)
		}
	}
}

func TestSilenceGoesOnWhereItStopped(t *testing.T) {
	b := newBench(t)
	next := b.watch("")
	b.set(Fault{Mode: Silence})
	b.lines <- line("ADDED", "a", "1")
	b.waitHits(1)
	b.set(Fault{})
	wantLines(t, next, line("ADDED", "a", "1"))
}

func TestHalfOpenConnectionsStayDead(t *testing.T) {
	b := newBench(t)
	b.text("/", "")
	b.set(Fault{Mode: HalfOpen})
	b.set(Fault{})
	b.client.Timeout = time.Second / 10
	if response, err := b.get("/", ""); err == nil {
		t.Error(response.Status)
	}
	b.client.CloseIdleConnections()
	b.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if got := b.text("/", ""); !strings.HasPrefix(got, "200 HTTP/2.0") {
		t.Error(got)
	}
}

func TestSlowSendsAllOfIt(t *testing.T) {
	b := newBench(t)
	b.text("/", "")
	b.set(Fault{Mode: Slow, Bytes: 20})
	if got := b.text("/api", ""); got != "200 HTTP/2.0 /api " {
		t.Error(got)
	}
	b.waitHits(1)
}

func TestBookmarksWhileEventsWait(t *testing.T) {
	b := newBench(t)
	next := b.watch("&allowWatchBookmarks=true&resourceVersion=7")
	b.set(Fault{Mode: Bookmarks})
	b.lines <- line("ADDED", "a", "8")
	var e event
	if err := json.Unmarshal([]byte(next()), &e); err != nil || e.Type != "BOOKMARK" || e.Object.Metadata.ResourceVersion != "7" {
		t.Fatal(e, err)
	}
	b.set(Fault{})
	for got := next(); got != line("ADDED", "a", "8"); got = next() {
		if !strings.Contains(got, "BOOKMARK") {
			t.Fatal(got)
		}
	}
}

func TestDuplicates(t *testing.T) {
	b := newBench(t)
	next := b.watch("")
	b.set(Fault{Mode: Duplicate})
	b.lines <- line("ADDED", "a", "1")
	wantLines(t, next, line("ADDED", "a", "1"), line("ADDED", "a", "1"))
}

func TestReordersWhatMayBe(t *testing.T) {
	rows := []struct {
		first, second string
		isSwapped     bool
	}{
		{line("ADDED", "a", "1"), line("ADDED", "b", "2"), true},
		{line("MODIFIED", "a", "1"), line("MODIFIED", "a", "2"), true},
		{line("ADDED", "a", "1"), line("MODIFIED", "a", "2"), false},
		{line("MODIFIED", "a", "1"), line("DELETED", "a", "2"), false},
		{line("DELETED", "a", "1"), line("ADDED", "b", "2"), false},
		{line("ADDED", "a", "1"), line("BOOKMARK", "", "2"), false},
	}
	for _, row := range rows {
		b := newBench(t)
		next := b.watch("")
		b.set(Fault{Mode: Reorder})
		b.lines <- row.first
		b.lines <- row.second
		if row.isSwapped {
			wantLines(t, next, row.second, row.first)
		} else {
			wantLines(t, next, row.first, row.second)
		}
	}
}
