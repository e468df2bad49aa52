#!/bin/bash
# An installer with the options of conda's: `bash installer -b -f -p PREFIX`. The installed `conda` creates environments that only
# contain the names of the requested packages: enough to check the requests of a set-up, and that login shells find them.
set -e
force=
while getopts bfp: option; do
    case $option in
        b) ;;
        f) force=1 ;;
        p) prefix=$OPTARG ;;
        *) exit 2 ;;
    esac
done
test -n "$force" || test ! -e "$prefix" || { echo "$prefix is there already" >&2; exit 1; }
mkdir -p "$prefix/bin" "$prefix/envs" "$prefix/etc/profile.d"
cat >"$prefix/etc/profile.d/conda.sh" <<'PROFILE'
conda() {
    test "$1" = activate || return 0
    export CONDA_DEFAULT_ENV="$2" PATH="@PREFIX@/envs/$2/bin:$PATH"
}
PROFILE
cat >"$prefix/bin/conda" <<'CONDA'
#!/bin/bash
set -e
verb=$1
shift
test "$verb" != --version || { echo "conda 99.1.0"; exit; }
test "$verb" != env || { verb="env $1"; shift; }
echo "conda $verb $*" >>"@PREFIX@/asked"
while test $# -gt 0; do
    case $1 in
        --name) name=$2; shift ;;
        --file) cat "$2" >>"@PREFIX@/asked"; shift ;;
        --channel) shift ;;
    esac
    shift
done
# As the real one: what is there by that name goes.
test "$verb" != create || rm -rf "@PREFIX@/envs/$name"
mkdir -p "@PREFIX@/envs/$name/bin" "@PREFIX@/envs/$name/conda-meta"
CONDA
sed -i "s|@PREFIX@|$prefix|g" "$prefix/bin/conda" "$prefix/etc/profile.d/conda.sh"
chmod +x "$prefix/bin/conda"
