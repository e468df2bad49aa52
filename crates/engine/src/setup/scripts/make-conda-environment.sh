# Makes the environment "$2" of the conda at "$1": of the file "$4", where there is one, and of the packages after "$5" (its
# channels, a line each). Notes the wishes "$3" in it, last.
prefix=$1 name=$2 wishes=$3 file=$4
set -f
options=
while read -r channel; do
    test -z "$channel" || options="$options --channel $channel"
done <<CHANNELS
$5
CHANNELS
shift 5
set -e
rm -f "$prefix/envs/$name/.hostler-wishes"
if test -n "$file"; then
    "$prefix/bin/conda" env update --quiet --name "$name" --file "$file" --prune
    # shellcheck disable=SC2086 # a list of options; names of channels have no blanks
    test $# = 0 || "$prefix/bin/conda" install --quiet --yes --name "$name" $options "$@"
else
    # shellcheck disable=SC2086
    "$prefix/bin/conda" create --quiet --yes --name "$name" $options "$@"
fi
mkdir -p "$prefix/envs/$name"
printf '%s\n' "$wishes" >"$prefix/envs/$name/.hostler-wishes"
