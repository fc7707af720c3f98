//! The thread on which requests wait for their answers, several at once.

use std::io;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::answer::Attempt;
use super::client::Client;
use super::message::Message;

/// Which lane a request is of: its partition, and how often partitions had been assigned before.
pub(super) type Of = (u64, i32);

/// Posts what it is given, all of it at once: who gives it bounds it. Dropped, it forgets what is under way.
pub(super) struct Posting {
    requests: UnboundedSender<(Of, Message)>,
    /// What came of them.
    pub(super) attempts: Receiver<(Of, Attempt)>,
}

impl Posting {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails where the system gives no thread.
    pub(super) fn start(sink: &str, client: Client) -> io::Result<Self> {
        let (requests, to_post) = mpsc::unbounded_channel();
        let (told, attempts) = unbounded();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name(format!("post-{sink}"))
            .spawn(move || serve(&runtime, to_post, &client, &told))?;
        Ok(Self { requests, attempts })
    }

    /// Posts a message.
    pub(super) fn post(&self, of: Of, message: Message) {
        // The thread ends only when this is gone.
        let _ = self.requests.send((of, message));
    }
}

fn serve(
    runtime: &Runtime,
    mut requests: UnboundedReceiver<(Of, Message)>,
    client: &Client,
    told: &Sender<(Of, Attempt)>,
) {
    runtime.block_on(async {
        while let Some((of, message)) = requests.recv().await {
            let (client, told) = (client.clone(), told.clone());
            tokio::spawn(async move {
                // Nobody listens only when all ends.
                let _ = told.send((of, client.post(message).await));
            });
        }
    });
}
