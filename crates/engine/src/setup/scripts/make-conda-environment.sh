# Makes the environment "$2" of the conda at "$1": of the file "$4", where there is one, and of the packages after "$5" (its
# channels, a line each). Notes the wishes "$3" in it, last. `conda create --yes` removes what is there by the name: only what
# is ours is changed, and nothing that is there is made anew.
prefix=$1 name=$2 wishes=$3 file=$4
place=$prefix/envs/$name own=$prefix/.hostler-environments/$2
set -f
options=
while read -r channel; do
    test -z "$channel" || options="$options --channel $channel"
done <<CHANNELS
$5
CHANNELS
shift 5
set -e
if test -e "$place" && ! test -e "$own" && ! test -e "$place/.hostler-wishes"; then
    echo "there is an environment $name already, which somebody else has made: call yours otherwise, or remove that one" >&2
    exit 73
fi
mkdir -p "${own%/*}"
: >"$own"
rm -f "$place/.hostler-wishes"
if test -n "$file"; then
    "$prefix/bin/conda" env update --quiet --name "$name" --file "$file" --prune
    # shellcheck disable=SC2086 # a list of options; names of channels have no blanks
    test $# = 0 || "$prefix/bin/conda" install --quiet --yes --name "$name" $options "$@"
elif test -e "$place/conda-meta"; then
    # shellcheck disable=SC2086
    test $# = 0 || "$prefix/bin/conda" install --quiet --yes --name "$name" $options "$@"
else
    # shellcheck disable=SC2086
    "$prefix/bin/conda" create --quiet --yes --name "$name" $options "$@"
fi
mkdir -p "$place"
printf '%s\n' "$wishes" >"$place/.hostler-wishes"
