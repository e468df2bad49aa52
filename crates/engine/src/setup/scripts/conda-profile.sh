# Written by hostler: the conda environment that was wished for is active in this user's login shells.
if [ "$(id -un)" = '@USER@' ] && [ -r '@PREFIX@/etc/profile.d/conda.sh' ]; then
    . '@PREFIX@/etc/profile.d/conda.sh'
    conda activate '@ENVIRONMENT@' 2>/dev/null || :
fi
