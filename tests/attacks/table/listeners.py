"""The listeners of the proxy under attack, beside the default one."""

LISTENERS = {
    "default": {},
    "strict": {"paths": {"slashes": "merge", "ambiguous": "reject"}},
    "keeping": {"paths": {"slashes": "keep", "ambiguous": "keep"}},
    "http1": {"http2": {"mode": "off"}},
    "hasty": {"timeouts": {"request_head_ms": 300, "request_body_idle_ms": 300, "keep_alive_idle_ms": 300,
                           "body_rate_grace_ms": 300}, "limits": {"min_body_rate": 5000}},
}
