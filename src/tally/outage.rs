//! What an operator hears while counting waits: each cause once, however often it is tried, and that it goes on.
//!
//! It must never keep a cause to itself because another one came before it: a wrong password is often preceded by a lost
//! connection.

use super::worker::Trouble;

/// Causes of one outage that are told. More of them are one cause in many words.
const CAUSES_MAX: usize = 8;

/// What was told since counting last went on.
#[derive(Default)]
pub(super) struct Outage {
    told: Vec<String>,
}

impl Outage {
    /// A try failed.
    pub(super) fn failed(&mut self, trouble: &Trouble) {
        let cause = trouble.to_string();
        if !self.is_news(cause) {
            return;
        }
        tracing::warn!(error = %trouble, "counting waits; redirects go on and the journal keeps the hits");
    }

    /// A whole round went well.
    pub(super) fn over(&mut self) {
        if !self.told.is_empty() {
            self.told.clear();
            tracing::info!("counting goes on");
        }
    }

    fn is_news(&mut self, cause: String) -> bool {
        let is_news = self.told.len() < CAUSES_MAX && !self.told.contains(&cause);
        if is_news {
            self.told.push(cause);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_an_outage_is_told_once_and_again_in_the_next_one() {
        let mut outage = Outage::default();
        let mut told =
            |causes: &[&str]| causes.iter().map(|cause| outage.is_news((*cause).to_owned())).collect::<Vec<_>>();
        assert_eq!(told(&["cut", "cut", "password", "cut", "password"]), [true, false, true, false, false]);
        outage.over();
        assert!(outage.is_news("password".to_owned()));
    }

    #[test]
    fn a_cause_that_is_worded_anew_each_time_does_not_fill_the_log() {
        let mut outage = Outage::default();
        let told = (0..1_000).filter(|number| outage.is_news(format!("try {number}"))).count();
        assert_eq!(told, CAUSES_MAX);
    }
}
