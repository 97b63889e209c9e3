//! One input with its label, its hint, and what is wrong with it; what every form is made of.
//!
//! It must never lose what was typed: a refused form is drawn with the values that were sent.

use maud::{Markup, PreEscaped, html};

use super::text::sentence;

/// An input. In a form with rows of the same inputs, `row` tells their ids apart; their names are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Field<'a> {
    name: &'static str,
    label: &'a str,
    row: Option<usize>,
    wrong: Option<&'a str>,
    hint: Option<&'a str>,
    example: &'a str,
    is_wide: bool,
    is_focused: bool,
}

impl<'a> Field<'a> {
    pub(super) fn new(name: &'static str, label: &'a str) -> Self {
        Self { name, label, ..Self::default() }
    }

    pub(super) fn row(self, row: usize) -> Self {
        Self { row: Some(row), ..self }
    }

    /// The first wrong input of a form takes the focus: draw it `focused`.
    pub(super) fn wrong(self, wrong: Option<&'a str>) -> Self {
        Self { wrong, is_focused: wrong.is_some(), ..self }
    }

    pub(super) fn wide(self) -> Self {
        Self { is_wide: true, ..self }
    }

    pub(super) fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    pub(super) fn example(self, example: &'a str) -> Self {
        Self { example, ..self }
    }

    pub(super) fn text(&self, value: &str) -> Markup {
        self.around(&html! {
            input id=(self.id()) name=(self.name) value=(value) placeholder=[self.placeholder()] autocomplete="off"
                spellcheck="false" autocapitalize="off" aria-invalid=[self.invalid()] aria-describedby=[self.described()]
                autofocus[self.is_focused];
        })
    }

    /// An input of a kind that browsers help with: `date`, `number`, `url`.
    pub(super) fn typed(&self, kind: &str, value: &str) -> Markup {
        self.around(&html! {
            input id=(self.id()) name=(self.name) type=(kind) value=(value) placeholder=[self.placeholder()]
                autocomplete="off" aria-invalid=[self.invalid()] aria-describedby=[self.described()]
                autofocus[self.is_focused];
        })
    }

    /// Any text; `options` are offered.
    pub(super) fn suggested(&self, value: &str, options: &[&str]) -> Markup {
        let list = format!("{}-names", self.id());
        let datalist = html! { datalist id=(list) { @for option in options { option value=(option) {} } } };
        self.listed(value, &list, &datalist)
    }

    /// Any text; what the datalist with this id holds is offered.
    pub(super) fn offered(&self, value: &str, list: &str) -> Markup {
        self.listed(value, list, &PreEscaped(String::new()))
    }

    fn listed(&self, value: &str, list: &str, datalist: &Markup) -> Markup {
        self.around(&html! {
            input id=(self.id()) name=(self.name) value=(value) list=(list) placeholder=[self.placeholder()]
                autocomplete="off" spellcheck="false" autocapitalize="off" aria-invalid=[self.invalid()]
                aria-describedby=[self.described()] autofocus[self.is_focused];
            (datalist)
        })
    }

    pub(super) fn lines(&self, value: &str) -> Markup {
        self.around(&html! {
            textarea id=(self.id()) name=(self.name) rows=(value.lines().count().clamp(2, 8)) spellcheck="false"
                autocapitalize="off" placeholder=[self.placeholder()] aria-invalid=[self.invalid()]
                aria-describedby=[self.described()] autofocus[self.is_focused] {
                // A line break right after the tag is dropped by browsers; one of the value's own is not.
                "\n" (value)
            }
        })
    }

    pub(super) fn choice(&self, value: &str, options: &[&str]) -> Markup {
        let options: Vec<_> = options.iter().map(|option| (*option, *option)).collect();
        self.named_choice(value, &options)
    }

    /// Each option with what it is called.
    pub(super) fn named_choice(&self, value: &str, options: &[(&str, &str)]) -> Markup {
        self.around(&html! {
            select id=(self.id()) name=(self.name) aria-invalid=[self.invalid()] aria-describedby=[self.described()]
                autofocus[self.is_focused] {
                @for (option, called) in options { option value=(option) selected[*option == value] { (called) } }
            }
        })
    }

    pub(super) fn around(&self, input: &Markup) -> Markup {
        let id = self.id();
        html! {
            div.field.wide[self.is_wide] {
                label for=(id) { (self.label) }
                (input)
                @if let Some(wrong) = self.wrong { p.wrong id={ (id) "-wrong" } { (sentence(wrong)) } }
                @if let Some(hint) = self.hint { p.hint id={ (id) "-hint" } { (hint) } }
            }
        }
    }

    pub(super) fn id(&self) -> String {
        id(self.name, self.row)
    }

    fn placeholder(&self) -> Option<&str> {
        (!self.example.is_empty()).then_some(self.example)
    }

    pub(super) fn invalid(&self) -> Option<&'static str> {
        self.wrong.map(|_| "true")
    }

    pub(super) fn described(&self) -> Option<String> {
        let id = self.id();
        let parts = [self.wrong.map(|_| format!("{id}-wrong")), self.hint.map(|_| format!("{id}-hint"))];
        let ids: Vec<String> = parts.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// The id of an input; where an error in a summary leads.
pub(super) fn id(name: &str, row: Option<usize>) -> String {
    row.map_or_else(|| name.to_owned(), |row| format!("{name}-{row}"))
}
