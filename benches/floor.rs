//! The floor: the least a redirect server on hyper can do. It looks a slug up, answers 302 and records nothing.
//!
//! `floor COUNT` serves `/l0000001` … on one thread, on a port of 127.0.0.1 that it takes from the system and prints.
//! It shows what hyper costs, which plain clicks do without (`docs/adr/012-plain-clicks.md`); it is not a part of Waypost.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::Context;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

type Links = HashMap<Box<str>, HeaderValue>;

fn main() -> anyhow::Result<()> {
    let count: u32 = std::env::args().nth(1).context("usage: floor COUNT")?.parse()?;
    let links = links(count)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(Rc::new(links)))
}

fn links(count: u32) -> anyhow::Result<Links> {
    let destination =
        |number| HeaderValue::try_from(format!("https://example.com/landing/{number:07}?utm_source=bench"));
    (1..=count).map(|number| Ok((format!("/l{number:07}").into(), destination(number)?))).collect()
}

async fn serve(links: Rc<Links>) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(serve_connection(stream, Rc::clone(&links)));
    }
}

async fn serve_connection(stream: TcpStream, links: Rc<Links>) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(&links, request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    // A client that goes away is no news to a benchmark.
    let _ = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await;
}

fn answer(links: &Links, path: &str) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    match links.get(path) {
        Some(destination) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, destination.clone());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}
