//! Who is asking, and what that lets them do: roles of accounts, scopes of keys.
//!
//! It must never be made of a header or a form: the guard alone makes callers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::api::problem::Problem;
use crate::domain::link::{Author, Way};
use crate::links::history::written_by;

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
    pub(in crate::admin) const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Owner];

    pub(in crate::admin) fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }

    /// For whoever chooses one.
    pub(in crate::admin) fn about(self) -> &'static str {
        match self {
            Self::Viewer => "sees links, numbers and imports",
            Self::Editor => "also makes and changes links, imports and matches",
            Self::Owner => "also decides about accounts, keys and settings",
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
    pub(in crate::admin) const ALL: [Self; 4] = [Self::Read, Self::Links, Self::Imports, Self::Admin];

    pub(in crate::admin) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Links => "links",
            Self::Imports => "imports",
            Self::Admin => "admin",
        }
    }

    /// For whoever chooses some.
    pub(in crate::admin) fn about(self) -> &'static str {
        match self {
            Self::Read => "sees links, numbers and imports",
            Self::Links => "makes, changes and removes links",
            Self::Imports => "imports impressions, decides about matches, reports conversions",
            Self::Admin => "does everything, with accounts and keys too",
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
pub(in crate::admin) struct Caller {
    pub(in crate::admin) who: Who,
    /// The cookie it came by, if it came by one.
    pub(in crate::admin) session: Option<String>,
    /// By what way it asks.
    pub(in crate::admin) way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Who {
    /// Whoever can read the key file of this node.
    AdminKey,
    Key {
        id: String,
        name: String,
        scopes: Vec<Scope>,
    },
    Account {
        id: String,
        name: String,
        role: Role,
    },
}

impl Caller {
    pub(in crate::admin) fn may(&self, scope: Scope) -> bool {
        match &self.who {
            Who::AdminKey => true,
            Who::Key { scopes, .. } => scopes.contains(&scope) || scopes.contains(&Scope::Admin),
            Who::Account { role, .. } => *role >= scope.role(),
        }
    }

    /// What the caller is called in lists and histories: `ada`, `key "deploys"`, `the admin key`.
    pub(in crate::admin) fn name(&self) -> String {
        match &self.who {
            Who::AdminKey => "the admin key".to_owned(),
            Who::Key { name, .. } => format!("key {name:?}"),
            Who::Account { name, .. } => name.clone(),
        }
    }
}

tokio::task_local! {
    /// Whose request is being answered. Of the task, and not of each page's arguments, so that the frame of a page can
    /// say who is signed in, and a history who changed a link, whatever page or operation it was.
    static CURRENT: Caller;
}

/// Answers a request as asked by `caller`; what it changes about links is written down as theirs. A task that is spawned
/// meanwhile is nobody's, unless it is made so again.
pub(in crate::admin) async fn as_caller<F: Future>(caller: Caller, answer: F) -> F::Output {
    let author = Author { by: caller.name(), way: Some(caller.way) };
    let answer = written_by(author, answer);
    CURRENT.scope(caller, answer).await
}

/// Whose request this is. `None` where the table lets everybody through.
pub(in crate::admin) fn current() -> Option<Caller> {
    CURRENT.try_with(Caller::clone).ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let unknown = || Problem::internal("this is for callers who are known, but the table lets everybody through");
        current().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(who: Who) -> Caller {
        Caller { who, session: None, way: Way::Api }
    }

    #[test]
    fn a_role_has_what_those_before_it_have_and_a_key_has_what_it_was_given() {
        let account = |role| caller(Who::Account { id: String::new(), name: "ada".to_owned(), role });
        let key = |scopes: &[Scope]| {
            caller(Who::Key { id: String::new(), name: "deploys".to_owned(), scopes: scopes.to_vec() })
        };
        for (who, may) in [
            (account(Role::Viewer), [true, false, false, false]),
            (account(Role::Editor), [true, true, true, false]),
            (account(Role::Owner), [true; 4]),
            (caller(Who::AdminKey), [true; 4]),
            (key(&[]), [false; 4]),
            (key(&[Scope::Links]), [false, true, false, false]),
            (key(&[Scope::Read, Scope::Imports]), [true, false, true, false]),
            (key(&[Scope::Admin]), [true; 4]),
        ] {
            assert_eq!(Scope::ALL.map(|scope| who.may(scope)), may, "{who:?}");
        }
        assert_eq!(key(&[]).name(), "key \"deploys\"");
    }

    #[test]
    fn every_role_and_scope_is_called_what_json_calls_it() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
