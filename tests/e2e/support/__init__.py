"""What the end-to-end tests share: the daemon as a process, raw clients, scriptable backends, load."""
