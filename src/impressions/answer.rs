//! What the reading child says to the server: a refusal, or frames (`frames`), so that neither holds the answer twice.
//!
//! It must never be kept: both ends are the same program, and the next one may say it otherwise. What is kept is
//! written by `body`.

use std::io::{self, Write};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::impressions::frames::{self, Cover, FRAMES_BYTES_MAX, Frame, Frames};
use crate::impressions::reading::{Contents, PlatformFile, Refusal};

/// What opens an answer: everything but the files of its tables, and their cover. Their frames follow.
type Head = Result<(Contents, Cover), Refusal>;

/// Writes an answer.
pub(super) fn write(answer: Result<Contents, Refusal>, to: &mut impl Write) -> io::Result<()> {
    let mut contents = match answer {
        Ok(contents) => contents,
        Err(refusal) => return frames::write_frame(&Head::Err(refusal), to),
    };
    let files: Vec<PlatformFile> = contents.tables.iter_mut().map(|table| std::mem::take(&mut table.file)).collect();
    frames::write(|cover| Head::Ok((contents, cover)), files.iter(), to)
}

/// Reads an answer.
///
/// # Errors
/// When it is cut off, larger than its bounds, or none.
pub(super) async fn read(from: impl AsyncRead + Unpin) -> io::Result<Result<Contents, Refusal>> {
    let mut frames = Frames::new(from, FRAMES_BYTES_MAX);
    hear(&mut frames).await?;
    let (mut contents, mut cover) = match frames.frame::<Head>()? {
        Ok(told) => told,
        Err(refusal) => return Ok(Err(refusal)),
    };
    cover.reserve();
    loop {
        hear(&mut frames).await?;
        if !cover.take(frames.frame::<Frame<'static>>()?)? {
            break;
        }
    }
    for (table, file) in contents.tables.iter_mut().zip(cover.into_files()) {
        table.file = file;
    }
    Ok(Ok(contents))
}

/// Waits for the next frame.
async fn hear(frames: &mut Frames<impl AsyncRead + Unpin>) -> io::Result<()> {
    let length = frames.from.read_u32_le().await?;
    let (from, room) = frames.room(length)?;
    from.read_exact(room).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::impression::Kind;
    use crate::domain::metric::{Clicks, Metric, Shown};
    use crate::impressions::frames::{POSTS_PER_FRAME, READINGS_PER_FRAME};
    use crate::impressions::reading::{Grain, PlatformPost, Reading, Table};

    async fn read_back(answer: Result<Contents, Refusal>) -> io::Result<Result<Contents, Refusal>> {
        let mut said = Vec::new();
        write(answer, &mut said).unwrap();
        read(&said[..]).await
    }

    /// Every metric there is.
    fn metrics() -> Vec<Metric> {
        let impressions = Kind::ALL.into_iter().map(Metric::Impressions);
        let clicks = Clicks::ALL.into_iter().map(Metric::Clicks);
        let shown = Shown::ALL.into_iter().map(Metric::Shown);
        impressions.chain(clicks).chain(shown).chain([Metric::Spend]).collect()
    }

    fn contents() -> Contents {
        let (from, to) = (date(2026, 11, 1), date(2026, 11, 30));
        let grains = [Grain::Lifetime, Grain::Day(from), Grain::Period(from, to)];
        let reading = |(metric, grain)| Reading { post: 1, slice: 0, metric, grain, value: 7 };
        let readings = metrics().into_iter().flat_map(|metric| grains.map(|grain| (metric, grain))).map(reading);
        let posts = vec![PlatformPost { text: "a".repeat(100), ..PlatformPost::default() }; POSTS_PER_FRAME + 1];
        let readings = readings.cycle().take(READINGS_PER_FRAME + 1).collect();
        let file = PlatformFile { posts, readings, ..PlatformFile::default() };
        let named = |name: &str| Table { name: name.to_owned(), file: file.clone(), ..Table::default() };
        Contents { tables: vec![named("a"), Table::default(), named("b")], passed_over: Vec::new() }
    }

    #[tokio::test]
    async fn an_answer_is_read_back_as_it_was_written() {
        assert!(read_back(Ok(contents())).await.unwrap() == Ok(contents()));
        let refusal = Refusal::from("no".to_owned());
        assert_eq!(read_back(Err(refusal.clone())).await.unwrap(), Err(refusal));
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_out_of_order_or_too_large_is_none() {
        let mut said = Vec::new();
        write(Ok(Contents::default()), &mut said).unwrap();
        assert!(read(&said[..said.len() - 1]).await.is_err());
        assert!(read(&[said.clone(), said].concat()[5..]).await.is_err());
        assert!(read(&u32::MAX.to_le_bytes()[..]).await.unwrap_err().to_string().contains("too large"));
    }
}
