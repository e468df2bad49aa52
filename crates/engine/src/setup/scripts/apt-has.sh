# Whether apt could install a package of this very name.
apt_has() { LC_ALL=C apt-cache policy -- "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }
