//! Sources of code, as users write them.
//!
//! ```text
//! .   ../project   /srv/project                     a local directory in its current state
//! https://example.org/o/project.git                 a git repository, its default branch
//! https://example.org/o/project@v1.2                a branch, tag or commit
//! https://example.org/o/project@v1.2#subdirectory=training     one directory of it
//! git@example.org:o/project.git@v1.2                SSH syntax: the first `@` ends the user name
//! file:///srv/project@main                          a branch of a local repository
//! ```
//!
//! The syntax is that of pip's `git+` URLs, and the prefix `git+` is accepted. As in git, a text is a URL if it contains
//! `://`, or a colon before its first slash. Everything else is a local directory, whose name may contain `@` and `#`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::Source;

/// Reason why a text is not a valid source. No variant contains a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    #[error("the source is empty: use a directory (`.` for the current one) or a git URL")]
    /// The text is empty.
    Empty,
    /// Would be read as a command-line option, here or by git.
    #[error("`{0}` looks like an option: use `./{0}` for a directory of that name")]
    Option(String),
    /// Contains line breaks or other control characters.
    #[error("`{0}` contains control characters")]
    Control(String),
    /// The `.git` directory of a repository.
    #[error(
        "`{0}` is inside a git repository: use the directory that contains it, or `file://{0}` for its committed contents"
    )]
    GitDirectory(String),
    /// A path that is not UTF-8.
    #[error("the path `{0}` is not UTF-8: rename or move the directory")]
    NotText(String),
    /// A protocol that is not allowed.
    #[error("unsupported protocol `{scheme}` in `{url}`: use https, http, ssh, git or file")]
    Scheme {
        /// Protocol of the URL.
        scheme: String,
        /// The URL without credentials.
        url: String,
    },
    /// A URL with a user name, password or token.
    #[error(
        "`{0}` contains credentials, which would be stored: remove them, and use a git credential helper or an SSH key"
    )]
    Credentials(String),
    /// A URL without host or path.
    #[error("`{0}` is not the URL of a repository: use a host and a path, such as `https://example.org/owner/project`")]
    NoRepository(String),
    /// A page of a web site such as GitHub.
    #[error("`{page}` is a web page, not a repository: use `{instead}`")]
    WebPage {
        /// URL of the page.
        page: String,
        /// The source that is probably meant.
        instead: String,
    },
    /// Not a branch, tag or commit.
    #[error("`{0}` is not a branch, tag or commit: it follows the last `@` of the URL")]
    Ref(String),
    /// A fragment (`#…`) other than `subdirectory`.
    #[error("unknown fragment `#{0}`: use `#subdirectory=DIRECTORY`")]
    Fragment(String),
    /// A subdirectory that leaves the repository.
    #[error("`{0}` is not a directory inside the repository: use a relative path without `..`")]
    Subdirectory(String),
}

/// Protocols that git may use. `ext::` and similar ones run programs and are not allowed.
pub const PROTOCOLS: [&str; 5] = ["https", "http", "ssh", "git", "file"];

/// Parses a source. A local path is made absolute, starting from `cwd`. Reads no file: a missing directory is reported
/// when the source is fetched.
pub fn parse_source(text: &str, cwd: &Path) -> Result<Source, BadSource> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadSource::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(BadSource::Control(redact(&text.escape_debug().to_string())));
    }
    if text.starts_with('-') {
        return Err(BadSource::Option(redact(text)));
    }
    let text = text.strip_prefix("git+").unwrap_or(text);
    match Form::of(text) {
        Form::Local => local(text, cwd),
        Form::Url { scheme, rest } => url(scheme, rest, text),
        Form::Scp { host, path } => scp(host, path, text),
    }
}

impl Source {
    /// True for a local directory, which is used in its current state.
    pub fn is_local(&self) -> bool {
        matches!(Form::of(&self.location), Form::Local)
    }

    /// Last component of the path, from which a deployment's name is derived.
    pub fn base_name(&self) -> &str {
        let path = if self.subdirectory.is_empty() { &self.location } else { &self.subdirectory };
        let last = path.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last)
    }
}

/// Round-trips through [`parse_source`].
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.location))?;
        if let Some(at) = &self.revision {
            write!(f, "@{at}")?;
        }
        if !self.subdirectory.is_empty() {
            write!(f, "#subdirectory={}", self.subdirectory)?;
        }
        Ok(())
    }
}

/// Hides the credentials of every URL in a text: `https://***@example.org/`. A user name alone is kept in SSH URLs,
/// where it is not secret.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"').unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') || !before.ends_with("ssh://") => {
                out.push_str("***@");
                out.push_str(host);
            }
            _ => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The three forms of a source.
enum Form<'t> {
    Local,
    Url { scheme: &'t str, rest: &'t str },
    Scp { host: &'t str, path: &'t str },
}

impl<'t> Form<'t> {
    fn of(text: &'t str) -> Self {
        if let Some((scheme, rest)) = text.split_once("://")
            && !scheme.contains('/')
        {
            return Self::Url { scheme, rest };
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => Self::Scp { host, path },
            _ => Self::Local,
        }
    }
}

fn local(text: &str, cwd: &Path) -> Result<Source, BadSource> {
    let path = normalize(&cwd.join(text));
    let text = path.to_str().ok_or_else(|| BadSource::NotText(path.display().to_string()))?;
    if path.file_name().is_some_and(|name| name == ".git") {
        return Err(BadSource::GitDirectory(text.to_owned()));
    }
    Ok(Source { location: text.to_owned(), revision: None, subdirectory: String::new() })
}

/// Removes `.` and `..` from a path by its text alone, as a shell's `cd` does.
pub(super) fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn url(scheme: &str, rest: &str, text: &str) -> Result<Source, BadSource> {
    if !PROTOCOLS.contains(&scheme) {
        return Err(BadSource::Scheme { scheme: scheme.to_owned(), url: redact(text) });
    }
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':') || scheme != "ssh") {
        return Err(BadSource::Credentials(redact(text)));
    }
    // git passes the host to ssh, which must not read it as an option.
    let host = authority.rsplit('@').next().unwrap_or_default();
    if (host.is_empty() != (scheme == "file")) || host.starts_with('-') || authority.starts_with('-') {
        return Err(BadSource::NoRepository(redact(text)));
    }
    let parts = RepositoryParts::of(path)?;
    if parts.path.trim_matches('/').is_empty() {
        return Err(BadSource::NoRepository(redact(text)));
    }
    if let Some(instead) = web_page(scheme, authority, parts.path) {
        return Err(BadSource::WebPage { page: redact(text), instead });
    }
    Ok(parts.of_repository(&format!("{scheme}://{authority}/")))
}

fn scp(host: &str, path: &str, text: &str) -> Result<Source, BadSource> {
    if path.starts_with(':') {
        return Err(BadSource::Scheme { scheme: format!("{host}::"), url: redact(text) });
    }
    let parts = RepositoryParts::of(path)?;
    let machine = host.rsplit('@').next().unwrap_or_default();
    if machine.is_empty()
        || machine.starts_with('-')
        || parts.path.starts_with('-')
        || parts.path.trim_end_matches('/').is_empty()
    {
        return Err(BadSource::NoRepository(redact(text)));
    }
    Ok(parts.of_repository(&format!("{host}:")))
}

/// The parts of `path@ref#subdirectory=directory`.
struct RepositoryParts<'t> {
    path: &'t str,
    at: Option<&'t str>,
    subdirectory: &'t str,
}

impl<'t> RepositoryParts<'t> {
    fn of(text: &'t str) -> Result<Self, BadSource> {
        let (text, fragment) = text.split_once('#').map_or((text, None), |(text, after)| (text, Some(after)));
        let subdirectory = match fragment {
            None => "",
            Some(fragment) => {
                let directory = fragment.strip_prefix("subdirectory=");
                directory.ok_or_else(|| BadSource::Fragment(redact(fragment)))?.trim_end_matches('/')
            }
        };
        if fragment.is_some() && !is_inside(subdirectory) {
            return Err(BadSource::Subdirectory(subdirectory.to_owned()));
        }
        // An `@` at the start of a path component belongs to its name, as in `/@scope/project`.
        let (path, at) = match text.rsplit_once('@') {
            Some((path, at)) if !path.is_empty() && !path.ends_with('/') => (path, Some(at)),
            _ => (text, None),
        };
        match at.filter(|at| !is_ref(at)) {
            Some(at) => Err(BadSource::Ref(at.to_owned())),
            None => Ok(Self { path, at, subdirectory }),
        }
    }

    fn of_repository(&self, prefix: &str) -> Source {
        let path = self.path.trim_end_matches('/');
        let (revision, subdirectory) = (self.at.map(str::to_owned), self.subdirectory.to_owned());
        Source { location: format!("{prefix}{path}"), revision, subdirectory }
    }
}

/// True if a relative path stays inside the directory where it starts.
fn is_inside(directory: &str) -> bool {
    !directory.is_empty()
        && !directory.contains('\\')
        && directory.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
}

/// True if git reads the text as a ref and nothing else: not an option, a `from:to` pair, or a `+` that forces an
/// update.
fn is_ref(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['-', '+', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
}

/// Source for a repository page of a web site: `/owner/project/tree/main/directory`, or GitLab's `/-/tree/…`.
fn web_page(scheme: &str, authority: &str, path: &str) -> Option<String> {
    if !scheme.starts_with("http") {
        return None;
    }
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let tree = parts.iter().position(|part| matches!(*part, "tree" | "blob")).filter(|at| *at >= 2)?;
    let at = parts.get(tree + 1)?;
    let project = parts[..tree].strip_suffix(&["-"]).unwrap_or(&parts[..tree]).join("/");
    let directory = parts[tree + 2..].join("/");
    let directory = if directory.is_empty() { directory } else { format!("#subdirectory={directory}") };
    Some(format!("{scheme}://{authority}/{project}@{at}{directory}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Source, BadSource> {
        parse_source(text, Path::new("/home/u/work"))
    }

    #[track_caller]
    fn check(text: &str, from: &str, at: Option<&str>, subdirectory: &str) {
        let expect = Source {
            location: from.to_owned(),
            revision: at.map(str::to_owned),
            subdirectory: subdirectory.to_owned(),
        };
        assert_eq!(parse(text), Ok(expect.clone()), "{text}");
        assert_eq!(parse(&expect.to_string()), Ok(expect), "{text} reads back");
    }

    #[test]
    fn local_directories() {
        check(".", "/home/u/work", None, "");
        check("..", "/home/u", None, "");
        check("./a/../b/", "/home/u/work/b", None, "");
        check("/srv/x", "/srv/x", None, "");
        check("me@home/a#b", "/home/u/work/me@home/a#b", None, "");
        check("a/b:c", "/home/u/work/a/b:c", None, "");
        check("../../../../..", "/", None, "");
    }

    #[test]
    fn git_urls() {
        check("https://example.org/o/p", "https://example.org/o/p", None, "");
        check("https://example.org/o/p.git/", "https://example.org/o/p.git", None, "");
        check("git+https://example.org/o/p@v1", "https://example.org/o/p", Some("v1"), "");
        check("https://example.org/o/p@feature/x", "https://example.org/o/p", Some("feature/x"), "");
        check("https://example.org/@o/p", "https://example.org/@o/p", None, "");
        check("https://example.org:8443/o/p@v1#subdirectory=a/b", "https://example.org:8443/o/p", Some("v1"), "a/b");
        check("ssh://git@example.org/o/p", "ssh://git@example.org/o/p", None, "");
        check("git@example.org:o/p.git", "git@example.org:o/p.git", None, "");
        check("git@example.org:o/p.git@v1", "git@example.org:o/p.git", Some("v1"), "");
        check("host:p", "host:p", None, "");
        check("file:///srv/p@main", "file:///srv/p", Some("main"), "");
    }

    #[test]
    fn the_name_of_a_deployment() {
        for (text, name) in [
            ("..", "u"),
            ("https://example.org/o/p.git@v1", "p"),
            ("git@example.org:p.git", "p"),
            ("https://example.org/o/p#subdirectory=a/b", "b"),
        ] {
            assert_eq!(parse(text).unwrap().base_name(), name, "{text}");
        }
    }

    #[track_caller]
    fn rejected(text: &str, because: &str) {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(because), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{text}: {error}");
    }

    #[test]
    fn invalid_sources_have_advice() {
        rejected("", "use a directory");
        rejected("  ", "use a directory");
        rejected("-x", "use `./-x`");
        rejected("--upload-pack=touch /tmp/x", "looks like an option");
        rejected(".git", "use the directory that contains it");
        rejected("a/.git/", "use the directory that contains it");
        rejected("a\nb", "control characters");
        rejected("https://", "is not the URL of a repository");
        rejected("https://example.org", "is not the URL of a repository");
        rejected("https:///o/p", "is not the URL of a repository");
        rejected("file://host/p", "is not the URL of a repository");
        rejected("ssh://-oProxyCommand=x/p", "is not the URL of a repository");
        rejected("-oProxyCommand=x:p", "looks like an option");
        rejected("git@-oProxyCommand=x:p", "is not the URL of a repository");
        rejected("host:", "is not the URL of a repository");
        rejected("host:/", "is not the URL of a repository");
        rejected("ftp://example.org/p", "use https");
        rejected("ext::sh -c touch% x", "use https");
        rejected("https://u:s3cret@example.org/o/p", "use a git credential helper");
        rejected("https://s3cret@example.org/o/p", "use a git credential helper");
        rejected("ssh://u:s3cret@example.org/o/p", "`ssh://***@example.org/o/p`");
        rejected("https://example.org/o/p@-x", "`-x` is not a branch");
        rejected("https://example.org/o/p@a:b", "`a:b` is not a branch");
        rejected("https://example.org/o/p@+a", "`+a` is not a branch");
        rejected("https://example.org/o/p@", "`` is not a branch");
        rejected("https://example.org/o/p#egg=x", "unknown fragment `#egg=x`");
        rejected("https://example.org/o/p#subdirectory=../x", "without `..`");
        rejected("https://example.org/o/p#subdirectory=/etc", "without `..`");
    }

    #[test]
    fn web_page_suggests_the_repository() {
        rejected("https://example.org/o/p/tree/main", "use `https://example.org/o/p@main`");
        rejected("https://example.org/g/o/p/-/tree/v1/a/b", "use `https://example.org/g/o/p@v1#subdirectory=a/b`");
    }

    #[test]
    fn credentials_are_redacted() {
        for (text, shown) in [
            ("fatal: 'https://u:p@h/x' and http://t@h", "fatal: 'https://***@h/x' and http://***@h"),
            ("https://u:p@ss@h/x", "https://***@h/x"),
            ("ssh://git@h/x", "ssh://git@h/x"),
            ("https://h/x@v1", "https://h/x@v1"),
            ("git@h:x", "git@h:x"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    proptest! {
        #[test]
        fn displayed_sources_parse_again(text in "(https://|git@|file:///|ssh://|\\./)?[a-z@:/#.=-]{0,30}") {
            if let Ok(source) = parse(&text) {
                prop_assert_eq!(parse(&source.to_string()), Ok(source));
            }
        }
    }
}
