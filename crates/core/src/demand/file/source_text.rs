//! Source of the code as written in a demand file.

/// Source of the code as written in a demand file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceText {
    /// `workdir`: a local directory.
    Directory(String),
    /// `workdir` with `url` and `ref`: a git repository.
    Git {
        /// URL of the repository.
        url: String,
        /// Branch, tag or commit.
        at: Option<String>,
    },
    /// `source`: a local directory or a git repository.
    Repository(String),
}
