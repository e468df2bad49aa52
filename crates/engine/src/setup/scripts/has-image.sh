# Checks that the image "$1" exists and was built from the source "$2".
found=$(docker image inspect --format '{{ index .Config.Labels "hostler.source" }}' -- "$1" 2>/dev/null)
test "$found" = "$2" && exit 0
echo "the image $1 is not built from this source"
exit 1
