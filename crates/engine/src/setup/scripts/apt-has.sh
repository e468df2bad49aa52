# True if apt can install a package of exactly this name.
apt_has() { LC_ALL=C apt-cache policy -- "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }
