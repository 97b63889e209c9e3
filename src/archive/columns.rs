//! The columns of a click file: one table that the writer, the reader and every export follow.
//!
//! Adding, renaming or retyping a column changes `FORMAT`; files of an older format are never read with a guess.
//! `docs/click-files.md` tells users the same table.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::domain::click::{ClickOf, Look, Origin, Place};
use crate::domain::link::LinkFacts;

/// The version of this table, written into each click file as `waypost.format`.
pub(super) const FORMAT: &str = "3";

pub(super) const ID: &str = "id";
pub(super) const TIME: &str = "time";
pub(super) const LINK: &str = "link";
pub(super) const VERDICT: &str = "verdict";
pub(super) const VISITOR: &str = "visitor";

/// One column: its name, and where its cells come from.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) content: Content,
}

/// What a text column says of a click.
pub(super) type TextOf = for<'c> fn(&'c ClickOf<'_>) -> &'c str;

/// What a column holds. Empty text is stored as null.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// A UUID as its 36 characters.
    Id,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time,
    /// The number of the link.
    Link,
    /// Text that all clicks of one link share.
    LinkText(fn(&LinkFacts) -> &str),
    /// Text that all clicks of one look share.
    LookText(fn(&Look) -> &str),
    /// Text that all clicks of one origin share.
    OriginText(fn(&Origin) -> &str),
    /// Text that all clicks from one place share.
    PlaceText(fn(&Place) -> &str),
    /// Text of the click, few distinct values.
    Text(TextOf),
    /// Text of the click that hardly ever comes twice.
    RareText(TextOf),
    /// 64 bits as 16 hexadecimal digits: text, because spreadsheets and JavaScript round numbers of that size.
    Visitor,
    RulesVersion,
}

impl Content {
    fn data_type(self) -> DataType {
        match self {
            Self::Id | Self::Visitor | Self::RareText(_) => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::Link => DataType::UInt64,
            Self::LinkText(_) | Self::LookText(_) | Self::OriginText(_) | Self::PlaceText(_) | Self::Text(_) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Self::RulesVersion => DataType::UInt32,
        }
    }

    /// Whether it is text that several clicks mostly share.
    pub(super) fn is_shared_text(self) -> bool {
        matches!(self.data_type(), DataType::Dictionary(..))
    }

    fn nullable(self) -> bool {
        !matches!(self, Self::Id | Self::Time | Self::Link | Self::Visitor | Self::RulesVersion)
    }
}

const fn column(name: &'static str, content: Content) -> Column {
    Column { name, content }
}

const fn of_link(name: &'static str, text: fn(&LinkFacts) -> &str) -> Column {
    column(name, Content::LinkText(text))
}

const fn of_look(name: &'static str, text: fn(&Look) -> &str) -> Column {
    column(name, Content::LookText(text))
}

const fn of_origin(name: &'static str, text: fn(&Origin) -> &str) -> Column {
    column(name, Content::OriginText(text))
}

const fn of_place(name: &'static str, text: fn(&Place) -> &str) -> Column {
    column(name, Content::PlaceText(text))
}

const fn of_click(name: &'static str, text: TextOf) -> Column {
    column(name, Content::Text(text))
}

fn or_empty(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

/// Every column, in the order of files and exports.
pub(super) const COLUMNS: [Column; 42] = [
    column(ID, Content::Id),
    column(TIME, Content::Time),
    column(LINK, Content::Link),
    of_link("domain", |link| &link.domain),
    of_link("slug", |link| &link.slug),
    of_link("campaign", |link| or_empty(link.utm.campaign.as_ref())),
    of_link("medium", |link| or_empty(link.utm.medium.as_ref())),
    of_link("utm_source", |link| or_empty(link.utm.source.as_ref())),
    of_link("term", |link| or_empty(link.utm.term.as_ref())),
    of_link("content", |link| or_empty(link.utm.content.as_ref())),
    of_link("utm_id", |link| or_empty(link.utm.id.as_ref())),
    of_link("platform", |link| or_empty(link.platform.as_ref())),
    of_link("level", |link| link.level.as_str()),
    of_click(VERDICT, |click| click.verdict.as_str()),
    of_click("reason", |click| &click.reason),
    of_origin("source", |origin| &origin.source),
    of_origin("source_rule", |origin| &origin.source_rule),
    of_origin("channel", |origin| &origin.channel),
    of_origin("seen_on", |origin| &origin.seen_on),
    of_look("app", |look| &look.app),
    of_look("referrer_host", |look| &look.referrer_host),
    of_look("referrer_path", |look| &look.referrer_path),
    of_place("continent", |place| &place.continent),
    of_place("country", |place| &place.country),
    of_place("region", |place| &place.region),
    of_place("city", |place| &place.city),
    of_place("asn", |place| &place.asn),
    of_place("organisation", |place| &place.organisation),
    of_look("device", |look| look.device.as_str()),
    of_look("os", |look| &look.os),
    of_look("browser", |look| &look.browser),
    of_look("language", |look| &look.language),
    column(VISITOR, Content::Visitor),
    of_click("click_ids", |click| &click.click_ids),
    column("click_id_values", Content::RareText(|click| &click.click_id_values)),
    of_click("visitor_utm_source", |click| &click.visitor_utm_source),
    of_click("visitor_utm_medium", |click| &click.visitor_utm_medium),
    of_click("unfilled", |click| &click.unfilled),
    of_look("user_agent", |look| &look.user_agent),
    of_look("purpose", |look| &look.purpose),
    of_look("hints", |look| &look.hints),
    column("rules_version", Content::RulesVersion),
];

/// The columns of [`Content::Text`], in their order.
pub(super) const TEXTS: [TextOf; 6] = texts(false);

/// The columns of [`Content::RareText`], in their order.
pub(super) const RARE_TEXTS: [TextOf; 1] = texts(true);

const fn texts<const COUNT: usize>(are_rare: bool) -> [TextOf; COUNT] {
    let mut texts: [TextOf; COUNT] = [|_| ""; COUNT];
    let (mut place, mut found) = (0, 0);
    while place < COLUMNS.len() {
        if let (Content::Text(text), false) | (Content::RareText(text), true) = (COLUMNS[place].content, are_rare) {
            texts[found] = text;
            found += 1;
        }
        place += 1;
    }
    assert!(found == COUNT, "the list has one for each such column");
    texts
}

/// The Arrow schema of [`COLUMNS`]: what pending clicks and click files are read into.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |column: &Column| Field::new(column.name, column.content.data_type(), column.content.nullable());
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
});
