//! Accounts: people by their names, with a password and a role.
//!
//! All of them are one record, so that what must be true of them together, that one is an owner, holds in one step
//! however many nodes change them. It must never be without an owner once it had one.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::caller::Role;
use super::password::{Hashing, Password};
use super::secret::random_id;
use super::shelf::Shelf;
use super::{AccessError, note};
use crate::domain::record::RecordKind;
use crate::store::{Store, StoreError};

/// The most accounts: with names of 64 bytes they fill a record of 64 KiB.
pub(in crate::admin) const ACCOUNTS_MAX: usize = 150;

/// The longest name.
const NAME_BYTES_MAX: usize = 64;

/// The only record of its kind.
const BOOK: &str = "accounts";

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::admin) struct Account {
    /// Random, so that an account that is made anew is another one.
    pub(in crate::admin) id: String,
    /// In lower case.
    pub(in crate::admin) name: String,
    pub(in crate::admin) role: Role,
    /// Argon2id, in PHC's form.
    password: String,
    pub(in crate::admin) made_at: Timestamp,
    pub(in crate::admin) signed_in_at: Option<Timestamp>,
}

/// By name.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Book(Vec<Account>);

impl Book {
    fn find(&mut self, name: &str) -> Result<&mut Account, AccessError> {
        let name = folded(name);
        self.0.iter_mut().find(|account| account.name == name).ok_or(AccessError::NoAccount(name))
    }

    /// Fails unless somebody is an owner.
    fn checked(&self) -> Result<(), AccessError> {
        let has_owner = self.0.iter().any(|account| account.role == Role::Owner);
        if has_owner { Ok(()) } else { Err(AccessError::LastOwner) }
    }
}

pub(in crate::admin) struct Accounts {
    shelf: Shelf<Book>,
    hashing: Hashing,
}

impl Accounts {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { shelf: Shelf::new(store, RecordKind::Account), hashing: Hashing::new() }
    }

    /// All of them, by name.
    pub(in crate::admin) async fn list(&self) -> Result<Vec<Account>, StoreError> {
        Ok(self.shelf.get(BOOK).await?.map(|kept| kept.value.0).unwrap_or_default())
    }

    pub(in crate::admin) async fn by_id(&self, id: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.list().await?.into_iter().find(|account| account.id == id))
    }

    /// Makes an account. The first one has to be an owner.
    ///
    /// # Errors
    /// When the name is none or taken, there are too many, or nobody would be an owner.
    pub(in crate::admin) async fn add(
        &self,
        name: &str,
        role: Role,
        password: &Password,
        now: Timestamp,
    ) -> Result<Account, AccessError> {
        self.add_if(name, role, password, now, |_| true).await
    }

    /// Makes the first account, an owner.
    ///
    /// # Errors
    /// As [`Accounts::add`], and when there is an account already.
    pub(in crate::admin) async fn add_first(
        &self,
        name: &str,
        password: &Password,
        now: Timestamp,
    ) -> Result<Account, AccessError> {
        self.add_if(name, Role::Owner, password, now, |book| book.0.is_empty()).await
    }

    async fn add_if(
        &self,
        name: &str,
        role: Role,
        password: &Password,
        now: Timestamp,
        may: impl Fn(&Book) -> bool,
    ) -> Result<Account, AccessError> {
        let name = checked_name(name)?;
        let password = self.hashing.hash(password).await?;
        let account = Account { id: random_id()?, name, role, password, made_at: now, signed_in_at: None };
        let made = self
            .shelf
            .change(BOOK, |book| {
                if !may(book) {
                    return Err(AccessError::SetUp);
                }
                if book.0.iter().any(|other| other.name == account.name) {
                    return Err(AccessError::NameTaken(account.name.clone()));
                }
                if book.0.len() >= ACCOUNTS_MAX {
                    return Err(AccessError::Full("account"));
                }
                let at = book.0.partition_point(|other| other.name < account.name);
                book.0.insert(at, account.clone());
                book.checked()?;
                Ok(account.clone())
            })
            .await?;
        note("an account was made", &made.name);
        Ok(made)
    }

    /// # Errors
    /// When there is no such account, or nobody would be an owner.
    pub(in crate::admin) async fn set_role(&self, name: &str, role: Role) -> Result<Account, AccessError> {
        let account = self.edit(name, |account| account.role = role).await?;
        note("an account has another role", &account.name);
        Ok(account)
    }

    /// # Errors
    /// When there is no such account.
    pub(in crate::admin) async fn set_password(&self, name: &str, password: &Password) -> Result<Account, AccessError> {
        let password = self.hashing.hash(password).await?;
        let account = self.edit(name, |account| account.password.clone_from(&password)).await?;
        note("an account has another password", &account.name);
        Ok(account)
    }

    /// # Errors
    /// When there is no such account, or nobody would be an owner.
    pub(in crate::admin) async fn remove(&self, name: &str) -> Result<Account, AccessError> {
        let removed = self
            .shelf
            .change(BOOK, |book| {
                let account = book.find(name)?.clone();
                book.0.retain(|other| other.id != account.id);
                book.checked()?;
                Ok(account)
            })
            .await?;
        note("an account was removed", &removed.name);
        Ok(removed)
    }

    /// The account with this name and password. It takes as long when there is no such name.
    ///
    /// # Errors
    /// When the store fails, or too many wait.
    pub(in crate::admin) async fn known(
        &self,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, AccessError> {
        let name = folded(name);
        let account = self.list().await?.into_iter().find(|account| account.name == name);
        let hash = account.as_ref().map(|account| account.password.as_str());
        let is_right = self.hashing.is_of(password, hash).await?;
        match account.filter(|_| is_right) {
            // Whoever is removed in this moment is not let in any more.
            Some(account) => {
                let signed_in = self.edit(&account.name, |account| account.signed_in_at = Some(now)).await?;
                Ok((signed_in.id == account.id).then_some(signed_in))
            }
            None => Ok(None),
        }
    }

    async fn edit(&self, name: &str, mut edit: impl FnMut(&mut Account)) -> Result<Account, AccessError> {
        self.shelf
            .change(BOOK, |book| {
                let account = book.find(name)?;
                edit(account);
                let account = account.clone();
                book.checked()?;
                Ok(account)
            })
            .await
    }
}

/// As names are compared and kept.
pub(in crate::admin) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn checked_name(name: &str) -> Result<String, AccessError> {
    let name = folded(name);
    let is_fine = |letter: char| letter.is_alphanumeric() || "._-+@".contains(letter);
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_fine) {
        return Ok(name);
    }
    let message = format!(
        "{name:?} is no name for an account: use letters, digits and . _ - + @, at most {NAME_BYTES_MAX} bytes; \
         a mail address is fine"
    );
    Err(AccessError::Invalid { field: "name", message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::fake_store::FakeStore;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn accounts() -> Accounts {
        Accounts::new(Arc::new(FakeStore::default()))
    }

    fn password(text: &str) -> Password {
        Password::new(&format!("{text} is a long password")).unwrap()
    }

    #[tokio::test]
    async fn an_account_is_known_by_its_name_in_any_case_and_its_password() {
        let accounts = accounts();
        let ada = accounts.add_first(" Ada@Example.com ", &password("ada"), NOW).await.unwrap();
        assert_eq!((ada.name.as_str(), ada.role, ada.signed_in_at), ("ada@example.com", Role::Owner, None));
        let known = accounts.known("ADA@example.com", password("ada").as_str(), NOW).await.unwrap().unwrap();
        assert_eq!((known.id, known.signed_in_at), (ada.id, Some(NOW)));
        for (name, text) in [("ada@example.com", "ada"), ("bob", password("ada").as_str()), ("", "")] {
            assert_eq!(accounts.known(name, text, NOW).await.unwrap(), None);
        }
        accounts.set_password("ada@example.com", &password("new")).await.unwrap();
        assert_eq!(accounts.known("ada@example.com", password("ada").as_str(), NOW).await.unwrap(), None);
        assert!(accounts.known("ada@example.com", password("new").as_str(), NOW).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn there_is_always_an_owner_once_there_was_one() {
        let accounts = accounts();
        let early = accounts.add("eve", Role::Editor, &password("eve"), NOW).await;
        assert!(matches!(early, Err(AccessError::LastOwner)), "the first one is an owner");
        accounts.add_first("ada", &password("ada"), NOW).await.unwrap();
        assert!(matches!(accounts.add_first("bob", &password("bob"), NOW).await, Err(AccessError::SetUp)));
        accounts.add("bob", Role::Editor, &password("bob"), NOW).await.unwrap();
        assert!(matches!(accounts.remove("ada").await, Err(AccessError::LastOwner)));
        assert!(matches!(accounts.set_role("ada", Role::Editor).await, Err(AccessError::LastOwner)));
        accounts.set_role("bob", Role::Owner).await.unwrap();
        accounts.remove("ada").await.unwrap();
        let names: Vec<_> = accounts.list().await.unwrap().into_iter().map(|account| account.name).collect();
        assert_eq!(names, ["bob"]);
    }

    #[tokio::test]
    async fn names_are_unique_short_and_plain() {
        let accounts = accounts();
        accounts.add_first("ada", &password("ada"), NOW).await.unwrap();
        assert!(matches!(accounts.add("ADA", Role::Viewer, &password("x"), NOW).await, Err(AccessError::NameTaken(_))));
        for name in ["", " ", "a b", "a/b", "a\nb", "a\u{202e}b", &"a".repeat(65)] {
            let added = accounts.add(name, Role::Viewer, &password("x"), NOW).await;
            assert!(matches!(added, Err(AccessError::Invalid { field: "name", .. })), "{name:?}");
        }
        assert!(matches!(accounts.remove("bob").await, Err(AccessError::NoAccount(_))));
    }

    #[test]
    fn as_many_accounts_as_are_allowed_fit_into_a_record() {
        let account = Account {
            id: "0".repeat(12),
            name: "n".repeat(NAME_BYTES_MAX),
            role: Role::Viewer,
            password: "p".repeat(97),
            made_at: "2026-11-21T12:00:00.123456789Z".parse().unwrap(),
            signed_in_at: Some("2026-11-21T12:00:00.123456789Z".parse().unwrap()),
        };
        let bytes = serde_json::to_vec(&Book(vec![account; ACCOUNTS_MAX])).unwrap();
        assert!(crate::domain::record::RecordValue::new(bytes).is_some());
    }
}
