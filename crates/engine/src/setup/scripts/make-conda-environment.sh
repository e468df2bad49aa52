# Creates or updates the environment "$2" of the conda at "$1": from the file "$4" unless empty, and with the packages after "$5"
# (channels, one per line). Writes the fingerprint "$3" into it as the last action. `conda create --yes` deletes an existing
# environment of that name, so an existing one is only updated, and only if hostler created it.
prefix=$1 name=$2 fingerprint=$3 file=$4
directory=$prefix/envs/$name own=$prefix/.hostler-environments/$2
set -f
options=
while read -r channel; do
    test -z "$channel" || options="$options --channel $channel"
done <<CHANNELS
$5
CHANNELS
shift 5
set -e
if test -e "$directory" && ! test -e "$own" && ! test -e "$directory/.hostler-fingerprint"; then
    echo "the conda environment $name exists and was not created by hostler: choose another name, or remove it" >&2
    exit 73
fi
mkdir -p "${own%/*}"
: >"$own"
rm -f "$directory/.hostler-fingerprint"
if test -n "$file"; then
    "$prefix/bin/conda" env update --quiet --name "$name" --file "$file" --prune
    # shellcheck disable=SC2086 # a list of options; channel names have no blanks
    test $# = 0 || "$prefix/bin/conda" install --quiet --yes --name "$name" $options "$@"
elif test -e "$directory/conda-meta"; then
    # shellcheck disable=SC2086
    test $# = 0 || "$prefix/bin/conda" install --quiet --yes --name "$name" $options "$@"
else
    # shellcheck disable=SC2086
    "$prefix/bin/conda" create --quiet --yes --name "$name" $options "$@"
fi
mkdir -p "$directory"
printf '%s\n' "$fingerprint" >"$directory/.hostler-fingerprint"
