//! The versions of `nomaflow:step` this host serves, side by side: which interfaces each has, and how a component bound to
//! one of them is asked and called. `older` makes the imports of the draft of those of the present version.
//!
//! Invariant: outside of this module nobody knows which version a component was built against.

mod older;

use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::bindings::nomaflow::step::types::Error;
use crate::bindings::{self, Plugin};
use crate::inspect::CallableInfo;
use crate::state::CallState;

/// The interface a plugin of each version exports, the present one first. A major version is compatible in itself; as
/// long as it is 0, a minor one is.
const EXPORTS: [&str; 2] = ["nomaflow:step/callables@1", "nomaflow:step/steps@0.1"];
/// The present export, as messages write it.
pub(crate) const PRESENT_EXPORT: &str = "nomaflow:step/callables@1.0.0";
/// What is offered to each version.
const IMPORTS: [&str; 12] = [
    "nomaflow:step/types@1",
    "nomaflow:step/log@1",
    "nomaflow:step/context@1",
    "nomaflow:step/sql@1",
    "nomaflow:step/http@1",
    "nomaflow:step/ldap@1",
    "nomaflow:step/secrets@1",
    "nomaflow:step/state@1",
    "nomaflow:step/types@0.1",
    "nomaflow:step/log@0.1",
    "nomaflow:step/context@0.1",
    "nomaflow:step/sql@0.1",
];

/// Offers everything of every version.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    Plugin::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    bindings::older::Plugin::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// Whether some version has the import `name`.
pub(crate) fn has_import(name: &str) -> bool {
    IMPORTS.iter().any(|own| is_version_of(name, own))
}

/// Whether a component that exports `name` is a plugin of some version.
pub(crate) fn is_export(name: &str) -> bool {
    EXPORTS.iter().any(|own| is_version_of(name, own))
}

/// `a:b/c@0.1.3` is a version of `a:b/c@0.1`.
fn is_version_of(name: &str, interface: &str) -> bool {
    name.strip_prefix(interface).is_some_and(|patch| patch.starts_with('.'))
}

/// A linked component, bound to the version it was built against.
pub(crate) enum BoundPlugin {
    Present(bindings::PluginPre<CallState>),
    Older(bindings::older::PluginPre<CallState>),
}

impl BoundPlugin {
    /// Binds a component with these exports.
    ///
    /// # Errors
    /// What is missing of the version it exports.
    pub(crate) fn bind(pre: InstancePre<CallState>, exports: &[String]) -> wasmtime::Result<Self> {
        if exports.iter().any(|name| is_version_of(name, EXPORTS[0])) {
            bindings::PluginPre::new(pre).map(Self::Present)
        } else {
            bindings::older::PluginPre::new(pre).map(Self::Older)
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        match self {
            Self::Present(pre) => pre.engine(),
            Self::Older(pre) => pre.engine(),
        }
    }

    /// Makes an instance, and nothing more.
    pub(crate) async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<()> {
        match self {
            Self::Present(pre) => pre.instantiate_async(store).await.map(drop),
            Self::Older(pre) => pre.instantiate_async(store).await.map(drop),
        }
    }

    /// Asks for the callables.
    pub(crate) async fn describe(&self, store: &mut Store<CallState>) -> wasmtime::Result<Vec<CallableInfo>> {
        match self {
            Self::Present(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                let callables = plugin.nomaflow_step_callables().call_describe(store).await?;
                Ok(callables.into_iter().map(CallableInfo::from).collect())
            }
            Self::Older(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                let steps = plugin.nomaflow_step_steps().call_list_steps(store).await?;
                Ok(steps.into_iter().map(CallableInfo::from).collect())
            }
        }
    }

    /// Runs one callable.
    pub(crate) async fn call(
        &self,
        store: &mut Store<CallState>,
        name: &str,
        params: &str,
    ) -> wasmtime::Result<Result<String, Error>> {
        match self {
            Self::Present(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                plugin.nomaflow_step_callables().call_call(store, name, params).await
            }
            Self::Older(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                plugin.nomaflow_step_steps().call_run(store, name, params).await
            }
        }
    }
}

impl From<bindings::exports::nomaflow::step::callables::Callable> for CallableInfo {
    fn from(info: bindings::exports::nomaflow::step::callables::Callable) -> Self {
        Self {
            name: info.name,
            title: info.title,
            doc: info.doc,
            params_schema: info.params_schema,
            result_schema: info.result_schema,
            meta: info.meta,
        }
    }
}
