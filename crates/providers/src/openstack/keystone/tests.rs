use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::http::testing::{self, Reply};
use crate::http::{HttpClient, RetryPolicy};
use crate::openstack::call::{ApiCall, Page};
use crate::openstack::cloud::Cloud;
use crate::openstack::error::{ApiError, ErrorResponse};

/// Keystone's response with a token of a lifetime in seconds, and with the base address of the services.
fn token(name: &'static str, lifetime: i64, base: &str) -> Reply {
    let issued: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let expires = issued + jiff::SignedDuration::from_secs(lifetime);
    let endpoints = ["internal", "public"]
        .map(|interface| format!(r#"{{"interface": "{interface}", "region_id": "R", "url": "{base}{interface}/"}}"#));
    let body = format!(
        r#"{{"token": {{"expires_at": "{expires}", "issued_at": "{issued}", "user": {{"id": "u", "name": "ada"}},
            "project": {{"id": "p", "name": "P"}}, "application_credential": {{"restricted": true}},
            "catalog": [{{"type": "network", "endpoints": [{}]}}]}}}}"#,
        endpoints.join(", ")
    );
    Reply::json(201, &body).with("X-Subject-Token", name)
}

fn cloud(url: &str, more: &[(&str, &str)]) -> Cloud {
    let base = [("OS_AUTH_URL", url), ("OS_USERNAME", "ada"), ("OS_PASSWORD", "hush"), ("OS_PROJECT_ID", "p")];
    let pairs = base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Cloud::from_variables(&pairs.collect()).unwrap().unwrap()
}

fn session(cloud: Cloud, directory: Option<&Path>) -> KeystoneSession {
    KeystoneSession::new(
        cloud,
        HttpClient::new(RetryPolicy { attempts: 1, ..RetryPolicy::default() }, &[]).unwrap(),
        directory,
    )
}

#[derive(serde::Deserialize)]
struct TestPage {
    resources: Vec<u32>,
    next: Option<String>,
}

impl Page for TestPage {
    type Item = u32;
    const PAGED: bool = true;
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
    fn items(self) -> Vec<u32> {
        self.resources
    }
}

fn resources() -> ApiCall<TestPage> {
    ApiCall::get(Service::Network, &["a b", "resources"])
}

#[tokio::test]
async fn list_follows_pages_at_the_configured_address() {
    let first = r#"{"resources": [1, 2], "next": "https://nowhere:1/x?limit=2&marker=2"}"#;
    let last = Reply::json(200, r#"{"resources": [3], "next": "/x?limit=2&marker=3"}"#);
    let empty = Reply::json(200, r#"{"resources": [], "next": "/x?limit=2&marker=3&again"}"#);
    let services = testing::serve(vec![Reply::json(200, first), last, empty]).await;
    let keystone = testing::serve(vec![token("t1", 3600, &services.url)]).await;
    let session = session(cloud(&keystone.url, &[("OS_REGION_NAME", "R")]), None).with_page_size(2);
    assert_eq!(session.list(resources()).await.unwrap(), [1, 2, 3]);
    let lines: Vec<String> = services.requests().into_iter().map(|request| request.line).collect();
    let start = "GET /public/v2.0/a%20b/resources?limit=2";
    assert_eq!(lines[..2], [start.to_owned(), format!("{start}&marker=2")]);
    assert!(services.requests().iter().all(|request| request.headers.contains("x-auth-token: t1")));
}

#[tokio::test]
async fn rejected_token_is_renewed_once_and_the_new_one_cached() {
    let directory = tempfile::tempdir().unwrap();
    let html = Reply::json(401, "<html><title>401</title></html>");
    let (ok, json) = (Reply::json(200, r#"{"resources": []}"#), Reply::json(401, r#"{"error": {"message": "no"}}"#));
    let services = testing::serve(vec![html, ok.clone(), ok, json.clone(), json]).await;
    let tokens = ["t1", "t2", "t3"].map(|name| token(name, 3600, &services.url));
    let keystone = testing::serve(tokens.to_vec()).await;
    let cloud = cloud(&keystone.url, &[]);
    let first = session(cloud.clone(), Some(directory.path()));
    first.call(&resources()).await.unwrap();
    let second = session(cloud, Some(directory.path()));
    second.call(&resources()).await.unwrap();
    assert_eq!(second.token().await.unwrap().value.expose_secret(), "t2", "cached by the first session");
    let error = second.call(&resources()).await.err().unwrap();
    assert!(matches!(error, ApiError::Response(ErrorResponse { status: 401, .. })), "{error}");
    assert_eq!(keystone.requests().len(), 3);
    assert!(keystone.requests()[0].body.contains("hush"));
    assert_private(directory.path());
}

fn assert_private(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&files[0]).unwrap().contains("hush"));
}

#[tokio::test]
async fn token_expires_by_its_lifetime_and_not_by_keystone_clock() {
    let keystone = testing::serve(vec![token("t1", 3600, ""), token("t2", 0, ""), token("t3", 3600, "")]).await;
    let long = session(cloud(&keystone.url, &[]), None);
    let tokens = [long.token().await.unwrap(), long.token().await.unwrap()];
    assert!(tokens.iter().all(|token| token.text() == "t1" && token.account.restricted));
    let short = session(cloud(&keystone.url, &[]), None);
    assert_eq!(short.token().await.unwrap().text(), "t2");
    assert_eq!(short.token().await.unwrap().text(), "t3", "renewed before it ends");
}

#[tokio::test]
async fn openid_login_takes_three_steps() {
    let unscoped = token("unscoped", 3600, "");
    let keystone = testing::serve(vec![unscoped, token("scoped", 3600, "")]).await;
    let grant = testing::serve(vec![Reply::json(200, r#"{"access_token": "at"}"#)]).await;
    let document = format!(r#"{{"token_endpoint": "{}token"}}"#, grant.url);
    let provider = testing::serve(vec![Reply::json(200, &document)]).await;
    let oidc = [
        ("OS_AUTH_TYPE", "v3oidcpassword"),
        ("OS_IDENTITY_PROVIDER", "chameleon"),
        ("OS_PROTOCOL", "openid"),
        ("OS_DISCOVERY_ENDPOINT", provider.url.as_str()),
        ("OS_CLIENT_ID", "us"),
    ];
    let session = session(cloud(&keystone.url, &oidc), None);
    assert_eq!(session.token().await.unwrap().text(), "scoped");
    let expected = "grant_type=password&client_id=us&username=ada&password=hush&scope=openid+profile";
    assert_eq!(grant.requests()[0].body, expected);
    let requests = keystone.requests();
    assert_eq!(requests[0].line, "POST /v3/OS-FEDERATION/identity_providers/chameleon/protocols/openid/auth");
    assert!(requests[0].headers.contains("authorization: bearer at"));
    assert!(
        requests[1].body.contains(r#""token":{"id":"unscoped"}"#)
            && requests[1].body.contains(r#""project":{"id":"p"}"#)
    );
}

#[tokio::test]
async fn missing_service_error_lists_the_regions() {
    let keystone = testing::serve(vec![token("t1", 3600, "http://site/")]).await;
    let session = session(cloud(&keystone.url, &[("OS_REGION_NAME", "S")]), None);
    let error = session.call(&resources()).await.err().unwrap();
    assert_eq!(error.to_string(), "the cloud has no Neutron in the region `S`");
    let failure = crate::failure::CallFailure::from(error);
    assert_eq!(failure.hint.as_deref(), Some("the cloud's regions are: R"));
}
