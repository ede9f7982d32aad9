# Says that it serves only when it does not yet: whoever starts before that finds nothing.
set -eu
test -r page.html
echo "$GREETING" > greeting
busybox httpd -f -p "$PORT" -h . &
until busybox nc -z 127.0.0.1 "$PORT" 2>/dev/null || busybox wget -q -O /dev/null "http://127.0.0.1:$PORT/page.html" 2>/dev/null; do :; done
echo "the door serves"
wait
