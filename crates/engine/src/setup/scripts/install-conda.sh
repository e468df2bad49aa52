# Installs conda at "$4" with the installer "$1", which must have the SHA-256 "$3" and is downloaded from "$2" unless that is empty.
# Does nothing if conda is completely installed.
file=$1 url=$2 wanted=$3 prefix=$4
set -e
# The installation stores its own path, which must be absolute.
case $prefix in /*) ;; *) prefix=$PWD/${prefix#./} ;; esac
begun=$prefix/.hostler-begun
if ! test -e "$begun" && "$prefix/bin/conda" --version >/dev/null 2>&1; then
    exit 0
fi
mkdir -p "${file%/*}"
if test -n "$url"; then
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --location --retry 3 --output "$file" -- "$url"
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --tries=3 --output-document="$file" -- "$url"
    else
        echo "neither curl nor wget is installed: request the \`system\` phase, too" >&2
        exit 69
    fi
fi
found=$(sha256sum "$file" | cut -d' ' -f1)
if test "$found" != "$wanted"; then
    rm -f "$file"
    echo "the installer's SHA-256 is $found, not $wanted: it was not run" >&2
    exit 65
fi
# Only remove the remains of our own interrupted attempt, which contain a marker. We create no environment before the marker is
# removed, so an existing environment belongs to the user. An empty directory may be removed.
rmdir "$prefix" 2>/dev/null || :
if test -e "$prefix"; then
    if ! test -e "$begun"; then
        echo "$prefix exists but is not a working conda installation: move it away" >&2
        exit 73
    elif test -n "$(ls "$prefix/envs" 2>/dev/null)"; then
        echo "$prefix/envs contains environments, but the conda installation is incomplete: move it away" >&2
        exit 73
    fi
    # Keep the marker, so that an interruption here is recoverable, too.
    find "$prefix" -mindepth 1 ! -path "$begun" -delete
fi
mkdir -p "$prefix"
: >"$begun"
# -f: install into an existing directory.
bash "$file" -b -f -p "$prefix"
rm -f "$begun"
rm -f "$file"
