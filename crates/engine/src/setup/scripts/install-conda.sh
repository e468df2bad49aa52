# Installs conda to "$4" by the installer "$1", which must have the SHA-256 "$3", and is fetched from "$2" where that is said.
# Nothing is done where conda is already, to the end of its installation.
file=$1 url=$2 wanted=$3 prefix=$4
set -e
# What is installed remembers where, and must find itself from everywhere.
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
        echo "neither curl nor wget is here: wish for \`system\` packages, too" >&2
        exit 69
    fi
fi
found=$(sha256sum "$file" | cut -d' ' -f1)
if test "$found" != "$wanted"; then
    rm -f "$file"
    echo "the installer's SHA-256 is $found, and not $wanted: it was not run" >&2
    exit 65
fi
# Only what an attempt of ours left there that was cut off is ours: it is marked inside. No environment is made before the mark
# is taken away, so that one which is there is somebody's. An empty directory is nobody's.
rmdir "$prefix" 2>/dev/null || :
if test -e "$prefix"; then
    if ! test -e "$begun"; then
        echo "there is something at $prefix which is no conda that works: move it away" >&2
        exit 73
    elif test -n "$(ls "$prefix/envs" 2>/dev/null)"; then
        echo "there are environments in $prefix/envs, and its conda is not installed to the end: move it away" >&2
        exit 73
    fi
    # The mark goes last: whoever is cut off here, too, finds it.
    find "$prefix" -mindepth 1 ! -path "$begun" -delete
fi
mkdir -p "$prefix"
: >"$begun"
# -f: into a directory that is there.
bash "$file" -b -f -p "$prefix"
rm -f "$begun"
rm -f "$file"
