//! What pages are dressed with: one style sheet and one script, put together from the parts in `style` and `script`, and
//! served under names that change with their content, so that browsers may keep them for ever.
//!
//! Nothing here may come from another host or be generated from what strangers send. A page works without the script:
//! each part of it looks for its own `data-` attributes and makes something more comfortable.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

/// A file that the binary carries.
pub(super) struct Asset {
    content: &'static str,
    content_type: &'static str,
    path: LazyLock<String>,
}

impl Asset {
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

const STYLE: &str = concat!(
    include_str!("style/base.css"),
    include_str!("style/frame.css"),
    include_str!("style/parts.css"),
    include_str!("style/tables.css"),
    include_str!("style/forms.css"),
    include_str!("style/make.css"),
    include_str!("style/charts.css"),
);

const SCRIPT: &str = concat!(
    include_str!("script/base.js"),
    include_str!("script/copy.js"),
    include_str!("script/make.js"),
    include_str!("script/live.js"),
    include_str!("script/select.js"),
);

const ICON: &str = include_str!("style/icon.svg");

pub(super) static STYLES: Asset =
    Asset { content: STYLE, content_type: "text/css; charset=utf-8", path: LazyLock::new(|| named(STYLE, "css")) };

pub(super) static SCRIPTS: Asset = Asset {
    content: SCRIPT,
    content_type: "text/javascript; charset=utf-8",
    path: LazyLock::new(|| named(SCRIPT, "js")),
};

pub(super) static TAB_ICON: Asset =
    Asset { content: ICON, content_type: "image/svg+xml", path: LazyLock::new(|| named(ICON, "svg")) };

fn named(content: &str, ending: &str) -> String {
    format!("/assets/{}.{ending}", &blake3::hash(content.as_bytes()).to_hex()[..16])
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [&STYLES, &SCRIPTS, &TAB_ICON]
        .into_iter()
        .fold(Router::new(), |router, asset| router.route(asset.path(), get(move || async { answer(asset) })))
}

fn answer(asset: &'static Asset) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.content)
}
