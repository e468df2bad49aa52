# Where uv's own installers put it, which only login shells know.
PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin
