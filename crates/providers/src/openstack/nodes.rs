//! Chameleon's node API: what nodes each site has, and what is in them. It needs no token, and changes rarely: answers
//! are kept, and used with their age where the API is away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::inventory::Document;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::NodeApi;
use crate::http::{Caller, HttpError, Method, Patience, Request, Url};

/// How old an answer may be that is used without asking again.
const FRESH: SignedDuration = SignedDuration::from_hours(6);

/// A site's nodes, and how old the answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The documents, one for each cluster.
    pub nodes: Vec<Document>,
    /// The clusters.
    pub clusters: Document,
    /// When they were asked for.
    pub at: Timestamp,
    /// Why there is no newer one, where there should be.
    pub stale: Option<String>,
}

/// One site of the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Site {
    /// Its id, as `uc`.
    pub uid: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
}

/// What all sites have, or why one says nothing. All are asked at once, and none waits for another.
pub async fn of_all(url: &Url, cache: Option<&Path>) -> Result<Vec<(Site, Result<Kept, HttpError>)>, HttpError> {
    let caller = caller()?;
    let sites: Listed<Site> = fetch(&caller, url, &["sites"]).await?.0;
    let mut asked = JoinSet::new();
    for (place, site) in sites.items.into_iter().enumerate() {
        let (caller, url, cache) = (caller.clone(), url.clone(), cache.map(Path::to_owned));
        asked.spawn(async move {
            let api = NodeApi { url, site: site.uid.clone(), cache };
            (place, site, kept_or_new(&caller, &api).await)
        });
    }
    let mut all = asked.join_all().await;
    all.sort_by_key(|(place, ..)| *place);
    Ok(all.into_iter().map(|(_, site, kept)| (site, kept)).collect())
}

/// What one site has; nothing where neither the API nor the folder says: Blazar knows its hosts by itself.
pub(super) async fn of_site(api: &NodeApi) -> Option<Kept> {
    let kept = async { kept_or_new(&caller()?, api).await };
    match kept.await {
        Ok(kept) => Some(kept),
        Err(error) => {
            tracing::warn!("the nodes of `{}` are not known: {error}", api.site);
            None
        }
    }
}

/// Asks one site, whatever is kept.
pub async fn refresh(api: &NodeApi) -> Result<Kept, HttpError> {
    ask(&caller()?, api).await
}

fn caller() -> Result<Caller, HttpError> {
    let patience = Patience { answer: Duration::from_secs(15), tries: 2, ..Patience::default() };
    Caller::new(patience, &[])
}

async fn kept_or_new(caller: &Caller, api: &NodeApi) -> Result<Kept, HttpError> {
    let kept = file(api).and_then(|file| read(&file));
    if let Some(kept) = kept.as_ref().filter(|kept| Timestamp::now().duration_since(kept.at) < FRESH) {
        return Ok(kept.clone());
    }
    match (ask(caller, api).await, kept) {
        (Err(error), Some(kept)) => Ok(Kept { stale: Some(error.to_string()), ..kept }),
        (answer, _) => answer,
    }
}

async fn ask(caller: &Caller, api: &NodeApi) -> Result<Kept, HttpError> {
    let path = ["sites", &api.site, "clusters"];
    let (clusters, document): (Listed<Cluster>, _) = fetch(caller, &api.url, &path).await?;
    let mut nodes = Vec::new();
    for cluster in clusters.items {
        let path = ["sites", &api.site, "clusters", &cluster.uid, "nodes"];
        nodes.push(fetch::<Listed<serde::de::IgnoredAny>>(caller, &api.url, &path).await?.1);
    }
    let kept = Kept { nodes, clusters: document, at: Timestamp::now(), stale: None };
    if let Some(file) = file(api)
        && let Err(error) = write(&file, &kept)
    {
        tracing::debug!("nodes can't be kept in `{}`: {error}", file.display());
    }
    Ok(kept)
}

#[derive(Deserialize)]
struct Listed<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Cluster {
    uid: String,
}

/// What is at a path, read, and as it came. What is no list is not kept.
async fn fetch<T: serde::de::DeserializeOwned>(
    caller: &Caller,
    url: &Url,
    path: &[&str],
) -> Result<(T, Document), HttpError> {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    let answer = caller.send(&Request::new(Method::GET, url)).await?;
    if !answer.is_good() {
        return Err(HttpError::Status { url: answer.url, status: answer.status });
    }
    Ok((answer.json()?, Document::new(answer.url, answer.body)))
}

/// As kept on disk.
#[derive(Serialize, Deserialize)]
struct Stored {
    at: Timestamp,
    clusters: (String, String),
    nodes: Vec<(String, String)>,
}

fn file(api: &NodeApi) -> Option<PathBuf> {
    // The site's id comes from the API or the user: it names no other folder.
    let name: String = api.site.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    api.cache.as_ref().filter(|_| !name.is_empty()).map(|folder| folder.join(format!("nodes-{name}.json")))
}

fn read(file: &Path) -> Option<Kept> {
    let stored: Stored = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let document = |(name, text): (String, String)| Document::new(name, text);
    Some(Kept {
        nodes: stored.nodes.into_iter().map(document).collect(),
        clusters: document(stored.clusters),
        at: stored.at,
        stale: None,
    })
}

/// The old file stays until the new one is whole.
fn write(file: &Path, kept: &Kept) -> std::io::Result<()> {
    let text = |document: &Document| {
        let text = String::from_utf8(document.bytes.clone()).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((document.name.clone(), text))
    };
    let stored = Stored {
        at: kept.at,
        clusters: text(&kept.clusters)?,
        nodes: kept.nodes.iter().map(text).collect::<Result<_, _>>()?,
    };
    crate::files::replace(file, &serde_json::to_vec(&stored)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{self, Reply};

    fn list(items: &str) -> Reply {
        Reply::json(200, &format!(r#"{{"items": [{items}]}}"#))
    }

    fn api(url: &str, cache: &Path) -> NodeApi {
        NodeApi { url: url.parse().unwrap(), site: "uc".to_owned(), cache: Some(cache.to_owned()) }
    }

    #[tokio::test]
    async fn nodes_are_asked_for_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let server = testing::serve(vec![list(r#"{"uid": "chameleon"}"#), list(r#"{"uid": "n1"}"#)]).await;
        let api = api(&server.url, folder.path());
        let first = of_site(&api).await.unwrap();
        assert_eq!(of_site(&api).await.unwrap(), first);
        let lines: Vec<String> = server.seen().into_iter().map(|seen| seen.line).collect();
        assert_eq!(lines, ["GET /sites/uc/clusters", "GET /sites/uc/clusters/chameleon/nodes"]);
        assert_eq!(first.nodes[0].bytes, br#"{"items": [{"uid": "n1"}]}"#);
    }

    #[tokio::test]
    async fn an_api_that_is_away_or_answers_rubbish_leaves_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let rubbish = Reply::json(200, r#"{"items": [{"uid": "n"#);
        let no = Reply::json(404, "");
        let server = testing::serve(vec![list(r#"{"uid": "c"}"#), rubbish, no.clone(), no]).await;
        let api = api(&server.url, folder.path());
        assert!(of_site(&api).await.is_none(), "half a list is none");
        assert!(!file(&api).unwrap().exists());
        let old = Kept {
            nodes: vec![Document::new("n", "{}")],
            clusters: Document::new("c", "{}"),
            at: Timestamp::now() - SignedDuration::from_hours(7),
            stale: None,
        };
        write(&file(&api).unwrap(), &old).unwrap();
        let before = std::fs::read(file(&api).unwrap()).unwrap();
        let kept = of_site(&api).await.unwrap();
        assert_eq!((kept.at, kept.nodes.len()), (old.at, 1));
        assert!(kept.stale.unwrap().ends_with("the server answered 404"));
        assert!(refresh(&api).await.is_err());
        assert_eq!(std::fs::read(file(&api).unwrap()).unwrap(), before);
    }

    #[tokio::test]
    async fn a_dead_site_does_not_blind_the_others() {
        let sites = list(r#"{"uid": "dead", "name": "CHI@DEAD"}"#);
        let server = testing::serve(vec![sites, Reply::json(500, "")]).await;
        let all = of_all(&server.url.parse().unwrap(), None).await.unwrap();
        assert_eq!((all.len(), all[0].0.name.as_str(), all[0].1.is_err()), (1, "CHI@DEAD", true));
    }
}
