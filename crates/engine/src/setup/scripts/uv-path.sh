# Default directories of uv's installers, which only login shells have in their PATH.
PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin
