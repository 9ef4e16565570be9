#!/bin/sh
# Replaces the binary of the service of deploy/systemd. Run it as root:
#   sh install.sh achuan_linux_amd64        (with SHA256SUMS in the same folder)
# It backs up the store first. If the new binary is not ready within 30 s, it restores the old one.
set -eu

new=${1:?usage: install.sh BINARY}
to=${BINARY:-/usr/local/bin/achuan}
service=achuan.service

(cd "$(dirname "$new")" && grep " $(basename "$new")\$" SHA256SUMS | sha256sum --check --quiet)
chmod 755 "$new"
"$new" version

if [ -e "$to" ]; then
	if systemctl cat achuan-backup.service >/dev/null 2>&1; then
		systemctl start achuan-backup.service
	fi
	cp -p "$to" "$to.previous"
fi
cp "$new" "$to.new"
mv "$to.new" "$to" # atomic; a running program keeps its old file

# ready waits until the installed binary serves.
ready() {
	tries=30
	while [ $tries -gt 0 ]; do
		if systemctl is-active --quiet $service && "$to" health --listen "${LISTEN:-127.0.0.1:8000}" 2>/dev/null; then
			return 0
		fi
		tries=$((tries - 1))
		sleep 1
	done
	return 1
}

# The restart waits for the drain.
if systemctl restart $service && ready; then
	echo "achuan is installed and serves"
	exit 0
fi
echo "the new achuan does not serve" >&2
if [ -e "$to.previous" ]; then
	mv "$to.previous" "$to"
	systemctl restart $service && ready && echo "the one before is back and serves" >&2
fi
exit 1
