# Checks that Docker is installed, running and usable by the login user. Prints what is missing. Without systemd, only the programs
# are checked.
missing=0
lacks() { echo "$1"; missing=1; }

command -v dockerd >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin
if ! command -v docker >/dev/null 2>&1 || ! command -v dockerd >/dev/null 2>&1; then
    lacks "docker is missing"
else
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null 2>&1 ||
        lacks "the compose plugin is missing"
fi
user=$(id -un)
# Groups of the account, not of this session, which may be older.
test "$user" = root || id -nG "$user" | tr ' ' '\n' | grep -qx docker || lacks "$user is not in the group docker"
if test -d /run/systemd/system; then
    systemctl is-enabled --quiet docker 2>/dev/null || lacks "docker is not enabled at boot"
    systemctl is-active --quiet docker 2>/dev/null || lacks "docker is not running"
fi
exit "$missing"
