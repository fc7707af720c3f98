//! Schemas that are asked for while reading goes on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tidemill_engine::decode::RegisteredSchema;
use tidemill_engine::task::Task;
use tidemill_plan::model::{Plan, Registry};

use super::client::Client;
use super::{RegistryError, Secrets, wait};

/// A schema, or why there is none.
type Answer = Result<RegisteredSchema, String>;

/// The schemas of one pipeline's sources. Each registry is asked on a thread of its own.
pub(crate) struct Lookups {
    /// The registries, and the index of each source's.
    registries: Vec<Asked>,
    of_source: HashMap<usize, usize>,
}

struct Asked {
    registry: Registry,
    known: HashMap<u32, Answer>,
    pending: HashSet<u32>,
    /// Why it does not answer now.
    trouble: Option<String>,
    questions: Sender<u32>,
    answers: Receiver<Heard>,
}

enum Heard {
    Answer(u32, Answer),
    Trouble(String),
}

impl Lookups {
    /// The registries of a plan's sources.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn new(
        plan: &Plan,
        secrets: &Secrets,
        stop: &Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let mut registries: Vec<Asked> = Vec::new();
        let mut of_source = HashMap::new();
        for (source, registry) in plan.sources.iter().enumerate() {
            let Some(registry) = registry.format.registry() else {
                continue;
            };
            let known = registries
                .iter()
                .position(|asked| asked.registry == *registry);
            let index = match known {
                Some(index) => index,
                None => {
                    registries.push(Asked::start(registry, secrets, stop)?);
                    registries.len() - 1
                }
            };
            of_source.insert(source, index);
        }
        Ok(Self {
            registries,
            of_source,
        })
    }

    /// Takes in what the registries have answered.
    pub(crate) fn hear(&mut self) {
        self.registries.iter_mut().for_each(Asked::hear);
    }

    /// Why a registry does not answer, while records wait for it.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.registries
            .iter()
            .find_map(|asked| asked.trouble.as_deref())
    }

    /// Teaches a task the schema of this number; false, and it is asked for, if it is not known yet.
    pub(crate) fn teach(&mut self, task: &mut Task, source: usize, id: u32) -> bool {
        let Some(asked) = self.of(source) else {
            return false;
        };
        match asked.known.get(&id) {
            Some(answer) => {
                task.learn_schema(id, answer.as_ref().map_err(String::as_str));
                true
            }
            None => {
                asked.ask(id);
                false
            }
        }
    }

    /// Teaches a task all that is known of its source's schemas.
    pub(crate) fn teach_all(&mut self, task: &mut Task, source: usize) {
        for (id, answer) in self.of(source).iter().flat_map(|asked| &asked.known) {
            task.learn_schema(*id, answer.as_ref().map_err(String::as_str));
        }
    }

    fn of(&mut self, source: usize) -> Option<&mut Asked> {
        self.registries.get_mut(*self.of_source.get(&source)?)
    }
}

impl Asked {
    fn start(
        registry: &Registry,
        secrets: &Secrets,
        stop: &Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (questions, asked) = unbounded();
        let (told, answers) = unbounded();
        let (its, secrets, stop) = (registry.clone(), secrets.clone(), Arc::clone(stop));
        std::thread::Builder::new()
            .name("schemas".to_owned())
            .spawn(move || answer(&its, &secrets, &asked, &told, &stop))?;
        Ok(Self {
            registry: registry.clone(),
            known: HashMap::new(),
            pending: HashSet::new(),
            trouble: None,
            questions,
            answers,
        })
    }

    fn ask(&mut self, id: u32) {
        if self.pending.insert(id) {
            // Its thread ends only when the pipeline does.
            let _ = self.questions.send(id);
        }
    }

    fn hear(&mut self) {
        while let Ok(heard) = self.answers.try_recv() {
            match heard {
                Heard::Trouble(why) => self.trouble = Some(why),
                Heard::Answer(id, answer) => {
                    self.trouble = None;
                    self.pending.remove(&id);
                    self.known.insert(id, answer);
                }
            }
        }
    }
}

/// Answers questions until nobody asks any more.
fn answer(
    registry: &Registry,
    secrets: &Secrets,
    questions: &Receiver<u32>,
    told: &Sender<Heard>,
    stop: &AtomicBool,
) {
    let mut client = None;
    for id in questions {
        let mut pause = Duration::from_millis(100);
        let answer = loop {
            match look_up(&mut client, registry, secrets, id) {
                Ok(schema) => break Ok(schema),
                Err(RegistryError::Unknown(why)) => break Err(why),
                Err(RegistryError::Unavailable(why) | RegistryError::Refused(why)) => {
                    tracing::warn!(schema = id, why);
                    // A Secret may have been put right meanwhile.
                    client = None;
                    if told.send(Heard::Trouble(why)).is_err() {
                        return;
                    }
                }
            }
            if !wait(&mut pause, stop) {
                return;
            }
        };
        if told.send(Heard::Answer(id, answer)).is_err() {
            return;
        }
    }
}

fn look_up(
    client: &mut Option<Client>,
    registry: &Registry,
    secrets: &Secrets,
    id: u32,
) -> Result<RegisteredSchema, RegistryError> {
    match client {
        Some(client) => client.schema(id),
        None => client.insert(Client::open(registry, secrets)?).schema(id),
    }
}
