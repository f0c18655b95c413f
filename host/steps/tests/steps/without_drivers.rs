//! A binary built without a driver runs everything else, and says what is missing when a step asks for it.

use host_model::StepErrorKind;
use host_model::connector::{Hidden, PoolAddress};
use host_model::port::{Access, Connectors as _};

use crate::kit::Set;

#[tokio::test]
async fn a_pool_of_a_server_that_is_not_built_in_is_refused_by_name() {
    let url = |scheme: &str| Hidden::new(format!("{scheme}://jde:s3cret@host/db"));
    let mut missing = Vec::new();
    if cfg!(not(feature = "oracle")) {
        missing.push(("oracle", PoolAddress::Oracle { url: url("oracle"), password: None }));
    }
    if cfg!(not(feature = "sqlserver")) {
        missing.push(("sqlserver", PoolAddress::SqlServer { url: url("sqlserver"), password: None }));
    }
    if cfg!(not(feature = "odbc")) {
        let text = Hidden::new("DSN=erp;UID=jde;PWD=s3cret");
        missing.push(("odbc", PoolAddress::Odbc { text, password: None }));
    }
    for (kind, address) in missing {
        let bench = Set::default().add("erp", address, |_| {}).build();
        let error = bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap();
        assert_eq!(error.kind, StepErrorKind::Definition);
        let start = format!("pool `erp`: this binary was built without `{kind}`; ");
        assert!(error.message.starts_with(&start) && !error.message.contains("s3cret"), "{error}");
    }
}
