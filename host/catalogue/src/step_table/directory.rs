//! Readers of `ldap_sync` and `call_job` steps. Both types are refused for now; their keys are read all the same, so
//! that a mistake in them does not wait for a later version.

use host_model::job::spec::LdapSyncSpec;
use host_model::{JobId, StepSpec};

use crate::draft::{ClaimKind, Draft};
use crate::finding::Findings;
use crate::job_table::values;
use crate::reader::Table;

const DEFAULT_FILTER: &str = "(objectClass=*)";

pub(super) fn read_ldap_sync(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<StepSpec> {
    let server = table.need_text("server", out);
    let bind_dn = table.need_text("bind_dn", out);
    let bind_password = table.need_text("bind_password", out);
    let search_base = table.need_text("search_base", out);
    let filter = table.filled_text("search_filter", out).map(|text| text.value);
    let attributes = values(table.texts("attributes", out));
    let connector = table.need_text("target_connector", out);
    let query = table.need_text("target_query", out);
    let mapping = table.object("mapping", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    Some(StepSpec::LdapSync(LdapSyncSpec {
        server: server?.value,
        bind_dn: bind_dn?.value,
        bind_password: bind_password?.value,
        search_base: search_base?.value,
        search_filter: filter.unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
        attributes,
        target_connector: connector?.value,
        target_query: query?.value,
        mapping,
    }))
}

pub(super) fn read_call_job(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<StepSpec> {
    let key = table.alias("job", "target_job_id", out);
    let text = table.need_text(key, out)?;
    match JobId::new(&text.value) {
        Ok(job) => Some(StepSpec::CallJob { job }),
        Err(error) => {
            out.error("job-id-invalid", text.span, error.to_string(), None);
            None
        }
    }
}
