//! Who is asking, and what that lets them do: roles of accounts, scopes of keys. Pure.
//!
//! It must never be asked of a header or a form: the guard alone makes callers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::api::problem::Problem;

/// What an account may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Role {
    /// Sees everything but secrets, and changes nothing.
    Viewer,
    /// Makes and changes links, imports and matches.
    Editor,
    /// Decides about accounts, keys and settings.
    Owner,
}

impl Role {
    pub(in crate::admin) fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// A part of what can be asked for. A key has some of them; a role has all up to its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Scope {
    /// See links and numbers.
    Read,
    /// Make, change and remove links.
    Links,
    /// Import impressions, decide about matches, report conversions.
    Imports,
    /// Everything, accounts and keys too.
    Admin,
}

impl Scope {
    #[cfg(test)]
    pub(in crate::admin) const ALL: [Self; 4] = [Self::Read, Self::Links, Self::Imports, Self::Admin];

    pub(in crate::admin) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Links => "links",
            Self::Imports => "imports",
            Self::Admin => "admin",
        }
    }

    /// The lowest role whose accounts may do this.
    pub(in crate::admin) fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Links | Self::Imports => Role::Editor,
            Self::Admin => Role::Owner,
        }
    }
}

/// Who is asking. The guard puts one on every request that it lets through, unless the table lets everybody through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Caller {
    /// Whoever can read the key file of this node, by key or signed in with it.
    AdminKey,
}

impl Caller {
    pub(in crate::admin) fn may(&self, _scope: Scope) -> bool {
        match self {
            Self::AdminKey => true,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let unknown = || Problem::internal("this is for callers who are known, but the table lets everybody through");
        parts.extensions.get::<Self>().cloned().ok_or_else(unknown)
    }
}
