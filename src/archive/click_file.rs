//! One click file: its name, its encoding, and how it gets onto the disk whole or not at all.
//!
//! It must never be seen half-written: it is written beside the day folders, synced, and then renamed into place.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::ArchiveError;
use super::checksum::Checksummed;
use super::columns::{COLUMNS, Content, FORMAT, SCHEMA};
use super::row_group::RowGroup;
use crate::domain::position::{Incarnation, Position};

pub(super) const FORMAT_KEY: &str = "waypost.format";
const INCARNATION_KEY: &str = "waypost.incarnation";
const FROM_KEY: &str = "waypost.from";

const DAY_PREFIX: &str = "day=";
const SUFFIX: &str = ".parquet";
const UNFINISHED_SUFFIX: &str = ".parquet.tmp";

/// Rows of one row group: the most that a writer buffers and the unit a reader can leave out.
pub(super) const ROW_GROUP_ROWS: usize = 32_768;

/// Zstandard's level 1 costs a third of level 3's time for some per cent more bytes.
const ZSTD_LEVEL: i32 = 1;

/// The archive's folders hold what visitors sent, so nobody but the owner and the group gets in.
const ROOT_MODE: u32 = 0o700;
const DAY_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// The name of a click file says where in which journal its first click stands, so a retry has the same name.
#[derive(Clone, Copy)]
pub(super) struct FileName {
    pub(super) day: Date,
    pub(super) incarnation: Incarnation,
    pub(super) from: Position,
}

impl FileName {
    fn stem(self) -> String {
        format!("{}-{:020}", self.incarnation, self.from.0)
    }

    fn folder(self, root: &Path) -> PathBuf {
        root.join(day_folder(self.day))
    }

    /// Beside the day folders and hidden, so that no engine takes it for a click file.
    fn unfinished(self, root: &Path) -> PathBuf {
        root.join(format!(".{}-{}{UNFINISHED_SUFFIX}", self.day, self.stem()))
    }

    fn path(self, root: &Path) -> PathBuf {
        self.folder(root).join(format!("{}{SUFFIX}", self.stem()))
    }

    fn metadata(self) -> Vec<KeyValue> {
        let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        vec![
            pair(FORMAT_KEY, FORMAT.to_owned()),
            pair(INCARNATION_KEY, self.incarnation.to_string()),
            pair(FROM_KEY, self.from.to_string()),
        ]
    }
}

/// Writes the rows that `row_groups` yields, durably: when this returns, a power cut does not take the file away,
/// except that the entry of a new day folder needs [`sync_folder`] of the root.
pub(super) fn write(
    root: &Path,
    name: FileName,
    row_groups: impl Iterator<Item = Result<RowGroup, ArchiveError>>,
) -> Result<(), ArchiveError> {
    let unfinished = name.unfinished(root);
    let written = write_unfinished(&unfinished, name, row_groups).and_then(|()| put_in_place(root, name, &unfinished));
    if written.is_err() {
        // Best effort: what stays behind goes when the archive is opened next.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_unfinished(
    path: &Path,
    name: FileName,
    row_groups: impl Iterator<Item = Result<RowGroup, ArchiveError>>,
) -> Result<(), ArchiveError> {
    let io = |cause| ArchiveError::io("write", path, cause);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path).map_err(io)?;
    let file = encode(path, file, name, row_groups)?.finish().map_err(io)?;
    file.sync_all().map_err(io)
}

fn encode(
    path: &Path,
    file: File,
    name: FileName,
    row_groups: impl Iterator<Item = Result<RowGroup, ArchiveError>>,
) -> Result<Checksummed<File>, ArchiveError> {
    let failed = |cause| ArchiveError::Encode { path: path.to_owned(), cause };
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?;
    let properties = properties().map_err(failed)?.set_key_value_metadata(Some(name.metadata()));
    let writer = writer(Checksummed::new(file), without_texts(properties)).map_err(failed)?;
    let (mut writer, column_writers) = writer.into_serialized_writer().map_err(failed)?;
    for rows in row_groups {
        rows?.write(&mut writer, &column_writers, level).map_err(failed)?;
    }
    // Whatever is written from here on is the footer.
    writer.flush().map_err(|cause| ArchiveError::io("write", path, cause))?;
    for (key, value) in writer.inner_mut().end_data() {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    writer.into_inner().map_err(failed)
}

fn put_in_place(root: &Path, name: FileName, unfinished: &Path) -> Result<(), ArchiveError> {
    let folder = name.folder(root);
    create_folder(&folder, DAY_MODE)?;
    let path = name.path(root);
    fs::rename(unfinished, &path).map_err(|cause| ArchiveError::io("name", &path, cause))?;
    sync_folder(&folder)
}

/// A Parquet writer for [`COLUMNS`]. Given batches, it buffers one row group; a click file is given [`RowGroup`]s.
pub(super) fn writer<W: Write + Send>(
    out: W,
    properties: WriterPropertiesBuilder,
) -> Result<ArrowWriter<W>, ParquetError> {
    // Without Arrow's own copy of the schema every engine sees plain strings, and a small file stays small.
    let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(out, SCHEMA.clone(), options)
}

/// Row groups encode and compress columns of texts themselves. Writers are made for these, too, and each would make a
/// compressor and a decompressor that nobody uses: 200 KB of memory to be fetched for every column of every row group.
fn without_texts(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let are_texts = COLUMNS.iter().filter(|column| column.content.is_shared_text());
    are_texts.fold(properties, |properties, column| {
        properties.set_column_compression(ColumnPath::from(column.name), Compression::UNCOMPRESSED)
    })
}

/// How columns are written.
pub(super) fn properties() -> Result<WriterPropertiesBuilder, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true);
    for column in &COLUMNS {
        let path = ColumnPath::from(column.name);
        builder = match column.content {
            // Neighbours share their first half, which is time.
            Content::Id => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
            Content::Time => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            Content::Link => builder.set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            Content::Visitor | Content::RareText(_) => builder.set_column_dictionary_enabled(path, false),
            Content::LinkText(_)
            | Content::LookText(_)
            | Content::OriginText(_)
            | Content::PlaceText(_)
            | Content::Text(_)
            | Content::RulesVersion => builder,
        };
    }
    Ok(builder)
}

/// Creates the root, keeps it private, and removes what a killed process left half-written.
pub(super) fn prepare_root(root: &Path) -> Result<(), ArchiveError> {
    if !root.is_dir() {
        create_folder(root, ROOT_MODE)?;
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new(".")))?;
    }
    let is_unfinished = |path: &PathBuf| name_of(path).is_some_and(|name| name.ends_with(UNFINISHED_SUFFIX));
    for path in entries(root)?.into_iter().filter(is_unfinished) {
        fs::remove_file(&path).map_err(|cause| ArchiveError::io("remove", &path, cause))?;
    }
    Ok(())
}

/// The click files below `root` of `days`, by day and name. A pipe or a folder of such a name is not a file and would
/// block.
pub(super) fn list(root: &Path, days: &RangeInclusive<Date>) -> Result<Vec<(Date, String)>, ArchiveError> {
    let mut files = Vec::new();
    for folder in entries(root)? {
        let Some(day) = name_of(&folder).and_then(day_of_folder).filter(|day| days.contains(day)) else { continue };
        let found = match entries(&folder) {
            Ok(found) => found,
            // Its last file has just moved to the bucket, or somebody tidied up.
            Err(ArchiveError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let names = found.iter().filter(|path| path.is_file()).filter_map(|path| name_of(path));
        files.extend(names.filter(|name| is_click_file_name(name)).map(|name| (day, name.to_owned())));
    }
    files.sort();
    Ok(files)
}

/// Where the file `name` of `day` is.
pub(super) fn path(root: &Path, day: Date, name: &str) -> PathBuf {
    root.join(day_folder(day)).join(name)
}

/// Removes `files`; durably, or a power cut brings them back beside the files that are written in their stead.
pub(super) fn remove(root: &Path, files: &[(Date, String)]) -> Result<(), ArchiveError> {
    for of_one_day in files.chunk_by(|one, next| one.0 == next.0) {
        for (day, name) in of_one_day {
            let path = path(root, *day, name);
            fs::remove_file(&path).map_err(|cause| ArchiveError::io("remove", &path, cause))?;
        }
        sync_folder(&root.join(day_folder(of_one_day[0].0)))?;
    }
    Ok(())
}

impl FileName {
    /// Reads the name of a file of `day`; `None` if it is none of ours.
    pub(super) fn parse(day: Date, name: &str) -> Option<Self> {
        let stem = name.strip_suffix(SUFFIX)?;
        let (of, begins) = stem.split_once('-')?;
        let (incarnation, from) = (Incarnation::parse(of)?, Position(begins.parse().ok()?));
        let name = Self { day, incarnation, from };
        (name.stem() == stem).then_some(name)
    }
}

/// The name of the folder of a day.
pub(super) fn day_folder(day: Date) -> String {
    format!("{DAY_PREFIX}{day}")
}

/// The day whose folder has this name.
pub(super) fn day_of_folder(name: &str) -> Option<Date> {
    name.strip_prefix(DAY_PREFIX)?.parse().ok()
}

pub(super) fn is_click_file_name(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let list = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    list().map_err(|cause| ArchiveError::io("list", folder, cause))
}

fn create_folder(folder: &Path, mode: u32) -> Result<(), ArchiveError> {
    let created = DirBuilder::new().recursive(true).mode(mode).create(folder);
    created.map_err(|cause| ArchiveError::io("create", folder, cause))
}

/// Makes the names in `folder` survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ArchiveError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|cause| ArchiveError::io("sync", folder, cause))
}
