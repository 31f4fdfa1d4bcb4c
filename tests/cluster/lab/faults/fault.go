package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Mode is a kind of fault. Those of connections end or hold every connection,
// those of answers end every watch that they concern, so that it is asked for again.
type Mode string

const (
	None Mode = ""
	// Of connections.
	Reset    Mode = "reset"    // each ends with a RST, also new ones
	Refuse   Mode = "refuse"   // each ends, and nothing listens
	Silence  Mode = "silence"  // nothing gets through; goes on where it stopped
	HalfOpen Mode = "halfopen" // those that are open stay so and silent for ever; new ones work
	Slow     Mode = "slow"     // Bytes at a time, ten times a second
	// Of answers.
	Throttle Mode = "throttle" // 429 with Retry-After: Seconds
	Fail     Mode = "fail"     // 500
	Gone     Mode = "gone"     // 410 for watches and for further pages of lists
	GoneLate Mode = "gonelate" // 410 as an event of watches, which begin with 200
	Expire   Mode = "expire"   // 401 for every token that was used before
	// Of the events of watches.
	Bookmarks Mode = "bookmarks" // only bookmarks; the events come when it ends
	Duplicate Mode = "duplicate" // each event twice
	Reorder   Mode = "reorder"   // neighbours change places, unless they belong to one object and one creates or deletes it
)

var modes = []Mode{None, Reset, Refuse, Silence, HalfOpen, Slow, Throttle, Fail, Gone, GoneLate, Expire, Bookmarks, Duplicate, Reorder}

// Fault is one mode, and what it is limited to.
type Fault struct {
	Mode    Mode   `json:"mode"`
	Path    string `json:"path,omitempty"`    // of answers: only requests whose path contains it
	Seconds int    `json:"seconds,omitempty"` // of Throttle
	Bytes   int    `json:"bytes,omitempty"`   // of Slow
}

func (f Fault) check() error {
	for _, mode := range modes {
		if f.Mode == mode {
			if f.Mode == Slow && f.Bytes <= 0 {
				return errors.New("slow needs bytes")
			}
			return nil
		}
	}
	return fmt.Errorf("unknown mode %q", f.Mode)
}

// answers says whether the fault answers a request in the server's place.
// Expire is not asked here: it goes by tokens.
func (f Fault) answers(r *http.Request) bool {
	if !strings.Contains(r.URL.Path, f.Path) {
		return false
	}
	switch f.Mode {
	case Throttle, Fail:
		return true
	case Gone, GoneLate:
		return isWatch(r) || r.URL.Query().Get("continue") != ""
	}
	return false
}

// ends says whether the fault ends a watch that is under way.
func (f Fault) ends(r *http.Request) bool { return f.answers(r) || f.Mode == Expire }

// answer is what an API server would say.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
	status := map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure"}
	set := func(code int, reason, message string) {
		status["code"], status["reason"], status["message"] = code, reason, message
	}
	switch f.Mode {
	case Throttle:
		w.Header().Set("Retry-After", strconv.Itoa(max(f.Seconds, 1)))
		set(http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")
	case Gone, GoneLate:
		set(http.StatusGone, "Expired", "too old resource version")
	case Fail:
		set(http.StatusInternalServerError, "InternalError", "Internal error occurred: a fault of the test")
	default:
		set(http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	}
	w.Header().Set("Content-Type", "application/json")
	if f.Mode == GoneLate && isWatch(r) {
		json.NewEncoder(w).Encode(map[string]any{"type": "ERROR", "object": status})
		return
	}
	w.WriteHeader(status["code"].(int))
	json.NewEncoder(w).Encode(status)
}
