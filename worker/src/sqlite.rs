//! SQLite as the embedded log and the SQLite sink use it: blocking, durable, shared between processes.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

/// How long a writer waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// Wakes a thread that waits in [`block_on`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future of a [`SqliteConnection`] to its end. Such futures need no runtime, for a thread of the connection's
/// own does the work; and unlike a runtime's `block_on` this may be called from anywhere.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Opens a database in write-ahead mode, making the file if it is not there.
///
/// `synchronous=FULL`: a commit is on the disk when it returns, so it outlives a killed process and a lost power
/// supply alike. Exactly once needs that where two files commit one after the other, a sink's and then the log's:
/// should the first forget what the second remembers, rows would be missing.
pub(crate) async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(8192)
        .busy_timeout(BUSY)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What a burst has left in the write-ahead file is written back at 32 MiB and given back to the disk.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        .foreign_keys(false)
        // Rows read ahead may be batches of half a megabyte.
        .row_buffer_size(2)
        .disable_statement_logging()
        .connect()
        .await
}

/// Begins a transaction that may write: it waits its turn here, and not in the middle.
pub(crate) async fn begin(
    connection: &mut SqliteConnection,
) -> Result<sqlx::Transaction<'_, sqlx::Sqlite>, sqlx::Error> {
    connection.begin_with("BEGIN IMMEDIATE").await
}
