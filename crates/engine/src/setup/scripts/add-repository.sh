# As root: adds the package repository "$1" to apt or dnf. "$2" is the URL of its signing key, "$3" the key's fingerprint. "$4" is
# for apt the end of its line, after the options; for dnf its base URL. Only packages signed by that key are trusted. If "$5" is
# `preferred`, its packages take precedence over all others, whatever their versions.
name=$1 url=$2 wanted=$3 location=$4 priority_class=$5
set -e
address=${location%% *}
update() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update "$@"; }
# apt rejects an address that is configured twice with different keys, so an existing entry stays unchanged. Ask apt itself: only
# it knows which files and entries apply.
list=/etc/apt/sources.list.d/hostler-$name.list
if command -v apt-get >/dev/null 2>&1 && ! [ -e "$list" ] && update --print-uris | awk -v at="'${address%/}" '
    index($0, at) == 1 && substr($0, length(at) + 1) ~ "^/+([.]/+)*(dists/|InRelease)" { found = 1 }
    END { exit !found }'; then
    echo "apt already has $address"
    update
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$work/key" -- "$url"
export GNUPGHOME="$work"
found=$(gpg --batch --quiet --with-colons --show-keys "$work/key" | awk -F: '$1 == "fpr" { print $10; exit }')
if [ "$found" != "$wanted" ]; then
    echo "the key at $url has the fingerprint ${found:-(none)}, not $wanted: nothing was added" >&2
    exit 65
fi
if ! command -v apt-get >/dev/null 2>&1; then
    trusted=/etc/pki/rpm-gpg/RPM-GPG-KEY-hostler-$name
    priority=99
    [ "$priority_class" != preferred ] || priority=50
    mkdir -p /etc/pki/rpm-gpg
    install -m 644 "$work/key" "$trusted"
    printf '%s\n' "[hostler-$name]" "name=$name, by hostler" "baseurl=$location" enabled=1 gpgcheck=1 "gpgkey=file://$trusted" \
        "priority=$priority" >"$work/repo"
    install -m 644 "$work/repo" "/etc/yum.repos.d/hostler-$name.repo"
    exit
fi
mkdir -p /etc/apt/keyrings
if grep -q 'BEGIN PGP' "$work/key"; then
    gpg --batch --quiet --dearmor --output "$work/key.gpg" "$work/key"
else
    cp "$work/key" "$work/key.gpg"
fi
install -m 644 "$work/key.gpg" "/etc/apt/keyrings/hostler-$name.gpg"
arch=$(dpkg --print-architecture)
printf 'deb [arch=%s signed-by=/etc/apt/keyrings/hostler-%s.gpg] %s\n' "$arch" "$name" "$location" >"$work/list"
install -m 644 "$work/list" "$list"
if [ "$priority_class" = preferred ]; then
    host=${address#*://}
    host=${host%%/*}
    printf 'Package: *\nPin: origin %s\nPin-Priority: 600\n' "${host%%:*}" >"$work/pin"
    install -m 644 "$work/pin" "/etc/apt/preferences.d/hostler-$name"
fi
update
