//! The words of the pages without scripts, in the languages of the page, and which of them a browser wants.

use axum::http::{HeaderMap, header};

/// Every text of the pages.
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// Before the name of a provider.
    pub(crate) with: &'static str,
    pub(crate) signed_in: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) signed_out: &'static str,
    /// Before the name of a provider.
    pub(crate) sign_out_at: &'static str,
    pub(crate) set_up: &'static str,
    pub(crate) given_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) once_more: &'static str,
    pub(crate) choose: &'static str,
    pub(crate) denied: &'static str,
    pub(crate) link_used: &'static str,
    pub(crate) weak: &'static str,
    pub(crate) different: &'static str,
    pub(crate) failed: &'static str,
    /// Before a number of seconds.
    pub(crate) wait: &'static str,
}

const EN: Words = Words {
    language: "en",
    sign_in: "Sign in",
    user: "User",
    password: "Password",
    with: "Sign in with",
    signed_in: "You are signed in",
    signed_in_as: "Signed in as",
    go_on: "Go on to Nomaflow",
    sign_out: "Sign out",
    signed_out: "You are signed out",
    sign_out_at: "Sign out there too:",
    set_up: "Choose your password",
    given_password: "The password you were given",
    new_password: "New password",
    once_more: "New password, once more",
    choose: "Choose this password",
    denied: "The server did not accept that.",
    link_used: "This link has been used: the password was chosen already. Sign in with it, or ask an administrator for another link.",
    weak: "This password is too weak: too short, made of your name, or the one you were given.",
    different: "The two are not the same.",
    failed: "The server cannot do this at the moment. Try again.",
    wait: "Too many attempts. Seconds until the next one:",
};

const FR: Words = Words {
    language: "fr",
    sign_in: "Connexion",
    user: "Utilisateur",
    password: "Mot de passe",
    with: "Se connecter avec",
    signed_in: "Vous êtes connecté",
    signed_in_as: "Connecté :",
    go_on: "Continuer vers Nomaflow",
    sign_out: "Se déconnecter",
    signed_out: "Vous êtes déconnecté",
    sign_out_at: "Se déconnecter là aussi :",
    set_up: "Choisissez votre mot de passe",
    given_password: "Le mot de passe reçu",
    new_password: "Nouveau mot de passe",
    once_more: "Nouveau mot de passe, encore une fois",
    choose: "Choisir ce mot de passe",
    denied: "Le serveur n’a pas accepté ces identifiants.",
    link_used: "Ce lien a déjà servi : le mot de passe est choisi. Connectez-vous avec lui, ou demandez un autre lien à un administrateur.",
    weak: "Ce mot de passe est trop faible : trop court, fait de votre nom, ou celui que vous avez reçu.",
    different: "Les deux ne sont pas identiques.",
    failed: "Le serveur ne le peut pas pour le moment. Réessayez.",
    wait: "Trop de tentatives. Secondes à attendre :",
};

/// The words a browser wants: those of the first language it names, by weight, that the page has.
pub(crate) fn words_of(headers: &HeaderMap) -> &'static Words {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best: (f32, &Words) = (0.0, &EN);
    for part in wanted.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let tag = fields.next().unwrap_or_default().to_ascii_lowercase();
        let weight = fields.find_map(|field| field.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        let words = match tag.split('-').next() {
            Some("en") => &EN,
            Some("fr") => &FR,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, words);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_it_wants_most_of_those_there_are() {
        let language = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().unwrap())]);
            words_of(&headers).language
        };
        for (wanted, expected) in [
            ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
            ("en-GB, fr;q=0.9", "en"),
            ("de, fr;q=0.4, en;q=0.3", "fr"),
            ("fr;q=0, en;q=0.1", "en"),
            ("de", "en"),
            ("", "en"),
        ] {
            assert_eq!(language(wanted), expected, "{wanted}");
        }
    }
}
