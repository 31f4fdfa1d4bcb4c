"""The attacks that must have a case, by subject: families are listed member by member."""

REQUIRED = """
cl-te te-cl xchunked te-only-unknown
te-space-colon sp-colon cl-name-space
te-vtab te-nul te-hibyte te-quoted te-semicolon
te-dup-identity te-twice te-chunked-not-last te-identity
te-fold te-fold-hidden obs-fold te-lf-prefix te-cr-prefix
te-http10 te-http10-list http10-body te-0 cl-0 head-cl 0-cl
cl-dup-unequal cl-dup-equal cl-list-unequal cl-list-equal
cl-plus cl-minus cl-hex cl-space cl-underscore cl-vtab cl-nul cl-empty cl-overflow cl-overflow-10^26

ch-size-0x ch-size-plus ch-size-minus ch-size-backtick ch-size-underscore ch-size-space ch-size-empty
ch-overflow ch-overflow-sign
ch-lf-size ch-lf-data ch-lf-last ch-lf-trailer ch-cr-size ch-spill ch-short-term
ch-ext-lf ch-ext-cr ch-ext-nul ch-ext-term-ext ch-ext-ext-term ch-ext-ok ch-ext-flood
ch-tr-cl ch-tr-te ch-tr-host ch-tr-xff ch-tr-request-line ch-tr-flood
ch-truncated cl-truncated

lf-only lf-smuggle cr-value nul-value ctl-value nul-name crcrlf
no-colon empty-name bad-name hi-name tab-colon lead-ws

rl-two-spaces rl-tab rl-version-case rl-version-1.10 rl-version-2.0 rl-version-9.9 rl-09
rl-space-target rl-nul rl-cr rl-hibyte rl-fragment rl-pctcrlf rl-pct00 rl-pctbad
abs-mismatch abs-userinfo abs-ftp at-target rel-target connect star-get auth-get

host-none host-two host-equal-two host-space host-list host-userinfo host-path host-port-bad
host-query-fragment host-del

conn-xff conn-host conn-cl conn-te conn-strip hop-std
h2c-upgrade h2c-upgrade-only preface tls-on-plain ws-refused upg-pipe upg-body

expect-now expect-late expect-final expect-unknown early-body early-te
pipe-2 pipe-100 pipe-post-get pipe-after-bad close-then crlf-lead byte-drip

xff-spoof xff-dup xff-us cl-name-us te-underscore
big-uri big-header many-headers endless-name
slow-head slow-head-drips slow-body slow-body-drips slow-chunk gzip-bomb

path-dot-dot path-dot path-pct-dot-dot path-pct-dot-mixed path-unreserved path-abs-dots
path-two-slashes path-params-dots path-params path-slash-kept path-twice-encoded path-backslash path-pct00
path-reject-params path-reject-params-dots path-reject-slash path-reject-twice-encoded

r-cl-dup r-te-cl r-lf r-nul r-space-colon r-fold r-chunk-bad r-short r-extra r-204-bytes r-103-flood r-100 r-101
r-big-field r-garbage r-status r-rst r-rst-head r-short-rst r-hop
""".split()
