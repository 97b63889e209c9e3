//! What somebody says about a file that the file leaves open, as it was typed.
//!
//! It must never judge: what is wrong with it is found out when the file is read, and shown beside what was typed.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::admin::api::imports::Params;
use crate::admin::api::problem::Problem;
use crate::admin::waiting::Held;
use crate::admin::web::field::Field;
use crate::admin::web::form::PLATFORMS;
use crate::impressions::dialects::Role;
use crate::impressions::import::Upload;
use crate::impressions::mapping::Mapping;
use crate::impressions::reading::Sample;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::admin) struct Said {
    as_of: String,
    platform: String,
    account: String,
    period: String,
    dates: String,
    year: String,
    tz: String,
    currency: String,
    /// What each column holds, by its header; only those that hold something.
    pub(super) columns: Vec<(Role, String)>,
    /// The columns of a file that nobody knows, once it was looked at.
    pub(super) samples: Vec<Sample>,
    /// Whether it was typed rather than chosen, so that it can be typed over.
    pub(super) is_pasted: bool,
}

fn given(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Said {
    /// # Errors
    /// When no page of ours has such an input.
    pub(super) fn set(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let input = match name {
            "as_of" => &mut self.as_of,
            "platform" => &mut self.platform,
            "account" => &mut self.account,
            "period" => &mut self.period,
            "dates" => &mut self.dates,
            "year" => &mut self.year,
            "tz" => &mut self.tz,
            "currency" => &mut self.currency,
            _ => return Err(Problem::malformed("the form has an input that no page of ours has")),
        };
        *input = value;
        Ok(())
    }

    /// The inputs, for one file if `row` says which; `wrong` is the input to blame, and why.
    pub(super) fn inputs(&self, row: Option<usize>, wrong: Option<(&str, &str)>) -> Markup {
        let field = |name: &'static str, label| {
            let field = Field::new(name, label).wrong(wrong.filter(|(to, _)| *to == name).map(|(_, why)| why));
            row.map_or(field.clone(), |row| field.row(row))
        };
        let orders = [("", "As the file shows"), ("day-first", "31/12/2026"), ("month-first", "12/31/2026")];
        html! {
            div.inner {
                (field("as_of", "As of").example("now").hint("When the platform gave these numbers, such as 2026-11-21T12:00:00Z.").text(&self.as_of))
                (field("platform", "Platform").hint("Where the file does not show it.").suggested(&self.platform, &PLATFORMS))
                (field("account", "Account").hint("That the file is of, where it does not say.").text(&self.account))
                (field("period", "Period").example("lifetime").hint("Such as 2026-11-01..2026-11-30, where the file has no days.").text(&self.period))
                (field("dates", "Dates are written").named_choice(&self.dates, &orders))
                (field("year", "Year").hint("Of dates that have none.").text(&self.year))
                (field("tz", "Time zone").example("Europe/Stockholm").hint("In which the file's days begin.").text(&self.tz))
                (field("currency", "Currency").example("EUR").hint("Of money without one.").text(&self.currency))
            }
        }
    }
}

/// What is asked of the import desk.
///
/// # Errors
/// When something that was said cannot be meant; its input is named.
pub(super) fn upload(file: &Held<Said>, dry_run: bool) -> Result<Upload, Problem> {
    let said = &file.said;
    let year = |text: String| {
        let wrong = |_| Problem::invalid("year", format!("{text:?} is no year: write it like 2026"));
        text.parse::<i16>().map_err(wrong)
    };
    let params = Params {
        file_name: Some(file.name.clone()),
        as_of: given(&said.as_of),
        platform: given(&said.platform),
        account: given(&said.account),
        period: given(&said.period),
        dates: given(&said.dates),
        year: given(&said.year).map(year).transpose()?,
        tz: given(&said.tz),
        currency: given(&said.currency),
        ..Params::default()
    };
    let as_of = params.as_of()?;
    let mut options = params.options()?;
    if !said.columns.is_empty() {
        options.map = Some(Mapping::of(said.columns.iter().cloned()));
    }
    Ok(Upload { bytes: file.bytes.to_vec(), options, as_of, dry_run })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn file(pairs: &[(&str, &str)]) -> Held<Said> {
        let mut said = Said::default();
        for (name, value) in pairs {
            said.set(name, (*value).to_owned()).unwrap();
        }
        Held { name: "a.csv".to_owned(), bytes: Bytes::from_static(b"x"), said }
    }

    #[test]
    fn what_was_left_open_is_said_and_the_wrong_input_is_named() {
        let asked = upload(&file(&[("platform", " x "), ("year", "2026"), ("tz", "")]), true).unwrap();
        assert_eq!((asked.options.platform.as_deref(), asked.options.year), (Some("x"), Some(2026)));
        assert_eq!((asked.options.tz, asked.options.file_name.as_str()), (None, "a.csv"));
        for (name, value) in [("year", "last"), ("as_of", "soon"), ("dates", "x"), ("period", "november")] {
            assert_eq!(upload(&file(&[(name, value)]), true).unwrap_err().field(), Some(name));
        }
        assert!(Said::default().set("shoes", String::new()).is_err());
    }
}
