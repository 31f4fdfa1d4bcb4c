package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCountsEveryAnswerAndSaysWhatWasWrong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/refused":
			w.WriteHeader(503)
		}
		fmt.Fprintf(w, `{"service": %q}`, strings.Trim(r.Host, "."))
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	run, wait := Start(ctx, Plan{
		Address: server.Listener.Addr().String(), Rate: 5000, Workers: 4, RequestsPerConnection: 3,
		Rows: []Row{{"a", "/", "a"}, {"a", "/", "b"}, {"a", "/broken", "a"}, {"a", "/refused", "a"}},
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if ok, failed := run.Progress(); ok+failed >= 400 {
			break
		}
	}
	cancel()
	wait()
	got := run.Result()
	// One row in four can be answered well; each worker may have had a number whose request the end left out.
	if total := got.OK + got.Failed; total < 400 || got.OK < total/4-2 || got.OK > total/4+2 {
		t.Errorf("%+v", got)
	}
	text := strings.Join(got.Failures, "\n")
	for _, want := range []string{"answered by a, not by b", "EOF", "503"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if len(got.Failures) > maxFailures {
		t.Error(len(got.Failures))
	}
}
