//! Sites behind the port `Provider`.
