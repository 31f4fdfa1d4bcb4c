"""The lab seen from Python: its API server, proxyd as its controller, and what requests have to come to."""
