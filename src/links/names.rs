//! A short, growing list of names: the domains and platforms that links use.

use std::sync::{PoisonError, RwLock};

#[derive(Default)]
pub(super) struct Names(RwLock<Vec<Box<str>>>);

impl Names {
    /// The most names; links beyond it share the last one, which no honest installation comes near.
    const MAX: usize = u16::MAX as usize - 1;

    pub(super) fn index_of(&self, name: &str) -> u16 {
        let find = |names: &[Box<str>]| names.iter().position(|known| &**known == name);
        let known = find(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let index = known.unwrap_or_else(|| {
            let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
            find(&names).unwrap_or_else(|| {
                if names.len() < Self::MAX {
                    names.push(name.into());
                }
                names.len() - 1
            })
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    pub(super) fn name(&self, index: u16) -> String {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(usize::from(index)).map(|name| name.to_string()).unwrap_or_default()
    }
}
