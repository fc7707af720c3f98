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
use super::{RegistryError, wait};
use crate::secrets::Secrets;

/// A schema, or why there is none.
pub(crate) type Answer = Result<RegisteredSchema, String>;

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
        let (asking, stop) = (Asking::new(registry, secrets), Arc::clone(stop));
        std::thread::Builder::new()
            .name("schemas".to_owned())
            .spawn(move || answer(asking, &asked, &told, &stop))?;
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
fn answer(mut asking: Asking, questions: &Receiver<u32>, told: &Sender<Heard>, stop: &AtomicBool) {
    for id in questions {
        let mut complain = |why| told.send(Heard::Trouble(why)).is_ok();
        let Some(answer) = asking.schema(id, stop, &mut complain) else {
            return;
        };
        if told.send(Heard::Answer(id, answer)).is_err() {
            return;
        }
    }
}

/// A registry that is asked until it answers.
pub(crate) struct Asking {
    registry: Registry,
    secrets: Secrets,
    client: Option<Client>,
}

impl Asking {
    pub(crate) fn new(registry: &Registry, secrets: &Secrets) -> Self {
        Self {
            registry: registry.clone(),
            secrets: secrets.clone(),
            client: None,
        }
    }

    /// The schema of this number; `None` once `stop` is set or `complain`, which hears why there is no answer yet, says
    /// that nobody waits any more.
    pub(crate) fn schema(
        &mut self,
        id: u32,
        stop: &AtomicBool,
        complain: &mut dyn FnMut(String) -> bool,
    ) -> Option<Answer> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.ask(id) {
                Ok(schema) => return Some(Ok(schema)),
                Err(RegistryError::Unknown(why)) => return Some(Err(why)),
                Err(RegistryError::Unavailable(why) | RegistryError::Refused(why)) => {
                    tracing::warn!(schema = id, why);
                    // A Secret may have been put right meanwhile.
                    self.client = None;
                    if !complain(why) {
                        return None;
                    }
                }
            }
            if !wait(&mut pause, stop) {
                return None;
            }
        }
    }

    fn ask(&mut self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        match &mut self.client {
            Some(client) => client.schema(id),
            none => {
                let client = Client::open(&self.registry, &self.secrets)?;
                none.insert(client).schema(id)
            }
        }
    }
}
