# Written by hostler: activates the requested conda environment in this user's login shells.
if [ "$(id -un)" = '@USER@' ] && [ -r '@PREFIX@/etc/profile.d/conda.sh' ]; then
    . '@PREFIX@/etc/profile.d/conda.sh'
    conda activate '@ENVIRONMENT@' 2>/dev/null || :
fi
