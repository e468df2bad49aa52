//! Chameleon's node API: the nodes of each site, and their hardware.
//!
//! It needs no token, and its content changes rarely: answers are cached, and an old one is used while the API is away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::inventory::Document;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::cache_file;
use super::settings::NodeApi;
use crate::http::{HttpClient, HttpError, Method, Request, RetryPolicy, Url};

/// Age at which a cached answer is fetched again.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(6);

/// A site's nodes, with the time of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedNodes {
    /// The nodes, one document for each cluster.
    pub nodes: Vec<Document>,
    /// The clusters.
    pub clusters: Document,
    /// Time of the answer.
    pub fetched_at: Timestamp,
    /// The failure of a refresh, if the answer is older than it should be.
    pub refresh_error: Option<String>,
}

/// One site of the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiSite {
    /// Its id, such as `uc`.
    pub uid: String,
    /// The display name.
    #[serde(default)]
    pub name: String,
}

/// The nodes of all sites, fetched concurrently: a failed site does not affect the others.
pub async fn fetch_all(
    url: &Url,
    cache: Option<&Path>,
) -> Result<Vec<(ApiSite, Result<CachedNodes, HttpError>)>, HttpError> {
    let client = client()?;
    let sites: ItemList<ApiSite> = fetch(&client, url, &["sites"]).await?.0;
    let mut tasks = JoinSet::new();
    for (index, site) in sites.items.into_iter().enumerate() {
        let (client, url, cache) = (client.clone(), url.clone(), cache.map(Path::to_owned));
        tasks.spawn(async move {
            let api = NodeApi { url, site: site.uid.clone(), cache };
            (index, site, cached_or_fetched_with(&client, &api).await)
        });
    }
    let mut all = tasks.join_all().await;
    all.sort_by_key(|(index, ..)| *index);
    Ok(all.into_iter().map(|(_, site, nodes)| (site, nodes)).collect())
}

/// The nodes of one site. `None` if neither the API nor the cache has them: Blazar's own list of hosts is enough to go on.
pub(super) async fn cached_or_fetched(api: &NodeApi) -> Option<CachedNodes> {
    let nodes = async { cached_or_fetched_with(&client()?, api).await };
    match nodes.await {
        Ok(nodes) => Some(nodes),
        Err(error) => {
            tracing::warn!("the nodes of `{}` are not known: {error}", api.site);
            None
        }
    }
}

/// Fetches the nodes of one site, whatever the cache holds, and caches them.
pub async fn fetch_site(api: &NodeApi) -> Result<CachedNodes, HttpError> {
    fetch_site_with(&client()?, api).await
}

fn client() -> Result<HttpClient, HttpError> {
    let policy = RetryPolicy { attempt_timeout: Duration::from_secs(15), attempts: 2, ..RetryPolicy::default() };
    HttpClient::new(policy, &[])
}

async fn cached_or_fetched_with(client: &HttpClient, api: &NodeApi) -> Result<CachedNodes, HttpError> {
    let cached = match cache_file(api) {
        Some(file) => read_cache(&file).await,
        None => None,
    };
    if let Some(fresh) = cached.as_ref().filter(|it| Timestamp::now().duration_since(it.fetched_at) < MAX_AGE) {
        return Ok(fresh.clone());
    }
    match (fetch_site_with(client, api).await, cached) {
        (Err(error), Some(old)) => Ok(CachedNodes { refresh_error: Some(error.to_string()), ..old }),
        (outcome, _) => outcome,
    }
}

async fn fetch_site_with(client: &HttpClient, api: &NodeApi) -> Result<CachedNodes, HttpError> {
    let path = ["sites", &api.site, "clusters"];
    let (clusters, document): (ItemList<NodeCluster>, _) = fetch(client, &api.url, &path).await?;
    let mut nodes = Vec::new();
    for cluster in clusters.items {
        let path = ["sites", &api.site, "clusters", &cluster.uid, "nodes"];
        nodes.push(fetch::<ItemList<serde::de::IgnoredAny>>(client, &api.url, &path).await?.1);
    }
    let fetched = CachedNodes { nodes, clusters: document, fetched_at: Timestamp::now(), refresh_error: None };
    if let Some(file) = cache_file(api)
        && let Err(error) = write_cache(&file, &fetched).await
    {
        tracing::debug!("nodes can't be cached in `{}`: {error}", file.display());
    }
    Ok(fetched)
}

#[derive(Deserialize)]
struct ItemList<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct NodeCluster {
    uid: String,
}

/// The document at a path, parsed and raw. Parsing comes first, so that a truncated list never reaches the cache.
async fn fetch<T: serde::de::DeserializeOwned>(
    client: &HttpClient,
    url: &Url,
    path: &[&str],
) -> Result<(T, Document), HttpError> {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    let answer = client.send(&Request::new(Method::GET, url)).await?;
    if !answer.is_success() {
        return Err(HttpError::Status { url: answer.url, status: answer.status });
    }
    Ok((answer.json()?, Document::new(answer.url, answer.body)))
}

/// The content of a cache file.
#[derive(Serialize, Deserialize)]
struct Stored {
    fetched_at: Timestamp,
    clusters: (String, String),
    nodes: Vec<(String, String)>,
}

fn cache_file(api: &NodeApi) -> Option<PathBuf> {
    // The site's id comes from the API or the user: it must not lead to another directory.
    let name: String = api.site.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    api.cache.as_ref().filter(|_| !name.is_empty()).map(|directory| directory.join(format!("nodes-{name}.json")))
}

async fn read_cache(file: &Path) -> Option<CachedNodes> {
    let stored: Stored = cache_file::read(file).await?;
    let document = |(name, text): (String, String)| Document::new(name, text);
    Some(CachedNodes {
        nodes: stored.nodes.into_iter().map(document).collect(),
        clusters: document(stored.clusters),
        fetched_at: stored.fetched_at,
        refresh_error: None,
    })
}

async fn write_cache(file: &Path, cached: &CachedNodes) -> std::io::Result<()> {
    let text = |document: &Document| {
        let text = String::from_utf8(document.bytes.clone()).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((document.name.clone(), text))
    };
    let stored = Stored {
        fetched_at: cached.fetched_at,
        clusters: text(&cached.clusters)?,
        nodes: cached.nodes.iter().map(text).collect::<Result<_, _>>()?,
    };
    cache_file::write(file, &stored).await
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
    async fn nodes_are_fetched_once_and_cached() {
        let directory = tempfile::tempdir().unwrap();
        let server = testing::serve(vec![list(r#"{"uid": "chameleon"}"#), list(r#"{"uid": "n1"}"#)]).await;
        let api = api(&server.url, directory.path());
        let first = cached_or_fetched(&api).await.unwrap();
        assert_eq!(cached_or_fetched(&api).await.unwrap(), first);
        let lines: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
        assert_eq!(lines, ["GET /sites/uc/clusters", "GET /sites/uc/clusters/chameleon/nodes"]);
        assert_eq!(first.nodes[0].bytes, br#"{"items": [{"uid": "n1"}]}"#);
    }

    #[tokio::test]
    async fn cache_survives_an_api_that_is_away_or_answers_rubbish() {
        let directory = tempfile::tempdir().unwrap();
        let rubbish = Reply::json(200, r#"{"items": [{"uid": "n"#);
        let no = Reply::json(404, "");
        let server = testing::serve(vec![list(r#"{"uid": "c"}"#), rubbish, no.clone(), no]).await;
        let api = api(&server.url, directory.path());
        assert!(cached_or_fetched(&api).await.is_none(), "a truncated list is rejected");
        assert!(!cache_file(&api).unwrap().exists());
        let old = CachedNodes {
            nodes: vec![Document::new("n", "{}")],
            clusters: Document::new("c", "{}"),
            fetched_at: Timestamp::now() - SignedDuration::from_hours(7),
            refresh_error: None,
        };
        write_cache(&cache_file(&api).unwrap(), &old).await.unwrap();
        let before = std::fs::read(cache_file(&api).unwrap()).unwrap();
        let cached = cached_or_fetched(&api).await.unwrap();
        assert_eq!((cached.fetched_at, cached.nodes.len()), (old.fetched_at, 1));
        assert!(cached.refresh_error.unwrap().ends_with("the server answered 404"));
        assert!(fetch_site(&api).await.is_err());
        assert_eq!(std::fs::read(cache_file(&api).unwrap()).unwrap(), before);
    }

    #[tokio::test]
    async fn failed_site_does_not_affect_the_others() {
        let sites = list(r#"{"uid": "dead", "name": "CHI@DEAD"}"#);
        let server = testing::serve(vec![sites, Reply::json(500, "")]).await;
        let all = fetch_all(&server.url.parse().unwrap(), None).await.unwrap();
        assert_eq!((all.len(), all[0].0.name.as_str(), all[0].1.is_err()), (1, "CHI@DEAD", true));
    }
}
