//! Accounts: list, make, change, delete, and a one-time password for somebody who has none that works.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use host_model::access::{Permission, Permissions};
use host_model::account::{Account, AccountChange, AccountSource, Changed, account_name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::auth::{Caller, new_account};
use crate::error::{ApiError, Id};
use crate::plain::setup_path;
use crate::view::instant;
use crate::view::words::AccountSourceWord;

/// Longest name for people, in characters.
const LONGEST_DISPLAY_NAME: usize = 200;

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    name: String,
    display_name: String,
    #[schema(value_type = AccountSourceWord)]
    source: &'static str,
    disabled: bool,
    /// Granted here.
    permissions: Vec<String>,
    /// Given by the groups of its provider.
    permissions_from_groups: Vec<String>,
    must_change_password: bool,
    #[schema(format = DateTime)]
    created_at: String,
    created_by: String,
    #[schema(format = DateTime)]
    last_sign_in: Option<String>,
}

impl From<&Account> for UserView {
    fn from(account: &Account) -> Self {
        Self {
            name: account.name.clone(),
            display_name: account.display_name.clone(),
            source: account.source.as_str(),
            disabled: account.disabled,
            permissions: account.granted.texts(),
            permissions_from_groups: account.from_groups.texts(),
            must_change_password: account.must_change_password,
            created_at: instant(account.created_at),
            created_by: account.created_by.clone(),
            last_sign_in: account.last_sign_in_at.map(instant),
        }
    }
}

/// Every account.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserList {
    users: Vec<UserView>,
}

/// An account that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserCreated {
    #[serde(flatten)]
    user: UserView,
    /// Told this once; null when the caller chose the password.
    one_time_password: Option<String>,
    /// A link that brings it along, for the person to choose their own; null with the password.
    setup_path: Option<String>,
}

/// A password that works once.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneTimePassword {
    name: String,
    one_time_password: String,
    /// A link that brings it along, for the person to choose their own.
    setup_path: String,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserDeleted {
    name: String,
}

/// Reads permissions as they are written.
///
/// # Errors
/// 422 with the first text that is none.
pub(super) fn read_permissions(texts: &[String]) -> Result<Permissions, ApiError> {
    let read = |text: &String| Permission::parse(text).map_err(|error| ApiError::invalid(error.to_string()));
    texts.iter().map(read).collect()
}

fn no_such_user(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no user `{name}`"))
}

fn read_display_name(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let count = text.chars().count();
    if count > LONGEST_DISPLAY_NAME || text.chars().any(char::is_control) {
        let rule = format!("`display_name` has at most {LONGEST_DISPLAY_NAME} characters, all of them visible");
        return Err(ApiError::invalid(rule));
    }
    Ok(text.to_owned())
}

/// A change that was made, or why not.
fn judge(changed: Changed, name: &str) -> Result<(), ApiError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::Unknown => Err(no_such_user(name)),
        Changed::LastSuperuser => {
            let detail = format!("`{name}` is the last superuser who may sign in");
            Err(ApiError::new(StatusCode::CONFLICT, "last-superuser", detail)
                .with("hint", "grant `superuser` to somebody else first"))
        }
    }
}

async fn find(app: &App, name: &str) -> Result<Account, ApiError> {
    let found = app.auth.accounts.find_account(&name.to_lowercase()).await?;
    found.ok_or_else(|| no_such_user(name))
}

/// Every account, by name.
#[utoipa::path(get, path = "/admin/users", tag = "users", responses((status = 200, body = UserList)))]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<UserList>, ApiError> {
    let accounts = app.auth.accounts.list_accounts().await?;
    Ok(Json(UserList { users: accounts.iter().map(UserView::from).collect() }))
}

/// One account.
#[utoipa::path(get, path = "/admin/users/{name}", tag = "users", params(("name" = String, Path)), responses((status = 200, body = UserView), (status = 404)))]
pub(crate) async fn show(State(app): State<App>, Id(name): Id) -> Result<Json<UserView>, ApiError> {
    Ok(Json((&find(&app, &name).await?).into()))
}

/// The body of `POST /admin/users`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewUserBody {
    name: String,
    display_name: String,
    permissions: Vec<String>,
    /// Without one, a one-time password is made and answered.
    password: Option<String>,
}

/// Makes a local account. Its password must be changed at the first sign-in, whoever chose it.
#[utoipa::path(post, path = "/admin/users", tag = "users", request_body = NewUserBody,
    responses((status = 201, body = UserCreated), (status = 409), (status = 422)))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<UserCreated>), ApiError> {
    let body: NewUserBody = read_body(&headers, &body?)?;
    let Some(name) = account_name(&body.name) else {
        let rule = "1 to 64 letters, digits, `.`, `_`, `-`, `@` and `+`, the first a letter or digit";
        return Err(ApiError::invalid(format!("`{}` is no name of a user: {rule}", body.name.escape_debug())));
    };
    let granted = read_permissions(&body.permissions)?;
    let display_name = read_display_name(&body.display_name)?;
    let (shown, hash) = match &body.password {
        Some(password) => (None, app.auth.hash_password(&name, password).await?),
        None => app.auth.one_time_password().await.map(|(password, hash)| (Some(password), hash))?,
    };
    let by = caller.trigger.to_string();
    let account =
        Account { display_name, granted, must_change_password: true, ..new_account(&name, AccountSource::Local, &by) };
    if !app.auth.accounts.create_account(&account, Some(&hash)).await? {
        let detail = format!("there is a user `{name}` already");
        return Err(ApiError::new(StatusCode::CONFLICT, "exists", detail));
    }
    app.auth.changed();
    tracing::info!(by, user = name, "user created");
    let setup_path = shown.as_deref().map(|password| setup_path(&name, password, ""));
    Ok((StatusCode::CREATED, Json(UserCreated { user: (&account).into(), one_time_password: shown, setup_path })))
}

/// The body of `PATCH /admin/users/{name}`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UserBody {
    display_name: Option<String>,
    disabled: Option<bool>,
    /// In place of all that were granted.
    permissions: Option<Vec<String>>,
    /// Added to them.
    grant: Vec<String>,
    /// Taken from them.
    revoke: Vec<String>,
}

/// Changes an account. It counts at once, also for what is open.
#[utoipa::path(patch, path = "/admin/users/{name}", tag = "users", params(("name" = String, Path)), request_body = UserBody,
    responses((status = 200, body = UserView), (status = 404), (status = 409), (status = 422)))]
pub(crate) async fn change(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<UserView>, ApiError> {
    let body: UserBody = read_body(&headers, &body?)?;
    let name = name.to_lowercase();
    let change = AccountChange {
        display_name: body.display_name.as_deref().map(read_display_name).transpose()?,
        disabled: body.disabled,
        permissions: body.permissions.as_deref().map(read_permissions).transpose()?,
        grant: read_permissions(&body.grant)?,
        revoke: read_permissions(&body.revoke)?,
    };
    judge(app.auth.accounts.change_account(&name, &change).await?, &name)?;
    app.auth.changed();
    let (by, disabled, permissions) = (caller.trigger.to_string(), body.disabled, &body.permissions);
    tracing::info!(by, user = name, ?disabled, ?permissions, grant = ?body.grant, revoke = ?body.revoke, "user changed");
    Ok(Json((&find(&app, &name).await?).into()))
}

/// Deletes an account with its sessions and tokens. Runs keep its name.
#[utoipa::path(delete, path = "/admin/users/{name}", tag = "users", params(("name" = String, Path)),
    responses((status = 200, body = UserDeleted), (status = 404), (status = 409)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<UserDeleted>, ApiError> {
    let name = name.to_lowercase();
    judge(app.auth.accounts.delete_account(&name).await?, &name)?;
    app.auth.changed();
    tracing::info!(by = %caller.trigger, user = name, "user deleted");
    Ok(Json(UserDeleted { name }))
}

/// Gives a local account a one-time password and ends its sessions.
#[utoipa::path(post, path = "/admin/users/{name}/password", tag = "users", params(("name" = String, Path)),
    responses((status = 200, body = OneTimePassword), (status = 404), (status = 409)))]
pub(crate) async fn password(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<OneTimePassword>, ApiError> {
    let account = find(&app, &name).await?;
    if account.source != AccountSource::Local {
        let detail = format!("the password of `{}` is not kept here but by {}", account.name, account.source.as_str());
        return Err(ApiError::new(StatusCode::CONFLICT, "no-password", detail));
    }
    let (password, hash) = app.auth.one_time_password().await?;
    if !app.auth.accounts.set_password(&account.name, &hash, true, None).await? {
        return Err(no_such_user(&name));
    }
    app.auth.changed();
    tracing::info!(by = %caller.trigger, user = account.name, "one-time password given");
    let setup_path = setup_path(&account.name, &password, "");
    Ok(Json(OneTimePassword { name: account.name, one_time_password: password, setup_path }))
}
