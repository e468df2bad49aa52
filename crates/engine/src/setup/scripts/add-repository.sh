# Adds the package repository "$1" to apt or dnf, as root: "$2" is where its key is, "$3" the key's fingerprint, "$4" for apt
# what stands behind the options of its line, for dnf its base address. Its packages are trusted by that key only. Where "$5"
# is `preferred`, they go before everybody else's, whatever their versions.
name=$1 url=$2 wanted=$3 place=$4 rank=$5
set -e
address=${place%% *}
update() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update "$@"; }
# apt takes no address twice with different keys: one that the machine has from elsewhere stays as it is. Only apt itself knows
# which of its files and entries count.
list=/etc/apt/sources.list.d/hostler-$name.list
if command -v apt-get >/dev/null 2>&1 && ! [ -e "$list" ] && update --print-uris | awk -v at="'${address%/}" '
    index($0, at) == 1 && substr($0, length(at) + 1) ~ "^/+([.]/+)*(dists/|InRelease)" { found = 1 }
    END { exit !found }'; then
    echo "apt has $address already"
    update
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$work/key" -- "$url"
export GNUPGHOME="$work"
found=$(gpg --batch --quiet --with-colons --show-keys "$work/key" | awk -F: '$1 == "fpr" { print $10; exit }')
if [ "$found" != "$wanted" ]; then
    echo "the key at $url has the fingerprint ${found:-(none)}, and not $wanted: nothing was added" >&2
    exit 65
fi
if ! command -v apt-get >/dev/null 2>&1; then
    trusted=/etc/pki/rpm-gpg/RPM-GPG-KEY-hostler-$name
    priority=99
    [ "$rank" != preferred ] || priority=50
    mkdir -p /etc/pki/rpm-gpg
    install -m 644 "$work/key" "$trusted"
    printf '%s\n' "[hostler-$name]" "name=$name, by hostler" "baseurl=$place" enabled=1 gpgcheck=1 "gpgkey=file://$trusted" \
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
printf 'deb [arch=%s signed-by=/etc/apt/keyrings/hostler-%s.gpg] %s\n' "$arch" "$name" "$place" >"$work/list"
install -m 644 "$work/list" "$list"
if [ "$rank" = preferred ]; then
    host=${address#*://}
    host=${host%%/*}
    printf 'Package: *\nPin: origin %s\nPin-Priority: 600\n' "${host%%:*}" >"$work/pin"
    install -m 644 "$work/pin" "/etc/apt/preferences.d/hostler-$name"
fi
update
