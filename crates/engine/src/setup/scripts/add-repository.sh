# Adds the package repository "$1" to apt, as root: "$2" is where its key is, "$3" the key's fingerprint, "$4" what stands
# behind the options of its line. Its packages are trusted by that key only. Where "$5" is `preferred`, they go before
# everybody else's, whatever their versions.
name=$1 url=$2 wanted=$3 place=$4 rank=$5
set -e
address=${place%% *}
# apt takes no address twice with different keys: one that the machine has from elsewhere stays as it is.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    case $file in */hostler-"$name".list) continue ;; esac
    if grep -v '^ *#' "$file" 2>/dev/null | tr ' ' '\n' | sed 's|/*$||' | grep -qxF -- "${address%/}"; then
        echo "$file has $address already"
        exec apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$work/key" -- "$url"
export GNUPGHOME="$work"
found=$(gpg --batch --quiet --with-colons --show-keys "$work/key" | awk -F: '$1 == "fpr" { print $10; exit }')
if [ "$found" != "$wanted" ]; then
    echo "the key at $url has the fingerprint ${found:-(none)}, and not $wanted: nothing was added" >&2
    exit 65
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
install -m 644 "$work/list" "/etc/apt/sources.list.d/hostler-$name.list"
if [ "$rank" = preferred ]; then
    host=${address#*://}
    host=${host%%/*}
    printf 'Package: *\nPin: origin %s\nPin-Priority: 600\n' "${host%%:*}" >"$work/pin"
    install -m 644 "$work/pin" "/etc/apt/preferences.d/hostler-$name"
fi
apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update
