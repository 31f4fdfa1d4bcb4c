package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	bookmarkInterval = 200 * time.Millisecond
	// How long an event waits for another to change places with.
	reorderPatience = 100 * time.Millisecond
)

// event is what has to be known of a line of a watch.
type event struct {
	Type   string `json:"type"`
	Object struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	} `json:"object"`
	line []byte
}

// copyEvents passes on a watch until it ends, as the fault of the moment says.
func (p *Proxy) copyEvents(w http.ResponseWriter, r *http.Request, body io.Reader) {
	stream := &eventStream{proxy: p, out: flushing{w}, bookmarks: r.URL.Query().Get("allowWatchBookmarks") == "true",
		version: r.URL.Query().Get("resourceVersion")}
	http.NewResponseController(w).Flush() // the head, also without an event
	events := readEvents(r, body)
	for {
		fault, changed := p.current()
		if fault.ends(r) {
			p.hit()
			if fault.Mode == GoneLate {
				fault.answer(w, r)
			}
			return
		}
		if stream.release(fault.Mode) != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-stream.tick(fault.Mode):
			if stream.onTick(fault.Mode) != nil {
				return
			}
		case e, ok := <-events:
			if !ok || stream.pass(fault.Mode, e) != nil {
				return
			}
		}
	}
}

// readEvents ends with the watch or with the request.
func readEvents(r *http.Request, body io.Reader) <-chan event {
	events := make(chan event)
	go func() {
		defer close(events)
		for lines := bufio.NewReader(body); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			e := event{line: line}
			json.Unmarshal(line, &e) // what cannot be read is passed on all the same
			select {
			case events <- e:
			case <-r.Context().Done():
				return
			}
		}
	}()
	return events
}

// eventStream is one watch, and what it holds back.
type eventStream struct {
	proxy     *Proxy
	out       io.Writer
	bookmarks bool   // asked for
	version   string // that the client has
	held      []event
}

func (s *eventStream) send(events ...event) error {
	for _, e := range events {
		if _, err := s.out.Write(e.line); err != nil {
			return errors.New("the client has gone")
		}
		if version := e.Object.Metadata.ResourceVersion; version != "" {
			s.version = version
		}
	}
	return nil
}

// release sends what a fault that is over has held back.
func (s *eventStream) release(mode Mode) error {
	if mode == Bookmarks || mode == Reorder {
		return nil
	}
	return s.flush()
}

func (s *eventStream) flush() error {
	held := s.held
	s.held = nil
	return s.send(held...)
}

func (s *eventStream) pass(mode Mode, e event) error {
	switch mode {
	case Bookmarks:
		s.proxy.hit()
		s.held = append(s.held, e)
		return nil
	case Duplicate:
		s.proxy.hit()
		return s.send(e, e)
	case Reorder:
		return s.reorder(e)
	}
	return s.send(e)
}

func (s *eventStream) reorder(e event) error {
	if len(s.held) == 0 && e.Type != "BOOKMARK" {
		s.held = []event{e}
		return nil
	}
	if len(s.held) == 1 && canSwap(s.held[0], e) {
		s.proxy.hit()
		if err := s.send(e); err != nil {
			return err
		}
		return s.flush()
	}
	if err := s.flush(); err != nil {
		return err
	}
	return s.send(e)
}

// canSwap says no where a client could not tell what is the newest state: an
// object's deletion carries no word about what came before it.
func canSwap(a, b event) bool {
	if b.Type == "BOOKMARK" || b.Type == "ERROR" {
		return false
	}
	if a.Object.Metadata.UID != b.Object.Metadata.UID {
		// The next object of a name has another UID.
		return a.Type != "DELETED" || b.Type != "ADDED"
	}
	return a.Type == "MODIFIED" && b.Type == "MODIFIED"
}

// tick is when something is to be done without an event.
func (s *eventStream) tick(mode Mode) <-chan time.Time {
	if mode == Bookmarks && s.bookmarks {
		return time.After(bookmarkInterval)
	}
	if mode == Reorder && len(s.held) > 0 {
		return time.After(reorderPatience)
	}
	return nil
}

func (s *eventStream) onTick(mode Mode) error {
	if mode != Bookmarks {
		return s.flush()
	}
	if len(s.held) == 0 || s.version == "" {
		return nil // what kind of objects these are is not known yet
	}
	// Bookmarks of the state that the client has: events that are still to come are newer.
	first := s.held[0].Object
	line, err := json.Marshal(map[string]any{"type": "BOOKMARK", "object": map[string]any{
		"apiVersion": first.APIVersion, "kind": first.Kind, "metadata": map[string]any{"resourceVersion": s.version},
	}})
	if err != nil {
		return err
	}
	return s.send(event{line: append(line, '\n')})
}
