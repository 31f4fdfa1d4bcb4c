package echo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

const address = "http://127.0.0.1:34300"

func start(t *testing.T) *bytes.Buffer {
	var log bytes.Buffer
	stop, err := Start(Process{IP: "127.0.0.1", Log: &log, Env: map[string]string{
		"POD_NAME": "a-pod", "NAMESPACE": "a-namespace", "HTTP_PORT": "34300", "H2C_PORT": "34301",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &log
}

func TestSaysWhatItGotAndWhoItIs(t *testing.T) {
	log := start(t)
	request, _ := http.NewRequest("PUT", address+"/a/../b?x=1", nil)
	request.Host = "example.test"
	request.Header.Set("X-Echo-Set-Header", "Foo:bar, Baz:1,Foo:2")
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got reply
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Path != "/a/../b?x=1" || got.Host != "example.test" || got.Method != "PUT" || got.Pod != "a-pod" || got.Namespace != "a-namespace" {
		t.Errorf("%+v", got)
	}
	if response.Header.Get("Foo") != "bar,2" || response.Header.Get("Baz") != "1" {
		t.Error(response.Header)
	}
	if !strings.Contains(log.String(), "Echoing back request made to /a/../b?x=1") {
		t.Error(log)
	}
}

func TestFailsAsAskedAndThenNoMore(t *testing.T) {
	start(t)
	for _, row := range []struct {
		path string
		want int
	}{
		{"/status/418", 418}, {"/status/abc", 400}, {"/health", 200},
		{"/retry/x?uuid=1&succeedAfter=1&responseCode=503", 503}, {"/retry/x?uuid=1&succeedAfter=1&responseCode=503", 200},
	} {
		response, err := http.Get(address + row.path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != row.want {
			t.Errorf("%s: %d, not %d", row.path, response.StatusCode, row.want)
		}
	}
}
