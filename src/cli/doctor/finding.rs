//! One thing that was looked at, and how it was found.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

impl Grade {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) grade: Grade,
    /// What was looked at, in two words.
    pub(super) what: &'static str,
    /// Why it is graded so, and what to do if it is not well.
    pub(super) why: String,
}

impl Finding {
    pub(super) fn ok(what: &'static str, why: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, what, why: why.into() }
    }

    pub(super) fn warn(what: &'static str, why: impl Into<String>) -> Self {
        Self { grade: Grade::Warn, what, why: why.into() }
    }

    pub(super) fn fail(what: &'static str, why: impl Into<String>) -> Self {
        Self { grade: Grade::Fail, what, why: why.into() }
    }
}
