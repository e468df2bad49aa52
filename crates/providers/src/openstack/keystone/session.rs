//! A session: calls that carry a token, which is obtained, cached and renewed as needed.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::catalog::Service;
use super::token::{Token, TokenBody};
use super::{auth, cache, oidc};
use crate::http::{HttpClient, Idempotency, Method, Request, Response, Url};
use crate::openstack::cache_file;
use crate::openstack::call::{ApiCall, Microversion, Page};
use crate::openstack::cloud::{AuthScope, Cloud, CloudIdentity};
use crate::openstack::error::{ApiError, ErrorResponse};

/// Calls to the services of one cloud, as one user.
#[derive(Debug)]
pub struct KeystoneSession {
    cloud: Cloud,
    client: HttpClient,
    cache_file: Option<PathBuf>,
    page_size: Option<u32>,
    token: Mutex<Option<Arc<Token>>>,
    compute_version: OnceCell<Option<Microversion>>,
}

impl KeystoneSession {
    /// A session that caches its tokens in a directory, if one is given. Makes no calls.
    pub fn new(cloud: Cloud, client: HttpClient, cache_dir: Option<&std::path::Path>) -> Self {
        let cache_file = cache_dir.and_then(|directory| cache::file(directory, &cloud));
        let (token, compute_version) = (Mutex::default(), OnceCell::new());
        Self { cloud, client, cache_file, page_size: None, token, compute_version }
    }

    /// Requests lists in pages of this size, instead of the services' default.
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// The cloud.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// A valid token: the current one, the cached one, or a new one.
    pub async fn token(&self) -> Result<Arc<Token>, ApiError> {
        let mut current = self.token.lock().await;
        let now = Timestamp::now();
        if current.is_none()
            && let Some(file) = &self.cache_file
        {
            *current = cache::read(file).await.map(Arc::new);
        }
        if let Some(token) = current.as_ref().filter(|token| token.is_fresh(now)) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(self.log_in().await?);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Logs in, even if a valid token exists, and caches the new token.
    pub async fn log_in(&self) -> Result<Token, ApiError> {
        let response = match (&self.cloud.identity, auth::body(&self.cloud)) {
            (_, Some(body)) => self.request_token(body).await?,
            (CloudIdentity::OidcPassword { federation, provider, username, password }, None) => {
                let access = oidc::access_token(&self.client, provider, username, password).await?;
                self.exchange_access_token(federation, &access).await?
            }
            (CloudIdentity::OidcAccessToken { federation, access_token }, None) => {
                self.exchange_access_token(federation, access_token).await?
            }
            (
                CloudIdentity::Password { .. } | CloudIdentity::ApplicationCredential { .. } | CloudIdentity::Token(_),
                None,
            ) => {
                return Err(ApiError::NoToken);
            }
        };
        self.parse_and_cache(&response).await
    }

    async fn exchange_access_token(
        &self,
        federation: &crate::openstack::cloud::Federation,
        access: &SecretString,
    ) -> Result<Response, ApiError> {
        let unscoped = self.client.send(&oidc::exchange(&self.cloud.auth_url, federation, access)).await?;
        let unscoped = successful(unscoped)?;
        if self.cloud.scope == AuthScope::Default {
            return Ok(unscoped);
        }
        self.request_token(auth::by_token(subject_token(&unscoped)?.expose_secret(), &self.cloud.scope)).await
    }

    async fn request_token(&self, body: serde_json::Value) -> Result<Response, ApiError> {
        let mut url = self.cloud.auth_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["auth", "tokens"]);
        }
        let mut request = Request::new(Method::POST, url).json(body);
        // A second token does no harm.
        request.idempotency = Idempotency::Idempotent;
        successful(self.client.send(&request).await?)
    }

    async fn parse_and_cache(&self, response: &Response) -> Result<Token, ApiError> {
        #[derive(Deserialize)]
        struct TokenResponse {
            token: TokenBody,
        }
        let value = subject_token(response)?;
        let (body, now) = (response.json::<TokenResponse>()?.token, Timestamp::now());
        if let Some(file) = &self.cache_file
            && let Err(error) = cache::write(file, value.expose_secret(), &body, now).await
        {
            tracing::debug!("a token can't be cached in `{}`: {error}", file.display());
        }
        Ok(Token::new(value, body, now))
    }

    /// Makes a call. If the service rejects the token, repeats it once with a new one.
    pub async fn call<T>(&self, call: &ApiCall<T>) -> Result<T, ApiError> {
        let token = self.token().await?;
        let response = self.send(call, &token).await?;
        if response.status != 401 {
            return call.parse(&response);
        }
        self.discard(&token).await;
        let token = self.token().await?;
        call.parse(&self.send(call, &token).await?)
    }

    /// Discards a rejected token, unless a concurrent call has already renewed it.
    async fn discard(&self, rejected: &Arc<Token>) {
        let mut current = self.token.lock().await;
        if current.as_ref().is_some_and(|current| current.text() == rejected.text()) {
            *current = None;
            if let Some(file) = &self.cache_file {
                cache_file::remove(file).await;
            }
        }
    }

    async fn send<T>(&self, call: &ApiCall<T>, token: &Token) -> Result<Response, ApiError> {
        let base = self.address(call.service, token)?;
        let mut request = call.request(base).secret_header("x-auth-token", token.text());
        if let Some(version) = call.microversion {
            request = request.header("openstack-api-version", &format!("compute {version}"));
        }
        Ok(self.client.send(&request).await?)
    }

    fn address(&self, service: Service, token: &Token) -> Result<Url, ApiError> {
        token.address(service, &self.cloud).ok_or_else(|| ApiError::NoService {
            service,
            region: self.cloud.region.clone(),
            regions: token.regions(),
        })
    }

    /// True if the catalog lists the service.
    pub async fn has_service(&self, service: Service) -> Result<bool, ApiError> {
        Ok(self.token().await?.address(service, &self.cloud).is_some())
    }

    /// The latest microversion that Nova supports; `None` if it has no microversions. Queried once per session.
    pub async fn compute_version(&self) -> Result<Option<Microversion>, ApiError> {
        #[derive(Deserialize)]
        struct VersionDocument {
            version: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            #[serde(default)]
            version: String,
        }
        let query = || async {
            let call: ApiCall<VersionDocument> = ApiCall::get(Service::Compute, &[""]);
            Ok(self.call(&call).await?.version.version.parse().ok())
        };
        self.compute_version.get_or_try_init(query).await.copied()
    }

    /// All entries of a list, page by page.
    pub async fn list<P: Page>(&self, call: ApiCall<P>) -> Result<Vec<P::Item>, ApiError> {
        let mut all = Vec::new();
        let mut call = match self.page_size {
            Some(size) if P::PAGED => call.query("limit", &size.to_string()),
            _ => call,
        };
        loop {
            let page = self.call(&call).await?;
            let next = page.next();
            let items = page.items();
            let is_empty = items.is_empty();
            all.extend(items);
            // Only the query of the link is used: behind a proxy the services report wrong addresses of their own.
            match next.and_then(|link| query_of(&link)) {
                Some(query) if !is_empty && query != call.query => call.query = query,
                _ => return Ok(all),
            }
        }
    }
}

fn query_of(link: &str) -> Option<Vec<(String, String)>> {
    let base = Url::parse("http://next/").ok()?;
    let url = base.join(link).ok()?;
    Some(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn successful(response: Response) -> Result<Response, ApiError> {
    match response.is_success() {
        true => Ok(response),
        false => Err(ErrorResponse::new(Service::Identity, &response).into()),
    }
}

fn subject_token(response: &Response) -> Result<SecretString, ApiError> {
    response.header("x-subject-token").map(SecretString::from).ok_or(ApiError::NoToken)
}
