//! A provider of OpenID Connect: the code flow with PKCE (RFC 7636), by discovery. What the provider publishes about
//! itself is kept for an hour, its keys until a token names one that is not among them.
//!
//! Invariants: redirects are not followed, so that a code or secret goes only to addresses the provider has published;
//! codes, tokens and the client secret are in no message.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use host_api::auth::{OidcAttempt, OidcError, OidcProvider, Proven};
use host_catalogue::OidcSettings;
use host_model::account::{AccountSource, Vouched, account_name};
use host_model::connector::Hidden;
use host_model::{Json, JsonMap};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::id_token::{Expected, IdTokenError, verify};
use crate::client::escape;

const CONNECT: Duration = Duration::from_secs(5);
/// What the provider gets for one answer: somebody waits in a browser.
const ANSWER: Duration = Duration::from_secs(10);
/// Largest answer; key sets have some kB.
const LARGEST: usize = 1024 * 1024;
/// How long what the provider publishes is believed without asking again.
const KEEP: Duration = Duration::from_secs(3600);
/// Keys are not asked for more often than this, whatever tokens name.
const KEYS_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Oidc {
    settings: OidcSettings,
    http: reqwest::Client,
    published: Mutex<Option<Published>>,
}

/// What the provider publishes.
#[derive(Clone)]
struct Published {
    authorize: String,
    token: String,
    userinfo: Option<String>,
    /// Where people sign out; not every provider has it.
    end_session: Option<String>,
    key_set: String,
    /// The client secret goes into the body, because the provider takes no header.
    secret_in_body: bool,
    keys: Vec<Json>,
    read_at: Instant,
    keys_at: Instant,
}

impl Oidc {
    /// Nothing is asked of the provider yet: a server starts without it.
    pub(super) fn new(settings: OidcSettings) -> Result<Self, String> {
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("nomaflow/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &settings.ca_file {
            let pem = std::fs::read(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem);
            let authorities = authorities.map_err(|_| format!("`{}` holds no certificates", file.display()))?;
            http = http.tls_certs_merge(authorities);
        }
        if settings.issuer.starts_with("http:") {
            // This machine; proxies of the environment are for the world outside.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| format!("the HTTP client cannot start: {error}"))?;
        Ok(Self { settings, http, published: Mutex::new(None) })
    }

    fn unavailable(&self, what: &str, why: impl std::fmt::Display) -> OidcError {
        OidcError::Unavailable(format!("{what} of the provider `{}`: {why}", self.settings.provider.name))
    }

    /// The status and the JSON of one answer.
    async fn ask(&self, what: &str, request: reqwest::RequestBuilder) -> Result<(u16, JsonMap), OidcError> {
        let request = request.header("accept", "application/json");
        // The address may hold nothing secret; the error's own text would show it.
        let mut response = request.send().await.map_err(|error| self.unavailable(what, error.without_url()))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unavailable(what, error.without_url()))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(self.unavailable(what, "the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let json = serde_json::from_slice(&body);
        let json = json.map_err(|_| self.unavailable(what, format!("the answer ({status}) is no JSON object")))?;
        Ok((status, json))
    }

    async fn ask_well(&self, what: &str, request: reqwest::RequestBuilder) -> Result<JsonMap, OidcError> {
        match self.ask(what, request).await? {
            (200, json) => Ok(json),
            (status, _) => Err(self.unavailable(what, format!("the answer is {status}"))),
        }
    }

    async fn published(&self) -> Result<Published, OidcError> {
        let mut known = self.published.lock().await;
        if let Some(published) = known.as_ref().filter(|published| published.read_at.elapsed() < KEEP) {
            return Ok(published.clone());
        }
        match self.discover().await {
            Ok(published) => Ok(known.insert(published).clone()),
            // What was true an hour ago most likely still is.
            Err(error) => match known.as_ref() {
                Some(published) => {
                    tracing::warn!(%error, "going on with what the provider published before");
                    Ok(published.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn discover(&self) -> Result<Published, OidcError> {
        let what = "the description";
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found = self.ask_well(what, self.http.get(url)).await?;
        let text = |name: &str| found.get(name).and_then(Json::as_str).map(str::to_owned);
        if text("issuer").as_deref() != Some(issuer) {
            return Err(self.unavailable(what, "it calls itself another issuer than the settings do"));
        }
        let is_http = issuer.starts_with("http:");
        let address = |name: &str| {
            let url = text(name).filter(|url| url.starts_with("https://") || (is_http && url.starts_with("http://")));
            url.ok_or_else(|| self.unavailable(what, format!("there is no usable `{name}`")))
        };
        let methods = found.get("token_endpoint_auth_methods_supported").and_then(Json::as_array);
        let takes = |name: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
        let key_set = address("jwks_uri")?;
        let keys = self.read_keys(&key_set).await?;
        let now = Instant::now();
        Ok(Published {
            authorize: address("authorization_endpoint")?,
            token: address("token_endpoint")?,
            userinfo: address("userinfo_endpoint").ok(),
            end_session: address("end_session_endpoint").ok(),
            key_set,
            // A provider that says nothing takes the header (OpenID Connect Discovery §3).
            secret_in_body: methods.is_some() && !takes("client_secret_basic") && takes("client_secret_post"),
            keys,
            read_at: now,
            keys_at: now,
        })
    }

    async fn read_keys(&self, url: &str) -> Result<Vec<Json>, OidcError> {
        let found = self.ask_well("the keys", self.http.get(url)).await?;
        match found.get("keys") {
            Some(Json::Array(keys)) => Ok(keys.clone()),
            _ => Err(self.unavailable("the keys", "there are none in the answer")),
        }
    }

    /// The keys as they are now, unless they were asked for a moment ago.
    async fn newer_keys(&self, seen_at: Instant) -> Result<Option<Vec<Json>>, OidcError> {
        let mut known = self.published.lock().await;
        let Some(published) = known.as_mut() else { return Ok(None) };
        if published.keys_at != seen_at {
            return Ok(Some(published.keys.clone()));
        }
        if published.keys_at.elapsed() < KEYS_AGAIN {
            return Ok(None);
        }
        // Also when it fails: whoever sends tokens of made-up keys must not have the provider asked each time.
        published.keys_at = Instant::now();
        published.keys = self.read_keys(&published.key_set).await?;
        Ok(Some(published.keys.clone()))
    }

    /// Exchanges the code for tokens.
    async fn exchange(&self, code: &str, attempt: &OidcAttempt, published: &Published) -> Result<JsonMap, OidcError> {
        let client_id = &self.settings.client_id;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &attempt.redirect_uri),
            ("code_verifier", &attempt.verifier),
        ];
        let mut request = self.http.post(&published.token);
        match self.settings.client_secret.as_ref().map(Hidden::reveal) {
            Some(secret) if !published.secret_in_body => {
                // Both are escaped as in a form before they are joined (RFC 6749 §2.3.1).
                let pair = STANDARD.encode(format!("{}:{}", escape(client_id), escape(secret)));
                request = request.header("authorization", format!("Basic {pair}"));
            }
            Some(secret) => form.extend([("client_id", &**client_id), ("client_secret", secret)]),
            None => form.push(("client_id", client_id)),
        }
        let (status, answer) = self.ask("the tokens", request.form(&form)).await?;
        if status == 200 {
            return Ok(answer);
        }
        let word = answer.get("error").and_then(Json::as_str).unwrap_or_default();
        let word: String = word.chars().filter(|c| !c.is_control()).take(60).collect();
        let why =
            format!("the provider `{}` gives no tokens for the code: {status} {word}", self.settings.provider.name);
        // What the provider says of a code is about the sign-in; everything else about the settings or the provider.
        Err(if word == "invalid_grant" { OidcError::Refused(why) } else { OidcError::Unavailable(why) })
    }

    /// The claims of an id token, asking for newer keys when it names one we do not know.
    async fn claims(&self, token: &str, nonce: &str, published: &Published) -> Result<JsonMap, OidcError> {
        let expected = || Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce,
            now: chrono::Utc::now().timestamp(),
        };
        let mut found = verify(token, &published.keys, expected());
        if found == Err(IdTokenError::UnknownKey)
            && let Some(keys) = self.newer_keys(published.keys_at).await?
        {
            found = verify(token, &keys, expected());
        }
        found.map_err(|error| OidcError::Refused(error.to_string()))
    }

    /// Adds what only the provider's `userinfo` says, when the id token lacks something the settings name.
    async fn complete(&self, claims: &mut JsonMap, tokens: &JsonMap, published: &Published) -> Result<(), OidcError> {
        let settings = &self.settings;
        let mut wanted = vec![settings.name_claim.as_str()];
        if !settings.provider.permissions.is_empty() {
            wanted.push(&settings.groups_claim);
        }
        if !settings.allowed_domains.is_empty() {
            wanted.push("email");
        }
        let access = tokens.get("access_token").and_then(Json::as_str);
        let (Some(url), Some(access)) = (&published.userinfo, access) else { return Ok(()) };
        if wanted.iter().all(|name| claims.contains_key(*name)) {
            return Ok(());
        }
        let more = self.ask_well("what it says of the user", self.http.get(url).bearer_auth(access)).await?;
        if more.get("sub") != claims.get("sub") {
            return Err(OidcError::Refused("the provider speaks of somebody else than its id token does".to_owned()));
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Whom the claims stand for here.
    fn vouch(&self, claims: &JsonMap) -> Result<Vouched, OidcError> {
        let settings = &self.settings;
        let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        if !settings.allowed_domains.is_empty() {
            let domain = text("email").rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
            let is_verified = claims.get("email_verified") != Some(&Json::Bool(false));
            if !is_verified || !settings.allowed_domains.contains(&domain) {
                return Err(OidcError::NotAllowed("the e-mail address is not of an allowed domain".to_owned()));
            }
        }
        let name = account_name(text(&settings.name_claim)).ok_or_else(|| {
            OidcError::NotAllowed(format!("the claim `{}` is no name of an account", settings.name_claim))
        })?;
        let groups: Vec<&str> = match claims.get(&settings.groups_claim) {
            Some(Json::Array(groups)) => groups.iter().filter_map(Json::as_str).collect(),
            Some(Json::String(group)) => vec![group],
            _ => Vec::new(),
        };
        Ok(Vouched {
            name,
            display_name: text("name").chars().filter(|c| !c.is_control()).take(100).collect(),
            source: AccountSource::Oidc,
            subject: format!("{}:{}", settings.provider.name, text("sub")),
            from_groups: settings.provider.permissions_of(groups),
            may_create: settings.provider.auto_create,
        })
    }
}

/// `url`, which may have a query already, with more.
fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", query.join("&"))
}

#[async_trait]
impl OidcProvider for Oidc {
    fn name(&self) -> &str {
        &self.settings.provider.name
    }

    fn external_url(&self) -> Option<&str> {
        self.settings.external_url.as_deref()
    }

    async fn begin(&self, attempt: &OidcAttempt) -> Result<String, OidcError> {
        let published = self.published().await?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&attempt.verifier));
        let scope = self.settings.scopes.join(" ");
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &attempt.redirect_uri),
            ("scope", &scope),
            ("state", &attempt.state),
            ("nonce", &attempt.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        Ok(with_query(&published.authorize, &pairs))
    }

    async fn finish(&self, code: &str, issuer: Option<&str>, attempt: &OidcAttempt) -> Result<Proven, OidcError> {
        if issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(OidcError::Refused("the browser comes from another provider".to_owned()));
        }
        let published = self.published().await?;
        let tokens = self.exchange(code, attempt, &published).await?;
        let token = tokens.get("id_token").and_then(Json::as_str);
        let token = token.ok_or_else(|| OidcError::Refused("the provider sends no id token".to_owned()))?;
        let mut claims = self.claims(token, &attempt.nonce, &published).await?;
        self.complete(&mut claims, &tokens, &published).await?;
        Ok(Proven { vouched: self.vouch(&claims)?, id_token: token.to_owned() })
    }

    async fn sign_out(&self, id_token: Option<&str>, back: &str, state: &str) -> Result<Option<String>, OidcError> {
        let published = self.published().await?;
        let Some(end_session) = published.end_session else { return Ok(None) };
        let client = self.settings.client_id.as_str();
        let mut pairs = vec![("client_id", client), ("post_logout_redirect_uri", back), ("state", state)];
        pairs.extend(id_token.map(|token| ("id_token_hint", token)));
        Ok(Some(with_query(&end_session, &pairs)))
    }
}
