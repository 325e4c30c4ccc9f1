#!/bin/sh
# The first process of a guest: runs tests of the checkout in which it lies, and turns it off.
# The files to run are the words `nacre.test=` of the kernel's command line.
root=$(cd "$(dirname "$0")/../.." && pwd)
export PATH="$root/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin"
export HOME=/root TMPDIR=/state/tmp LC_ALL=C.UTF-8 NACRE_TEST_GUEST=1
mkdir -p "$TMPDIR" /state/var-tmp
# Where the tests of users who are not root have their homes: an overlay is no place for another.
chmod 1777 /state/var-tmp
mount --bind /state/var-tmp /var/tmp
hostname guest
files=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^nacre\.test=//p')
echo "guest: $(uname -sr), $(wc -w </sys/fs/cgroup/cgroup.controllers) controllers of cgroup v2"
cd "$root" || exit
# shellcheck disable=SC2086 # one word a file
vitest run --project kernel $files --testTimeout 300000 --reporter="$root/scripts/vm/reporter.ts"
echo "guest: vitest ended with $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
