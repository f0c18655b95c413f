//! A certificate authority of a test, and a certificate of it for this machine.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

pub(crate) struct Authority {
    /// Its own certificate.
    pub(crate) pem: String,
    /// A certificate for `localhost` and `127.0.0.1`, or the names it was asked for.
    pub(crate) certificate: Certificate,
    /// The key of that.
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::of(&["localhost", "127.0.0.1"])
    }

    /// With a certificate for other names.
    pub(crate) fn of(names: &[&str]) -> Self {
        let own_key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(Vec::new()).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        own.distinguished_name.push(rcgen::DnType::CommonName, "the authority of a test");
        let pem = own.self_signed(&own_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let issuer = Issuer::new(own, own_key);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self { pem, certificate, key }
    }
}
