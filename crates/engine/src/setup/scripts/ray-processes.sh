# ray_processes HOMES: prints Ray's processes on this machine, a line each: whose it is, its id, its words. It is of `ray-…`
# where its program lies in that directory of HOMES, where we install Ray; else it is of `others`. What these programs have
# started calls itself otherwise.
ray_processes() {
    # By its own name, and by where links lead.
    homes=$(cd "$1" 2>/dev/null && pwd && pwd -P)
    # One program looks at all: there may be thousands. It finds itself, too, which isn't Ray's.
    # shellcheck disable=SC2013 # names of processes have no blanks
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
