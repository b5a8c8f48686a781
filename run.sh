cd /tmp/w/feed2
for n in "$@"; do echo "== $n"; go test -overlay /tmp/w/o/f2/$n.json ./api -run 'TestFeed' 2>&1 | grep -E '^(ok|FAIL|---|\s+---|.*events_test)' | cut -c1-260 | head -4; done
