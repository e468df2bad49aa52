# ray_processes HOMES: prints Ray's processes on this machine, one per line: owner, process id, command line. The owner is `ray-…` if
# the program is in that directory of HOMES, where hostler installs Ray, and else `others`. Children of these processes have other
# names and are not printed.
ray_processes() {
    # With and without links resolved.
    homes=$(cd "$1" 2>/dev/null && pwd && pwd -P)
    # A single grep over all processes, because there may be thousands. It matches itself, which is filtered out below.
    # shellcheck disable=SC2013 # paths in /proc have no blanks
    for line in $(grep -laF /ray/ /proc/[0-9]*/cmdline 2>/dev/null); do
        words=$({ tr '\0' '\n' <"$line"; } 2>/dev/null) || continue
        program=$(printf '%s\n' "$words" | head -n 1)
        whose=
        case $program in */raylet | */gcs_server) whose=others ;; esac
        while read -r at; do
            case $program in "$at"/ray-*/.venv/*) ;; *) continue ;; esac
            case $words in *"$at"/ray-*/site-packages/ray/* | *"
-m
ray."*) whose=${program#"$at"/} ;; esac
        done <<END
$homes
END
        id=${line#/proc/}
        test -z "$whose" || printf '%s %s %s\n' "${whose%%/*}" "${id%/cmdline}" "$(printf '%s' "$words" | tr '\n' ' ')"
    done
}
