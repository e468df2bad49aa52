# As root: enables the components "$2" and following in every entry of apt's sources that belongs to the distribution "$1", as
# apt names it (Debian, Ubuntu). Other entries, and other fields of an entry, stay unchanged.
origin=$1
shift
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
update() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update; }
targets() { apt-get indextargets --format "\$(CREATED_BY)|\$(ORIGIN)|$1" | sed -n "s/^Packages|$origin|//p" | sort -u; }

# apt knows the origin of an entry only once its lists are downloaded.
[ -n "$(targets '$(COMPONENT)')" ] || update
targets '$(REPO_URI) $(RELEASE)' >"$work/entries"

cat >"$work/shared" <<'END'
# Normalizes an address as apt does: extra slashes and a slash at the end do not matter (`mirror+file:///etc/…`).
function plain(address) { sub(/\/+$/, "", address); sub(/:\/+/, ":/", address); return address }
function known(address, suite) { return (plain(address) " " suite) in entries }
function completed(components,    have, n, i, words) {
    n = split(components, words, " ")
    for (i = 1; i <= n; i++) have[words[i]] = 1
    n = split(wanted, words, " ")
    for (i = 1; i <= n; i++) if (!(words[i] in have)) components = components " " words[i]
    return components
}
BEGIN { while ((getline line <list) > 0) { split(line, pair, " "); entries[plain(pair[1]) " " pair[2]] = 1 } }
END
# `deb [options] ADDRESS SUITE COMPONENT…`
cat >"$work/lines" <<'END'
{
    text = $0
    if ($1 == "deb" || $1 == "deb-src") {
        at = 2
        if ($2 ~ /^\[/) { while ($at !~ /\]$/ && at < NF) at++; at++ }
        if (known($at, $(at + 1))) text = completed(text)
    }
    print text
}
END
# Fields of a stanza, in any order.
cat >"$work/stanzas" <<'END'
BEGIN { RS = ""; ORS = "\n\n"; FS = "\n" }
{
    official = 0
    delete uris; delete suites
    for (i = 1; i <= NF; i++) {
        if ($i ~ /^URIs:/) nu = split(substr($i, 6), uris, " ")
        if ($i ~ /^Suites:/) ns = split(substr($i, 8), suites, " ")
    }
    for (u = 1; u <= nu; u++) for (s = 1; s <= ns; s++) if (known(uris[u], suites[s])) official = 1
    for (i = 1; i <= NF; i++) if (official && $i ~ /^Components:/) $i = completed($i)
    text = $1
    for (i = 2; i <= NF; i++) text = text "\n" $i
    print text
}
END
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    case $file in *.sources) form=stanzas ;; *) form=lines ;; esac
    cat "$work/shared" "$work/$form" >"$work/program"
    awk -v list="$work/entries" -v wanted="$*" -f "$work/program" "$file" >"$work/new"
    cmp -s "$work/new" "$file" || { install -m 644 "$work/new" "$file.hostler" && mv "$file.hostler" "$file"; }
done
update
for component; do
    targets '$(COMPONENT)' | grep -qx "$component" && continue
    echo "the component \`$component\` of $origin could not be enabled in /etc/apt: enable it by hand" >&2
    exit 66
done
