//! What `#[callable(…)]` may say, and what doc comments say.

use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Token};

/// The options of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<String>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            let text: LitStr = input.parse()?;
            match key.to_string().as_str() {
                "name" => options.name = Some(checked_name(text)?),
                "title" => options.title = Some(text.value()),
                _ => return Err(syn::Error::new(key.span(), "`callable` knows `name` and `title`")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// As `callables.describe` wants it: at most one `:`, module segments joined by `.`.
fn checked_name(text: LitStr) -> syn::Result<LitStr> {
    let name = text.value();
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_good = match name.split_once(':') {
        Some((module, function)) => module.split('.').all(is_word) && is_word(function),
        None => is_word(&name),
    };
    let message =
        "a callable is `function` or `module:function`, of letters, digits and `_`; modules are joined by `.`";
    if is_good { Ok(text) } else { Err(syn::Error::new(text.span(), message)) }
}

/// The doc comment among attributes, without the blank that begins each of its lines.
pub(crate) fn doc_of(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
        let text = text.value();
        Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
