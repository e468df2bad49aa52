//! From a tree of files to findings, and from findings to a demand.
