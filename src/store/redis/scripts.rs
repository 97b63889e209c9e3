//! The scripts that run inside Redis. Each is one atomic step; none may write before it has checked what it depends on.

use std::sync::LazyLock;

use redis::Script;

/// The text of a script, and its hash.
pub(super) type Text = LazyLock<(&'static str, Script)>;

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(super) static $name: Text = LazyLock::new(|| {
            let text = concat!($(include_str!(concat!("scripts/", $file))),+);
            (text, Script::new(text))
        });
    };
}

script!(BEGIN, "begin.lua");
script!(APPLY, "add.lua", "apply.lua");
script!(REPLACE_DAY, "add.lua", "replace_day.lua");
script!(REMOVE_POSITION, "remove_position.lua");
script!(CREATE_LINKS, "create_links.lua");
script!(REPLACE_LINK, "replace_link.lua");
script!(REMOVE_LINK, "remove_link.lua");
script!(SALT, "salt.lua");
script!(MISSES, "misses.lua");
script!(WRITE_BODY, "write_body.lua");
script!(COMMIT_IMPORT, "commit_import.lua");
script!(UNDO_IMPORT, "undo_import.lua");
script!(PUT_RECORD, "put_record.lua");
script!(REMOVE_RECORD, "remove_record.lua");
