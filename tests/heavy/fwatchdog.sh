#!/bin/busybox sh
# The words of OpenFaaS' watchdogs for tests: port 8080, modes http, serializing and static.
# shellcheck disable=SC2154 # the image's environment says mode, fprocess and the others

answer() {
  read -r method target _
  while read -r name value && [ -n "${name%"$(printf '\r')"}" ]; do
    case "$name" in
      [Cc]ontent-[Ll]ength:) length=${value%"$(printf '\r')"} ;;
    esac
  done
  export Http_Method="$method" Http_Path="${target%%\?*}"
  if head -c "${length:-0}" | $fprocess >/tmp/answer.$$; then
    status="200 OK"
  else
    status="500 Internal Server Error"
  fi
  printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' \
    "$status" "$(wc -c </tmp/answer.$$)"
  cat /tmp/answer.$$
  rm /tmp/answer.$$
}

if [ "$1" = answer ]; then
  answer
  exit
fi
: >/tmp/.lock
case "$mode" in
  http)
    upstream=${upstream_url#http://}
    $fprocess &
    exec nc -ll -p 8080 -e /bin/nc "${upstream%:*}" "${upstream#*:}"
    ;;
  static) exec httpd -f -p 8080 -h "$static_path" ;;
  *) exec nc -ll -p 8080 -e "$0" answer ;;
esac
