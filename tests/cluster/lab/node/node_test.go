package node

import (
	"maps"
	"net/url"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestNamesOfImages(t *testing.T) {
	for image, want := range map[string]string{
		"echo-basic": "echo-basic", "registry.test:5000/a/echo-basic:v1": "echo-basic", "a/b@sha256:00": "b",
	} {
		if got := imageName(image); got != want {
			t.Errorf("%s: %s, not %s", image, got, want)
		}
	}
}

func TestLogsGiveWhatTheQuerySelects(t *testing.T) {
	var log logBuffer
	log.Write([]byte("one\n"))
	log.Write([]byte("two\nthree\n"))
	for query, want := range map[string]string{
		"": "one\ntwo\nthree\n", "tailLines=1": "three\n", "tailLines=9": "one\ntwo\nthree\n", "sinceSeconds=60&tailLines=2": "two\nthree\n",
		"sinceTime=2999-01-01T00:00:00Z": "",
	} {
		values, _ := url.ParseQuery(query)
		if got := string(log.read(values)); got != want {
			t.Errorf("%s: %q, not %q", query, got, want)
		}
	}
}

func TestLogsAreBounded(t *testing.T) {
	var log logBuffer
	for range maxLogLines + 10 {
		log.Write([]byte("x\n"))
	}
	if len(log.lines) != maxLogLines {
		t.Error(len(log.lines))
	}
}

func TestVolumesProjectKeysToPaths(t *testing.T) {
	data := map[string][]byte{"a": []byte("1"), "b": []byte("2")}
	if got := project(data, nil); !maps.EqualFunc(got, data, func(x, y []byte) bool { return string(x) == string(y) }) {
		t.Error(got)
	}
	files := volumes{"v": project(data, []corev1.KeyToPath{{Key: "b", Path: "d/c"}})}
	read := files.reader(corev1.Container{VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/m/"}}})
	if got, err := read("/m/d/c"); err != nil || string(got) != "2" {
		t.Error(got, err)
	}
	if got, err := read("/m/a"); err == nil {
		t.Error(got)
	}
}
