//! Calls to a cloud's services, as values with the type of their response.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ApiError, ErrorResponse};
use super::keystone::Service;
use crate::http::{Body, HttpError, Method, Request, Response, Url};

/// A call whose successful response (any status from 200 to 299) parses as a `T`.
#[derive(Debug, Clone)]
pub struct ApiCall<T> {
    pub(super) service: Service,
    pub(super) query: Vec<(String, String)>,
    pub(super) microversion: Option<Microversion>,
    method: Method,
    path: Vec<String>,
    body: Option<Value>,
    parse: fn(&Response) -> Result<T, HttpError>,
    response: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ApiCall<T> {
    /// Reads a resource. Each part of the path is escaped.
    pub fn get(service: Service, path: &[&str]) -> Self {
        Self::new(Method::GET, service, path, None, Response::json)
    }

    /// Creates a resource.
    pub fn post(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::POST, service, path, Some(body), Response::json)
    }

    /// Changes a resource.
    pub fn put(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::PUT, service, path, Some(body), Response::json)
    }
}

impl ApiCall<()> {
    /// Deletes a resource.
    pub fn delete(service: Service, path: &[&str]) -> Self {
        Self::new(Method::DELETE, service, path, None, |_| Ok(()))
    }

    /// Triggers an action whose response body is ignored.
    pub fn post_discarding(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::POST, service, path, Some(body), |_| Ok(()))
    }
}

impl ApiCall<Vec<u8>> {
    /// Reads a resource without parsing it.
    pub fn get_bytes(service: Service, path: &[&str]) -> Self {
        Self::new(Method::GET, service, path, None, |response| Ok(response.body.clone()))
    }
}

impl<T> ApiCall<T> {
    fn new(
        method: Method,
        service: Service,
        path: &[&str],
        body: Option<Value>,
        parse: fn(&Response) -> Result<T, HttpError>,
    ) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { service, query: Vec::new(), microversion: None, method, path, body, parse, response: PhantomData }
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Requests this version of Nova's API.
    pub fn with_microversion(mut self, version: Microversion) -> Self {
        self.microversion = Some(version);
        self
    }

    pub(super) fn request(&self, mut url: Url) -> Request {
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = Request::new(self.method.clone(), url);
        if let Some(body) = &self.body {
            request.body = Body::Json(body.clone());
        }
        request
    }

    pub(super) fn parse(&self, response: &Response) -> Result<T, ApiError> {
        match response.is_success() {
            true => Ok((self.parse)(response)?),
            false => Err(ErrorResponse::new(self.service, response).into()),
        }
    }
}

/// One page of a list.
pub trait Page: DeserializeOwned {
    /// An entry of the list.
    type Item;
    /// True if the service accepts a page size for this list.
    const PAGED: bool;
    /// Link to the next page.
    fn next(&self) -> Option<String>;
    /// The entries of this page.
    fn items(self) -> Vec<Self::Item>;
}

/// A link in a list of Nova or Neutron.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Link {
    rel: String,
    href: String,
}

impl Link {
    pub(super) fn next(links: &[Self]) -> Option<String> {
        links.iter().find(|link| link.rel == "next").map(|link| link.href.clone())
    }
}

/// A version of Nova's API, such as `2.52`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(pub u32, pub u32);

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Microversion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self(major.parse().map_err(|_| ())?, minor.parse().map_err(|_| ())?))
    }
}
