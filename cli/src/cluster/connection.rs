//! The way to a cluster, and what is said where it ends.

use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config, ResourceExt as _};
use tidemill_crds::Pipeline;
use tidemill_plan::names;

use super::Target;
use crate::failure::Failure;

/// A cluster that can be asked.
pub(super) struct Cluster {
    pub(super) client: Client,
    /// The namespace that is meant where none is named.
    pub(super) namespace: String,
    url: String,
}

impl Cluster {
    /// The cluster that is meant. Nothing is asked of it yet.
    pub(super) async fn connect(target: &Target) -> Result<Self, Failure> {
        let mut config = config(target).await?;
        if let Some(namespace) = &target.namespace {
            config.default_namespace.clone_from(namespace);
        }
        // A person waits; kubectl is not asked to try again either.
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
        config.default_retry = false;
        let url = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|e| {
            Failure::new(format!(
                "cannot speak to the cluster at {url}: {}",
                causes(&e)
            ))
            .hint("see the user and the cluster of the context: kubectl config view --minify")
        })?;
        Ok(Self {
            client,
            namespace,
            url,
        })
    }

    /// The resources of a kind in the namespace.
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A Pipeline of the namespace.
    pub(super) async fn pipeline(&self, name: &str) -> Result<Pipeline, Failure> {
        match self.api::<Pipeline>().get_opt(name).await {
            Ok(Some(pipeline)) => Ok(pipeline),
            Ok(None) => Err(self.no_pipeline(name).await),
            Err(error) => Err(self.failure("reading the Pipeline", error)),
        }
    }

    /// Says that there is no such Pipeline, and which may have been meant.
    pub(super) async fn no_pipeline(&self, name: &str) -> Failure {
        let everywhere: Api<Pipeline> = Api::all(self.client.clone());
        let all = ListParams::default();
        let there = match everywhere.list_metadata(&all).await {
            Err(kube::Error::Api(status)) if status.code == 403 => {
                self.api::<Pipeline>().list_metadata(&all).await
            }
            other => other,
        };
        match there {
            Ok(list) => {
                let at = |it: &kube::core::PartialObjectMeta<Pipeline>| {
                    (it.namespace().unwrap_or_default(), it.name_any())
                };
                let known: Vec<_> = list.items.iter().map(at).collect();
                not_found(name, &self.namespace, &known)
            }
            Err(error) => self.failure("listing Pipelines", error),
        }
    }

    /// What the API server, or the way to it, has said.
    pub(super) fn failure(&self, doing: &str, error: kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => refused(doing, &self.url, &status),
            kube::Error::SerdeError(error) => Failure::new(format!("{doing}: {error}"))
                .hint("the cluster's definitions may be of another version than this program: see tidemill --version"),
            kube::Error::Auth(error) => Failure::new(format!("{doing}: no credentials: {}", causes(&error)))
                .hint("log in to the cluster again"),
            kube::Error::Service(error) => self.silent(&*error),
            error => self.silent(&error),
        }
    }

    fn silent(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        let url = &self.url;
        Failure::new(format!(
            "the cluster at {url} does not answer: {}",
            causes(error)
        ))
        .hint("is it up, and is this the right context? kubectl config get-contexts lists them")
    }
}

/// What an API server's refusal means.
fn refused(doing: &str, url: &str, status: &kube::core::Status) -> Failure {
    let names_object = status.details.as_ref().is_some_and(|d| !d.name.is_empty());
    match status.code {
        401 => Failure::new(format!("the cluster at {url} does not know who you are"))
            .hint("log in again, or name another context with --context"),
        403 => Failure::new(format!("you may not do this: {}", status.message))
            .hint("ask whoever looks after the cluster for this right"),
        404 if !names_object => Failure::new(format!("Tidemill is not installed in the cluster at {url}"))
            .hint("install it: helm install tidemill helm/tidemill; or name another context with --context"),
        _ => Failure::new(format!("{doing}: {}", status.message)),
    }
}

fn not_found(name: &str, namespace: &str, known: &[(String, String)]) -> Failure {
    let failure = Failure::new(format!(
        "there is no Pipeline `{name}` in the namespace {namespace}"
    ));
    let here = || {
        known
            .iter()
            .filter(|(of, _)| of == namespace)
            .map(|(_, name)| name.as_str())
    };
    let elsewhere = known.iter().find(|(of, it)| of != namespace && it == name);
    if let Some(near) = names::nearest(name, here()) {
        return failure.hint(format!("did you mean `{near}`?"));
    }
    if let Some((other, _)) = elsewhere {
        return failure.hint(format!("there is one in another namespace: add -n {other}"));
    }
    match names::hint(name, here()) {
        Some(hint) => failure.hint(hint),
        None => failure.hint("there is none in this namespace; name another with -n"),
    }
}

async fn config(target: &Target) -> Result<Config, Failure> {
    let read = match &target.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let in_pod = || {
        Config::incluster()
            .ok()
            .filter(|_| target.kubeconfig.is_none() && target.context.is_none())
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => return in_pod().ok_or_else(|| unreadable(&error)),
    };
    if kubeconfig.current_context.is_none()
        && target.context.is_none()
        && let Some(config) = in_pod()
    {
        return Ok(config);
    }
    let contexts: Vec<String> = kubeconfig
        .contexts
        .iter()
        .map(|it| it.name.clone())
        .collect();
    let options = KubeConfigOptions {
        context: target.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| unusable(target.context.as_deref(), &contexts, &error))
}

fn unreadable(error: &KubeconfigError) -> Failure {
    Failure::new(format!("no cluster is named: {}", causes(error)))
        .hint("name a kubeconfig file with --kubeconfig or in KUBECONFIG")
}

fn unusable(context: Option<&str>, contexts: &[String], error: &KubeconfigError) -> Failure {
    let known = || contexts.iter().map(String::as_str);
    match context {
        Some(name) if !contexts.iter().any(|it| it == name) => {
            let failure = Failure::new(format!("there is no context `{name}` in the kubeconfig"));
            match names::hint(name, known()) {
                Some(hint) => failure.hint(hint),
                None => failure.hint("it has none: name another file with --kubeconfig"),
            }
        }
        _ => Failure::new(format!(
            "the kubeconfig names no cluster: {}",
            causes(error)
        ))
        .hint(match names::hint("", known()) {
            Some(there) => format!("choose a context with --context: {there}"),
            None => "name another file with --kubeconfig or in KUBECONFIG".to_owned(),
        }),
    }
}

/// An error with what is behind it, each thing said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn known() -> Vec<(String, String)> {
        [("bank", "payments"), ("bank", "sales"), ("shop", "orders")]
            .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
            .into()
    }

    #[test]
    fn a_pipeline_that_is_not_there_is_told_with_those_that_are() {
        for (name, hint) in [
            ("paymnets", "did you mean `payments`?"),
            ("orders", "there is one in another namespace: add -n shop"),
            ("x", "there is `payments`, `sales`"),
        ] {
            let said = not_found(name, "bank", &known()).to_string();
            assert_eq!(
                said,
                format!(
                    "error: there is no Pipeline `{name}` in the namespace bank\n  hint: {hint}"
                )
            );
        }
        let said = not_found("x", "empty", &known()).to_string();
        assert!(said.ends_with("hint: there is none in this namespace; name another with -n"));
    }

    #[test]
    fn what_the_api_server_refuses_is_told_with_what_to_do() {
        let status = |code, name: &str| -> kube::core::Status {
            let json = format!(
                r#"{{"status": "Failure", "code": {code}, "message": "why", "details": {{"name": "{name}"}}}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        for (status, said) in [
            (
                status(401, ""),
                "error: the cluster at https://x does not know who you are\n",
            ),
            (status(403, "p"), "error: you may not do this: why\n"),
            (
                status(404, ""),
                "error: Tidemill is not installed in the cluster at https://x\n",
            ),
            (status(404, "p"), "error: reading: why"),
            (status(500, "p"), "error: reading: why"),
        ] {
            let failure = refused("reading", "https://x", &status).to_string();
            assert!(failure.starts_with(said), "{failure}");
        }
    }

    #[test]
    fn a_context_that_is_not_there_is_told_with_those_that_are() {
        let error = KubeconfigError::CurrentContextNotSet;
        let contexts = ["kind-tidemill".to_owned(), "prod".to_owned()];
        let said = unusable(Some("kind-tidemil"), &contexts, &error).to_string();
        assert!(
            said.ends_with("hint: did you mean `kind-tidemill`?"),
            "{said}"
        );
        let said = unusable(None, &contexts, &error).to_string();
        assert!(
            said.ends_with(
                "hint: choose a context with --context: there is `kind-tidemill`, `prod`"
            ),
            "{said}"
        );
    }
}
