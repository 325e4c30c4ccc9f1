# Runs a command beside a journald of its own: with-journald.sh COMMAND…, in a mount namespace that
# is left with it. What journald keeps lies in a tmpfs, and nothing of the machine's /run is seen.
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
if [ -d /var/log/journal ]; then mount -t tmpfs tmpfs /var/log/journal; fi
/lib/systemd/systemd-journald >/dev/null 2>&1 &
tries=0
while [ ! -S /run/systemd/journal/socket ] && [ $tries -lt 600 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
status=0
"$@" || status=$?
kill $!
exit $status
