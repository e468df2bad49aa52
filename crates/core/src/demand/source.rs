//! Where the code comes from, as users write it.
//!
//! ```text
//! .   ../project   /srv/project                     a local folder, as it lies there
//! https://example.org/o/project.git                 a git repository, at its default branch
//! https://example.org/o/project@v1.2                … at a branch, tag or commit
//! https://example.org/o/project@v1.2#subdirectory=training     … of which only one folder counts
//! git@example.org:o/project.git@v1.2                as SSH writes it: the first `@` names the user
//! file:///srv/project@main                          a local repository at one of its branches
//! ```
//!
//! It is what pip takes after `git+`, and that prefix is taken too. A text is a URL where it has `://`, or a colon
//! before its first slash, as git itself decides; all else is a local folder, whose name may hold any `@` and `#`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::Source;

/// Why a text is not a source. No variant ever holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    /// Nothing at all.
    #[error("the source is empty: name a folder, `.` for this one, or a git URL")]
    Empty,
    /// It would read as an option, of ours or of git's.
    #[error("`{0}` looks like an option, not like a source: write `./{0}` for a folder of that name")]
    Option(String),
    /// Line breaks and other control characters.
    #[error("`{0}` has control characters in it")]
    Control(String),
    /// The inside of a repository.
    #[error(
        "`{0}` is the inside of a git repository: name the folder around it, or `file://{0}` for what is committed"
    )]
    GitFolder(String),
    /// A path that is not text.
    #[error("the path `{0}` is not UTF-8: rename the folder, or move it")]
    NotText(String),
    /// A protocol that is not allowed.
    #[error("`{scheme}` in `{url}` is not a protocol to fetch by: use https, http, ssh, git or file")]
    Scheme {
        /// The protocol.
        scheme: String,
        /// The URL, without credentials.
        url: String,
    },
    /// A user, password or token in a URL.
    #[error(
        "`{0}` has credentials in it, which would be stored: leave them out, and use a git credential helper or an SSH key"
    )]
    Credentials(String),
    /// No host or no path.
    #[error("`{0}` names no repository: a git URL has a host and a path, as `https://example.org/owner/project`")]
    NoRepository(String),
    /// A page of a forge's web site.
    #[error("`{page}` is a web page, not a repository: write `{instead}`")]
    WebPage {
        /// The page.
        page: String,
        /// The source that is probably meant.
        instead: String,
    },
    /// Not a branch, tag or commit.
    #[error("`{0}` is not a branch, tag or commit: it stands after the last `@` of the URL")]
    Ref(String),
    /// Something else after `#` than a folder.
    #[error("`#{0}` is not understood: only `#subdirectory=FOLDER` may stand there")]
    Fragment(String),
    /// A folder that is not inside of the repository.
    #[error("`{0}` is not a folder inside of the repository: use a relative path without `..`")]
    Subdirectory(String),
}

/// The protocols that git may fetch by. `ext::` and its like run programs, and are not among them.
pub const PROTOCOLS: [&str; 5] = ["https", "http", "ssh", "git", "file"];

/// Reads a source; a local path is made absolute from `cwd`. Touches no file: whether it is there shows when it is
/// fetched.
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
    /// Whether it is a folder of this computer, taken as it lies there.
    pub fn is_local(&self) -> bool {
        matches!(Form::of(&self.from), Form::Local)
    }

    /// The last part of its path: what a deployment of it would be called.
    pub fn base_name(&self) -> &str {
        let path = if self.subdirectory.is_empty() { &self.from } else { &self.subdirectory };
        let last = path.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last)
    }
}

/// Reads back by [`parse_source`].
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.from))?;
        if let Some(at) = &self.at {
            write!(f, "@{at}")?;
        }
        if !self.subdirectory.is_empty() {
            write!(f, "#subdirectory={}", self.subdirectory)?;
        }
        Ok(())
    }
}

/// A text in which the credentials of every URL are hidden: `https://***@example.org/`. A user name alone is shown for
/// SSH, where it is no secret.
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

/// The three ways to name a repository.
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
    let path = normal(&cwd.join(text));
    let text = path.to_str().ok_or_else(|| BadSource::NotText(path.display().to_string()))?;
    if path.file_name().is_some_and(|name| name == ".git") {
        return Err(BadSource::GitFolder(text.to_owned()));
    }
    Ok(Source { from: text.to_owned(), at: None, subdirectory: String::new() })
}

/// Takes `.` and `..` out of a path by its text alone, as a shell's `cd` does.
pub(super) fn normal(path: &Path) -> PathBuf {
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
    // git hands the host to ssh, which must not take it for an option.
    let host = authority.rsplit('@').next().unwrap_or_default();
    if (host.is_empty() != (scheme == "file")) || host.starts_with('-') || authority.starts_with('-') {
        return Err(BadSource::NoRepository(redact(text)));
    }
    let parts = Parts::of(path)?;
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
    let parts = Parts::of(path)?;
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

/// `path@ref#subdirectory=folder`, taken apart.
struct Parts<'t> {
    path: &'t str,
    at: Option<&'t str>,
    subdirectory: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Result<Self, BadSource> {
        let (text, fragment) = text.split_once('#').map_or((text, None), |(text, after)| (text, Some(after)));
        let subdirectory = match fragment {
            None => "",
            Some(fragment) => {
                let folder = fragment.strip_prefix("subdirectory=");
                folder.ok_or_else(|| BadSource::Fragment(redact(fragment)))?.trim_end_matches('/')
            }
        };
        if fragment.is_some() && !is_inside(subdirectory) {
            return Err(BadSource::Subdirectory(subdirectory.to_owned()));
        }
        // An `@` that begins a part of the path belongs to its name, as in `/@scope/project`.
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
        let (at, subdirectory) = (self.at.map(str::to_owned), self.subdirectory.to_owned());
        Source { from: format!("{prefix}{path}"), at, subdirectory }
    }
}

/// Whether a path stays below where it starts.
fn is_inside(folder: &str) -> bool {
    !folder.is_empty()
        && !folder.contains('\\')
        && folder.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
}

/// Whether git takes it for a ref and nothing more: no option, no `from:to`, no `+` that forces.
fn is_ref(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['-', '+', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
}

/// The source that the address of a forge's web page means: `/owner/project/tree/main/folder`, GitLab's `/-/tree/…`.
fn web_page(scheme: &str, authority: &str, path: &str) -> Option<String> {
    if !scheme.starts_with("http") {
        return None;
    }
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let tree = parts.iter().position(|part| matches!(*part, "tree" | "blob")).filter(|at| *at >= 2)?;
    let at = parts.get(tree + 1)?;
    let project = parts[..tree].strip_suffix(&["-"]).unwrap_or(&parts[..tree]).join("/");
    let folder = parts[tree + 2..].join("/");
    let folder = if folder.is_empty() { folder } else { format!("#subdirectory={folder}") };
    Some(format!("{scheme}://{authority}/{project}@{at}{folder}"))
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
        let expect = Source { from: from.to_owned(), at: at.map(str::to_owned), subdirectory: subdirectory.to_owned() };
        assert_eq!(parse(text), Ok(expect.clone()), "{text}");
        assert_eq!(parse(&expect.to_string()), Ok(expect), "{text} reads back");
    }

    #[test]
    fn local_folders() {
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
    fn refused(text: &str, because: &str) {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(because), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{text}: {error}");
    }

    #[test]
    fn bad_sources_say_what_to_do() {
        refused("", "name a folder");
        refused("  ", "name a folder");
        refused("-x", "write `./-x`");
        refused("--upload-pack=touch /tmp/x", "looks like an option");
        refused(".git", "name the folder around it");
        refused("a/.git/", "name the folder around it");
        refused("a\nb", "control characters");
        refused("https://", "names no repository");
        refused("https://example.org", "names no repository");
        refused("https:///o/p", "names no repository");
        refused("file://host/p", "names no repository");
        refused("ssh://-oProxyCommand=x/p", "names no repository");
        refused("-oProxyCommand=x:p", "looks like an option");
        refused("git@-oProxyCommand=x:p", "names no repository");
        refused("host:", "names no repository");
        refused("host:/", "names no repository");
        refused("ftp://example.org/p", "use https");
        refused("ext::sh -c touch% x", "use https");
        refused("https://u:s3cret@example.org/o/p", "use a git credential helper");
        refused("https://s3cret@example.org/o/p", "use a git credential helper");
        refused("ssh://u:s3cret@example.org/o/p", "`ssh://***@example.org/o/p`");
        refused("https://example.org/o/p@-x", "`-x` is not a branch");
        refused("https://example.org/o/p@a:b", "`a:b` is not a branch");
        refused("https://example.org/o/p@+a", "`+a` is not a branch");
        refused("https://example.org/o/p@", "`` is not a branch");
        refused("https://example.org/o/p#egg=x", "`#egg=x` is not understood");
        refused("https://example.org/o/p#subdirectory=../x", "without `..`");
        refused("https://example.org/o/p#subdirectory=/etc", "without `..`");
    }

    #[test]
    fn a_web_page_is_turned_into_what_was_meant() {
        refused("https://example.org/o/p/tree/main", "write `https://example.org/o/p@main`");
        refused("https://example.org/g/o/p/-/tree/v1/a/b", "write `https://example.org/g/o/p@v1#subdirectory=a/b`");
    }

    #[test]
    fn credentials_are_hidden_wherever_they_stand() {
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
        fn whatever_is_accepted_reads_back(text in "(https://|git@|file:///|ssh://|\\./)?[a-z@:/#.=-]{0,30}") {
            if let Ok(source) = parse(&text) {
                prop_assert_eq!(parse(&source.to_string()), Ok(source));
            }
        }
    }
}
