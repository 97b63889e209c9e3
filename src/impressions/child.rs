//! Uploads are parsed in a child process that can take neither memory nor time nor files: a small file can ask a
//! parser for a hundred gigabytes. The server runs its own program with a hidden subcommand.
//!
//! The child must never open a file or a socket; the parent must never wait without a deadline, nor believe that
//! the answer is small.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::impressions::answer;
use crate::impressions::container::FILE_BYTES_MAX;
use crate::impressions::options::Options;
use crate::impressions::read::read;
use crate::impressions::reading::{Contents, Refusal};

/// The hidden subcommand: standard input is the file, standard output one JSON document.
pub(crate) const SUBCOMMAND: &str = "parse-impressions";

/// The child's variables: what is said about the file, as JSON, and how long it is, so that its memory is asked for
/// once.
const OPTIONS_VARIABLE: &str = "WAYPOST_OPTIONS";
const BYTES_VARIABLE: &str = "WAYPOST_FILE_BYTES";
/// The allocator would reserve a gigabyte of addresses ahead, which the child's limit does not have: whether the rest
/// sufficed was then a matter of chance.
const ALLOCATOR_VARIABLE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");

/// Children at once; further uploads wait.
const CHILDREN_MAX: usize = 2;
/// How long one upload may wait and be parsed.
const DEADLINE: Duration = Duration::from_secs(35);
/// How much of what a dying child says is kept for the log.
const LAST_WORDS_BYTES_MAX: u64 = 2048;

/// What the child lowers for itself before it reads a byte.
const LIMITS: [(Resource, u64); 5] = [
    (Resource::As, 768 << 20),
    (Resource::Cpu, 30),
    (Resource::Fsize, 0),
    (Resource::Core, 0),
    // Standard input, output and error are open already; nothing else can be opened.
    (Resource::Nofile, 3),
];

/// Why there is no parsed file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    /// The file itself or rows of it are wrong, or it is not read as it is, with advice.
    #[error("{}", .0.message)]
    NotRead(Refusal),
    #[error("other files are being read; try again in a minute")]
    Busy,
    #[error("the file takes longer than {} seconds to read", DEADLINE.as_secs())]
    TooSlow,
    #[error("reading the file failed, because it asks for too much memory or time, or is damaged ({0})")]
    Died(String),
    #[error("the program that reads files cannot be run: {0}")]
    Start(std::io::Error),
}

/// Runs children, at most [`CHILDREN_MAX`] at once. Clones share that bound.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    program: PathBuf,
    arguments: Vec<OsString>,
    deadline: Duration,
    children: Arc<Semaphore>,
}

impl Parser {
    /// Parses with this very program.
    pub(crate) fn new() -> Self {
        Self::of(own_program(), vec![SUBCOMMAND.into()], DEADLINE)
    }

    fn of(program: PathBuf, arguments: Vec<OsString>, deadline: Duration) -> Self {
        Self { program, arguments, deadline, children: Arc::new(Semaphore::new(CHILDREN_MAX)) }
    }

    /// Reads a file in a child process.
    ///
    /// # Errors
    /// When the file is refused, or the child could not answer in time and within its limits.
    pub(crate) async fn read(&self, file: Vec<u8>, options: &Options) -> Result<Contents, ParseError> {
        let waited = tokio::time::timeout(self.deadline, self.children.acquire()).await;
        let _turn = waited.ok().and_then(Result::ok).ok_or(ParseError::Busy)?;
        let said = serde_json::to_string(options).map_err(|error| ParseError::Died(error.to_string()))?;
        let mut command = self.command();
        command.env(OPTIONS_VARIABLE, said).env(BYTES_VARIABLE, file.len().to_string());
        let child = command.spawn().map_err(ParseError::Start)?;
        // Dropping the child when the deadline passes kills it.
        let told = tokio::time::timeout(self.deadline, hear(child, file)).await;
        told.map_err(|_| ParseError::TooSlow)??.map_err(ParseError::NotRead)
    }

    /// Without the server's environment, which may hold secrets, and outside of its folder.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().current_dir("/").kill_on_drop(true);
        command.env(ALLOCATOR_VARIABLE.0, ALLOCATOR_VARIABLE.1);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The program that runs now, even when an upgrade has replaced its file in the meantime.
fn own_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { running } else { std::env::current_exe().unwrap_or(running) }
}

/// Gives the child the file and reads its answer as it comes.
async fn hear(mut child: Child, file: Vec<u8>) -> Result<Result<Contents, Refusal>, ParseError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let give = async move {
        if let Some(mut stdin) = stdin {
            // A child that has seen enough closes its end; its answer says why.
            let _ = stdin.write_all(&file).await;
            let _ = stdin.shutdown().await;
        }
        // Its answer is as large again.
        drop(file);
    };
    let hear = async {
        match stdout {
            Some(stdout) => answer::read(tokio::io::BufReader::with_capacity(1 << 16, stdout)).await,
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    };
    let ((), told, last_words) = tokio::join!(give, hear, take(stderr, LAST_WORDS_BYTES_MAX));
    let died = |error: std::io::Error| ParseError::Died(error.to_string());
    let unreadable = |error| ParseError::Died(format!("its answer cannot be read: {error}"));
    let told = match told {
        // It has ended in the middle of its answer, and how says why.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(error),
        // One whose answer is nonsense may never end by itself.
        Err(error) => {
            let _ = child.start_kill();
            return Err(unreadable(error));
        }
        Ok(told) => Ok(told),
    };
    let (status, last_words) = (child.wait().await.map_err(died)?, last_words.map_err(died)?);
    if status.success() { told.map_err(unreadable) } else { Err(ParseError::Died(cause(status, &last_words))) }
}

async fn take(from: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(bytes_max).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn cause(status: ExitStatus, last_words: &[u8]) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("ended by signal {signal}"),
        (None, code) => format!("exit code {}", code.unwrap_or(-1)),
    };
    let text = String::from_utf8_lossy(last_words);
    let line: String = text.lines().next().unwrap_or("").chars().filter(|c| !c.is_control()).take(200).collect();
    if line.is_empty() { how } else { format!("{how}: {line}") }
}

/// The child's whole life. It must be called before the process starts a thread or opens a file.
pub(crate) fn parse_child_main() -> ExitCode {
    match limit().and_then(|()| respond()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{SUBCOMMAND}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn limit() -> std::io::Result<()> {
    for (resource, most) in LIMITS {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    // Redirects go first.
    let _ = rustix::process::nice(10);
    Ok(())
}

fn respond() -> std::io::Result<()> {
    let options = std::env::var(OPTIONS_VARIABLE).map_err(std::io::Error::other)?;
    tell(&serde_json::from_str(&options)?, std::io::stdin().lock(), std::io::stdout().lock())
}

fn tell(options: &Options, from: impl Read, to: impl Write) -> std::io::Result<()> {
    let bytes = std::env::var(BYTES_VARIABLE).ok().and_then(|bytes| bytes.parse::<usize>().ok()).unwrap_or(0);
    // One more, so that the end is seen without asking for more.
    let mut file = Vec::with_capacity(bytes.min(FILE_BYTES_MAX) + 1);
    from.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut file)?;
    let mut to = std::io::BufWriter::new(to);
    // A reader of somebody else's format that gives up is a damaged file, not a broken program.
    let told = std::panic::catch_unwind(|| read(file, options));
    let told = told.unwrap_or_else(|_| Err("the file is damaged: its reader gave up on it".to_owned().into()));
    answer::write(told, &mut to)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, arguments: &[&str], deadline: Duration) -> Parser {
        Parser::of(PathBuf::from(program), arguments.iter().map(OsString::from).collect(), deadline)
    }

    async fn refusal(program: &str, arguments: &[&str]) -> String {
        run(program, arguments, DEADLINE).read(b"x".to_vec(), &Options::default()).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_the_child_reads_is_what_the_server_hears() {
        let mut said = Vec::new();
        tell(&Options::default(), &b"post,date,views\np,2026-11-01,5\n"[..], &mut said).unwrap();
        let contents = run("/bin/cat", &[], DEADLINE).read(said, &Options::default()).await.unwrap();
        assert_eq!(contents.tables[0].file.readings[0].value, 5);
        let refused =
            run("/bin/echo", &["hello"], DEADLINE).read(b"x".to_vec(), &Options::default()).await.unwrap_err();
        assert!(matches!(refused, ParseError::Died(_)), "{refused}");
    }

    #[tokio::test]
    async fn a_child_that_dies_lies_or_is_not_there_is_an_error() {
        assert!(refusal("/bin/sh", &["-c", "kill -9 $$"]).await.contains("signal 9"));
        assert!(refusal("/bin/sh", &["-c", "echo no memory >&2; exit 3"]).await.contains("exit code 3: no memory"));
        assert!(refusal("/bin/echo", &["hello"]).await.contains("cannot be read"));
        assert!(refusal("/nonexistent", &[]).await.contains("cannot be run"));
    }

    #[tokio::test]
    async fn a_child_without_an_end_is_killed_at_its_deadline() {
        let refused =
            run("/bin/sleep", &["600"], Duration::ZERO).read(b"x".to_vec(), &Options::default()).await.unwrap_err();
        assert!(matches!(refused, ParseError::TooSlow), "{refused}");
    }

    #[tokio::test]
    async fn a_child_sees_nothing_of_the_servers_environment() {
        assert!(std::env::var_os("PATH").is_some());
        let script = r#"test -z "$HOME$CARGO" && echo clean >&2; exit 3"#;
        assert!(refusal("/bin/sh", &["-c", script]).await.contains("exit code 3: clean"));
    }

    #[tokio::test]
    async fn a_third_upload_waits_for_its_turn_and_then_gives_up() {
        let parser = run("/bin/cat", &[], Duration::ZERO);
        let _both = parser.children.acquire_many(CHILDREN_MAX as u32).await.unwrap();
        assert!(matches!(parser.read(b"x".to_vec(), &Options::default()).await.unwrap_err(), ParseError::Busy));
    }
}
