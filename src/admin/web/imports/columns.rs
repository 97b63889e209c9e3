//! Columns of a file that nobody knows: somebody says what each holds.

use maud::{Markup, html};

use super::Said;
use crate::admin::api::problem::Problem;
use crate::impressions::dialects::Role;

/// What columns mostly hold, in the words of people; anything else is behind them.
const USUAL: [(&str, &str); 22] = [
    ("post", "Post: permalink or id"),
    ("link", "Link of yours: slug or short URL"),
    ("date", "Day"),
    ("from", "First day"),
    ("to", "Last day"),
    ("published", "When it was published"),
    ("impressions", "Impressions"),
    ("views", "Views"),
    ("reach", "Reach"),
    ("profile_visits", "Profile visits"),
    ("story_views", "Story views"),
    ("delivered", "Delivered mails"),
    ("clicks_link", "Link clicks"),
    ("clicks_all", "Clicks of every kind"),
    ("spend", "Money spent"),
    ("currency", "Currency"),
    ("platform", "Platform"),
    ("account", "Account"),
    ("text", "Text or title"),
    ("campaign", "Campaign"),
    ("ad_set", "Ad set"),
    ("ad", "Ad"),
];
const OTHERS: [&str; 26] = [
    "id",
    "permalink",
    "format",
    "other_id",
    "url",
    "url_parameters",
    "period",
    "as_of",
    "ctr_percent",
    "ctr",
    "clicks_outbound",
    "clicks_destination",
    "clicks_profile",
    "unique_clicks_all",
    "unique_clicks_link",
    "sent",
    "opens",
    "engagements",
    "conversions",
    "landing_page_views",
    "slice.age",
    "slice.gender",
    "slice.country",
    "slice.device",
    "slice.placement",
    "slice.platform",
];

/// Pairs of inputs, a header and what its column holds, as a form sends them.
#[derive(Default)]
pub(super) struct Mapped {
    headers: Vec<String>,
    holds: Vec<String>,
}

impl Mapped {
    pub(super) fn read(&mut self, name: &str, value: String) {
        if name == "header" { self.headers.push(value) } else { self.holds.push(value) }
    }

    /// Those that hold something.
    ///
    /// # Errors
    /// When a column is said to hold what no column holds.
    pub(super) fn columns(self) -> Result<Vec<(Role, String)>, Problem> {
        let said = self.headers.into_iter().zip(self.holds).filter(|(_, holds)| !holds.is_empty());
        let column = |(header, holds): (String, String)| {
            let unknown = || Problem::malformed("the form has a kind of column that no page of ours has");
            Ok((Role::parse(&holds).ok_or_else(unknown)?, header))
        };
        said.map(column).collect()
    }
}

/// A row for each column: its header, what stands in it, and a choice.
pub(super) fn inputs(said: &Said) -> Markup {
    html! {
        div.scroll {
            table.columns-of {
                caption.unseen { "Columns of the file" }
                thead { tr { th scope="col" { "Column" } th.roomy scope="col" { "For example" } th scope="col" { "Holds" } } }
                tbody {
                    @for (at, sample) in said.samples.iter().enumerate() {
                        tr {
                            th scope="row" { (sample.header) }
                            td.roomy.soft { (sample.cells.join(", ")) }
                            td {
                                input type="hidden" name="header" value=(sample.header);
                                (choice(at, &sample.header, &held(said, &sample.header)))
                            }
                        }
                    }
                }
            }
        }
        p.hint { "Needed are a post or a link, a day (or a period below), and something that clicks can be divided by. Files with these columns are read this way from then on." }
    }
}

fn held(said: &Said, header: &str) -> String {
    let column = said.columns.iter().find(|(_, of)| of == header);
    column.map(|(role, _)| role.word()).unwrap_or_default()
}

fn choice(at: usize, header: &str, held: &str) -> Markup {
    html! {
        select id={ "holds-" (at) } name="holds" aria-label={ "What " (header) " holds" } {
            option value="" { "—" }
            @for (word, called) in USUAL { option value=(word) selected[word == held] { (called) } }
            optgroup label="More" {
                @for word in OTHERS { option value=(word) selected[word == held] { (word) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_offered_is_a_role() {
        let offered = USUAL.iter().map(|(word, _)| *word).chain(OTHERS);
        for word in offered {
            assert_eq!(Role::parse(word).map(Role::word).as_deref(), Some(word));
        }
    }

    #[test]
    fn columns_that_hold_nothing_are_left_out() {
        let mut mapped = Mapped::default();
        for (header, holds) in [("URL", "post"), ("Likes", ""), ("Day", "date")] {
            mapped.read("header", header.to_owned());
            mapped.read("holds", holds.to_owned());
        }
        let columns: Vec<_> =
            mapped.columns().unwrap().into_iter().map(|(role, header)| (role.word(), header)).collect();
        assert_eq!(columns, [("post".to_owned(), "URL".to_owned()), ("date".to_owned(), "Day".to_owned())]);
        let mut wrong = Mapped::default();
        wrong.read("header", "a".to_owned());
        wrong.read("holds", "shoes".to_owned());
        assert!(wrong.columns().is_err());
    }
}
